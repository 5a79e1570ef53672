/*
 * What an image consists of: an OCI layout leads by way of its index and a
 * manifest for this machine to a configuration and layers, "docker save" has a
 * list of both.
 *
 * Runs in a process without privileges, see sup_image.h.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sup_image.h"


#define SUP_IMAGE_NESTED  4              /* an index in an index */

#if defined(__x86_64__)
#define SUP_IMAGE_ARCH    "amd64"
#elif defined(__aarch64__)
#define SUP_IMAGE_ARCH    "arm64"
#else
#define SUP_IMAGE_ARCH    "unknown"
#endif


static const char *const  sup_image_layer_types[] = {
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
    NULL
};


static const char *
sup_image_string(json_t *object, const char *name)
{
    const char  *value;

    value = json_string_value(json_object_get(object, name));

    return value != NULL ? value : "";
}


/* The name of the blob of a descriptor; -1 if its digest is none of ours. */

static int
sup_image_blob(json_t *descriptor, char *name, size_t size)
{
    const char  *digest;

    digest = sup_image_string(descriptor, "digest");

    if (strncmp(digest, "sha256:", 7) != 0
        || strlen(digest) != 7 + SUP_DIGEST_LEN
        || strspn(digest + 7, "0123456789abcdef") != SUP_DIGEST_LEN)
    {
        return sup_zip_say("has a digest that is not sha256:", digest);
    }

    (void) snprintf(name, size, "blobs/sha256/%s", digest + 7);

    return 0;
}


/* The JSON that a descriptor leads to, which is what it says. */

static json_t *
sup_image_follow(sup_image_t *img, json_t *descriptor, char *sha)
{
    char     name[128];
    json_t  *value;

    if (sup_image_blob(descriptor, name, sizeof(name)) == -1) {
        return NULL;
    }

    value = sup_blob_json(img, name, sha);

    if (value != NULL && strcmp(sha, name + sizeof("blobs/sha256/") - 1) != 0) {
        (void) sup_zip_say("has a blob with another digest:", name);
        json_decref(value);
        return NULL;
    }

    return value;
}


/* 1: for this machine, 0: it does not say for which, -1: for another one */

static int
sup_image_platform(json_t *descriptor)
{
    json_t  *platform;

    platform = json_object_get(descriptor, "platform");

    if (!json_is_object(platform)) {
        return 0;
    }

    return strcmp(sup_image_string(platform, "os"), "linux") == 0
           && strcmp(sup_image_string(platform, "architecture"),
                     SUP_IMAGE_ARCH) == 0
           ? 1 : -1;
}


/* A borrowed reference, or NULL when that was said. */

static json_t *
sup_image_choose(json_t *index, int top)
{
    size_t   i, n;
    json_t  *item, *chosen, *list;
    int      rank, best;

    list = json_object_get(index, "manifests");
    chosen = NULL;
    best = -1;
    n = 0;

    json_array_foreach(list, i, item) {
        rank = sup_image_platform(item);

        if (rank > best) {
            best = rank;
            chosen = item;
            n = 1;

        } else if (rank == best && rank >= 0) {
            n++;
        }
    }

    if (chosen == NULL) {
        (void) sup_zip_say("has no image for linux/" SUP_IMAGE_ARCH, NULL);
        return NULL;
    }

    if (n > 1 && (top || best == 0)) {
        (void) sup_zip_say("has more than one image", NULL);
        return NULL;
    }

    return chosen;
}


/* The manifest for this machine, a new reference. */

static json_t *
sup_image_manifest(sup_image_t *img)
{
    int      i;
    char     sha[SUP_DIGEST_LEN + 1];
    json_t  *now, *next, *descriptor;

    now = sup_blob_json(img, "index.json", sha);

    for (i = 0; now != NULL && i < SUP_IMAGE_NESTED; i++) {

        if (json_object_get(now, "manifests") == NULL) {
            return now;
        }

        descriptor = sup_image_choose(now, i == 0);
        next = descriptor != NULL ? sup_image_follow(img, descriptor, sha)
                                  : NULL;
        json_decref(now);
        now = next;
    }

    if (now != NULL) {
        (void) sup_zip_say("has too many indexes", NULL);
        json_decref(now);
    }

    return NULL;
}


