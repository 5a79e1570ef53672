/*
 * What the next supervisor has to know besides the scoreboard: a small file
 * for each function, RUN/v1/versions/NAME, with number, identity and settings
 * of the version that is live and of the one that is about to be.  By it an
 * adopted pool is recognised as unchanged.
 *
 * Runs in the supervisor.  Secrets in variables are in the files as in the
 * manifest, hence 0600.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sup.h"


static const char *
sup_saved_path(const char *name, const char *suffix)
{
    char         path[256];

    (void) snprintf(path, sizeof(path), "%s/%s%s", SUP_RUN_VERSIONS, name,
                    suffix);

    return sup_run_path(path);
}


static void
sup_saved_add(json_t *list, sup_version_t *v)
{
    if (v == NULL || v->root == NULL) {
        return;
    }

    (void) json_array_append_new(list,
        json_pack("{s:i, s:s, s:s, s:s, s:O}", "version", (int) v->number,
                  "digest", v->digest, "root", v->root, "opt",
                  v->opt ? v->opt : "", "spec", v->spec));
}


/*
 * A version whose zip has not been read has no identity yet and is not saved.
 * To be called before a version becomes live, so that at no moment the board
 * has one that the file does not.
 */

void
sup_saved_write(sup_fn_t *fn, sup_version_t *first, sup_version_t *second)
{
    int      err;
    char     temp[4096];
    json_t  *root, *list;

    if (fn->name[0] == '\0' || fn->name[0] == '.'
        || strchr(fn->name, '/') != NULL)
    {
        return;
    }

    list = json_array();
    sup_saved_add(list, first);
    sup_saved_add(list, second);
    root = json_pack("{s:i, s:o}", "last", (int) fn->last_number, "versions",
                     list);

    (void) snprintf(temp, sizeof(temp), "%s",
                    sup_saved_path(fn->name, ".n"));

    err = root != NULL ? sup_json_write(root, temp, 0) : ENOMEM;
    json_decref(root);

    if (!err && rename(temp, sup_saved_path(fn->name, "")) == -1) {
        err = errno;
    }

    if (err) {
        sup_log(SUP_LOG_CRIT, err, "cannot write \"%s\": a supervisor "
                "started after a crash would replace environments",
                sup_saved_path(fn->name, ""));
    }
}


void
sup_saved_remove(sup_fn_t *fn)
{
    (void) unlink(sup_saved_path(fn->name, ""));
}


/* The folder was removed under us. */

void
sup_saved_write_all(void)
{
    uint32_t   i;
    sup_fn_t  *fn;

    for (i = 0; i < sup.board.head->max_functions; i++) {
        fn = &sup.fns[i];

        if (fn->live != NULL) {
            sup_saved_write(fn, fn->live, NULL);
        }
    }
}


static void
sup_saved_restore(sup_fn_t *fn, json_t *item)
{
    json_t         *spec;
    uint32_t        number;
    const char     *digest, *root, *opt;
    sup_version_t  *v;

    spec = json_object_get(item, "spec");
    digest = json_string_value(json_object_get(item, "digest"));
    root = json_string_value(json_object_get(item, "root"));
    opt = json_string_value(json_object_get(item, "opt"));
    number = (uint32_t) json_integer_value(json_object_get(item, "version"));

    /* the board decides which of them is live */

    if (!json_is_object(spec) || digest == NULL || root == NULL
        || root[0] == '\0' || strlen(digest) != SUP_DIGEST_LEN || fn->live != NULL
        || number != sup.board.fns[fn->index].version)
    {
        return;
    }

    v = sup_version_new(fn, spec);

    if (v == NULL) {
        return;
    }

    v->number = number;
    v->root = strdup(root);
    (void) strcpy(v->digest, digest);

    if (v->n_parts > 1 && opt != NULL && opt[0] != '\0') {
        v->opt = strdup(opt);
    }

    if (v->root == NULL) {
        sup_version_release(v);
        return;
    }

    /* whose unpacker was interrupted: again, when it is needed */

    if (v->class != NULL
        && (access(v->root, F_OK) == -1
            || (v->n_parts > 1
                && (v->opt == NULL || access(v->opt, F_OK) == -1))))
    {
        free(v->opt);
        v->opt = NULL;
        v->code_state = SUP_CODE_FAILED;
        v->code_told = 1;
    }

    fn->live = v;
}


void
sup_saved_load(void)
{
    size_t      k;
    json_t     *root, *item;
    uint32_t    i;
    sup_fn_t   *fn;
    faas_fn_t  *f;

    for (i = 0; i < sup.board.head->max_functions; i++) {
        f = &sup.board.fns[i];
        fn = &sup.fns[i];

        if (f->state == FAAS_FN_FREE) {
            break;
        }

        (void) memcpy(fn->name, f->name, sizeof(fn->name) - 1);

        root = json_load_file(sup_saved_path(fn->name, ""), 0, NULL);

        fn->last_number =
            (uint32_t) json_integer_value(json_object_get(root, "last"));

        if (fn->last_number < f->version) {
            fn->last_number = f->version;
        }

        json_array_foreach(json_object_get(root, "versions"), k, item) {
            sup_saved_restore(fn, item);
        }

        json_decref(root);
    }
}


/*
 * Writes PATH anew; the caller renames it when it is whole.  0 or an errno.
 * By way of stdio: json_dumpfd() makes a system call for each word.
 */

int
sup_json_write(json_t *root, const char *path, int sync)
{
    int    fd, err;
    FILE  *f;

    fd = open(path, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC|O_NOFOLLOW, 0600);

    if (fd == -1) {
        return errno;
    }

    f = fdopen(fd, "w");

    if (f == NULL) {
        err = errno;
        (void) close(fd);
        return err;
    }

    errno = 0;
    err = 0;

    if (json_dumpf(root, f, JSON_COMPACT|JSON_SORT_KEYS) == -1
        || fflush(f) == EOF || (sync && fsync(fd) == -1))
    {
        err = errno ? errno : EIO;
    }

    if (fclose(f) == EOF && !err) {
        err = errno ? errno : EIO;
    }

    if (err) {
        (void) unlink(path);
    }

    return err;
}