static int
sup_image_oci(sup_image_t *img, sup_image_parts_t *parts)
{
    int          k;
    char         name[128];
    size_t       i;
    json_t      *manifest, *item;
    const char  *type;

    manifest = sup_image_manifest(img);

    if (manifest == NULL) {
        return -1;
    }

    json_array_foreach(json_object_get(manifest, "layers"), i, item) {
        type = sup_image_string(item, "mediaType");

        for (k = 0; sup_image_layer_types[k] != NULL; k++) {
            if (strcmp(type, sup_image_layer_types[k]) == 0) {
                break;
            }
        }

        if (sup_image_layer_types[k] == NULL) {
            return sup_zip_say("has a layer of a type that is not known:",
                               type);
        }

        if (sup_image_blob(item, name, sizeof(name)) == -1) {
            return -1;
        }

        (void) json_array_append_new(parts->layers, json_string(name));
    }

    parts->config = sup_image_follow(img, json_object_get(manifest, "config"),
                                     parts->id);
    json_decref(manifest);

    return parts->config != NULL ? 0 : -1;
}


static int
sup_image_docker(sup_image_t *img, sup_image_parts_t *parts)
{
    char     sha[SUP_DIGEST_LEN + 1];
    size_t   i;
    json_t  *list, *image, *item;

    list = sup_blob_json(img, "manifest.json", sha);

    if (list == NULL) {
        return -1;
    }

    if (json_array_size(list) != 1) {
        return sup_zip_say("has more than one image", NULL);
    }

    image = json_array_get(list, 0);

    json_array_foreach(json_object_get(image, "Layers"), i, item) {
        (void) json_array_append(parts->layers, item);
    }

    parts->config = sup_blob_json(img, sup_image_string(image, "Config"),
                                  parts->id);
    json_decref(list);

    return parts->config != NULL ? 0 : -1;
}


/* Do layers and their digests match, is it for this machine? */

static int
sup_image_check(sup_image_parts_t *parts)
{
    char         text[128];
    size_t       n;
    json_t      *ids;
    const char  *os, *arch;

    os = sup_image_string(parts->config, "os");
    arch = sup_image_string(parts->config, "architecture");

    if (strcmp(os, "linux") != 0 || strcmp(arch, SUP_IMAGE_ARCH) != 0) {
        (void) snprintf(text, sizeof(text), "%.40s/%.40s", os, arch);
        return sup_zip_say("is not for linux/" SUP_IMAGE_ARCH " but for", text);
    }

    ids = json_object_get(json_object_get(parts->config, "rootfs"),
                          "diff_ids");
    n = json_array_size(ids);

    if (n == 0 || n > SUP_IMAGE_LAYERS || n != json_array_size(parts->layers))
    {
        return sup_zip_say("has another number of layers than its "
                           "configuration", NULL);
    }

    return 0;
}


/* What PARTS has is never given back: the process ends. */

int
sup_image_find(sup_image_t *img, sup_image_parts_t *parts)
{
    int  rc;

    memset(parts, 0, sizeof(sup_image_parts_t));
    parts->layers = json_array();

    if (sup_blob_has(img, "index.json")) {
        rc = sup_image_oci(img, parts);

    } else if (sup_blob_has(img, "manifest.json")) {
        rc = sup_image_docker(img, parts);

    } else {
        rc = sup_zip_say("is neither an OCI layout nor of \"docker save\": it "
                         "has no index.json and no manifest.json", NULL);
    }

    return rc == 0 ? sup_image_check(parts) : -1;
}


/* Strings only; a new reference. */

static json_t *
sup_image_strings(json_t *list)
{
    size_t   i;
    json_t  *copy, *item;

    copy = json_array();

    json_array_foreach(list, i, item) {
        if (json_is_string(item)) {
            (void) json_array_append(copy, item);
        }
    }

    return copy;
}


/* What is needed to start it, as JSON; NULL if it cannot be kept. */

char *
sup_image_settings(const sup_image_parts_t *parts)
{
    char    *text;
    json_t  *config, *out;

    config = json_object_get(parts->config, "config");

    out = json_pack("{s:o, s:o, s:o, s:s}",
                    "entrypoint",
                    sup_image_strings(json_object_get(config, "Entrypoint")),
                    "cmd", sup_image_strings(json_object_get(config, "Cmd")),
                    "env", sup_image_strings(json_object_get(config, "Env")),
                    "workdir", sup_image_string(config, "WorkingDir"));

    text = json_dumps(out, JSON_COMPACT);
    json_decref(out);

    if (text == NULL || strlen(text) > SUP_IMAGE_CONFIG) {
        free(text);
        (void) sup_zip_say("has too large a configuration", NULL);
        return NULL;
    }

    return text;
}
