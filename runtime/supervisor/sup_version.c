/*
 * Versions: one function's settings and code at one time, read from the
 * manifest; what of them the workers have to know.
 *
 * Runs in the supervisor; making a version live takes the function's lock.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "sup.h"


#define SUP_WAKES  64


static int
sup_version_network(sup_version_t *v, const char *name)
{
    if (strcmp(name, "egress") == 0) {
        v->network = SUP_NET_EGRESS;

    } else if (strcmp(name, "none") == 0) {
        v->network = SUP_NET_NONE;

    } else if (strcmp(name, "host") == 0) {
        v->network = SUP_NET_HOST;

    } else {
        sup_log(SUP_LOG_CRIT, 0, "manifest: function \"%s\" has an unknown "
                "network \"%s\"", v->fn->name, name);
        return SUP_ERROR;
    }

    return SUP_OK;
}


static int
sup_version_kind(sup_version_t *v)
{
    if (sup_runtime_kind(v->runtime, &v->kind) != SUP_OK) {
        sup_log(SUP_LOG_CRIT, 0, "manifest: function \"%s\" has an unknown "
                "runtime \"%s\"", v->fn->name, v->runtime);
        return SUP_ERROR;
    }

    v->lang = v->kind;

    /* the command line of an official client */

    if (v->kind < SUP_RT_NATIVE && json_array_size(v->command) > 0) {
        v->kind = SUP_RT_PROVIDED;

    } else if (sup_wrapped(v)) {
        v->kind = SUP_RT_WRAPPED;
    }

    return SUP_OK;
}


/* Where code and layers come from; what is known of them stays. */

static int
sup_version_parts(sup_version_t *v, json_t *layers)
{
    size_t   i;
    json_t  *item;

    v->parts[0].path = v->code;
    v->n_parts = 1;

    json_array_foreach(layers, i, item) {

        if (!json_is_string(item) || v->n_parts == SUP_PARTS) {
            sup_log(SUP_LOG_CRIT, 0, "manifest: function \"%s\" has bad "
                    "layers", v->fn->name);
            return SUP_ERROR;
        }

        v->parts[v->n_parts++].path = json_string_value(item);
    }

    return SUP_OK;
}


/* What a manifest may leave out. */

static void
sup_version_clear(sup_version_t *v)
{
    v->lambda_name = v->fn->name;
    v->lambda_version = "$LATEST";
    v->refused = NULL;
    v->shared = NULL;
    v->text = NULL;
    v->listen = NULL;
    v->readiness = NULL;
    v->image = 0;
    v->cpu_milli = 0;
}


/* The strings belong to SPEC, which the version holds. */

int
sup_version_parse(sup_version_t *v, json_t *spec)
{
    json_t       *layers;
    const char   *network;
    json_error_t  err;

    layers = NULL;
    network = "egress";
    sup_version_clear(v);

    if (json_unpack_ex(spec, &err, 0,
            "{s:s, s:s, s:s, s:o, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, "
            "s:i, s:i, s:s, s:s, s:o, s:i, s:b, s?s, s?s, s?s, s?o, s?o, "
            "s?i, s?o, s?s, s?b, s?s, s?s}",
            "runtime", &v->runtime, "handler", &v->handler,
            "code", &v->code, "command", &v->command,
            "timeout_ms", &v->timeout_ms, "memory_mb", &v->memory_mb,
            "concurrency", &v->concurrency, "provisioned", &v->provisioned,
            "queue", &v->queue, "queue_timeout_ms", &v->queue_timeout_ms,
            "max_requests", &v->max_requests, "max_age_ms", &v->max_age_ms,
            "idle_timeout_ms", &v->idle_timeout_ms, "tmp_mb", &v->tmp_mb,
            "account", &v->account, "region", &v->region,
            "environment", &v->variables,
            "environment_concurrency", &v->capacity,
            "reload_on_change", &v->reload,
            "lambda_name", &v->lambda_name,
            "lambda_version", &v->lambda_version,
            "network", &network, "refused", &v->refused,
            "shared", &v->shared, "cpu_milli", &v->cpu_milli,
            "layers", &layers, "text", &v->text,
            "image", &v->image,
            "listen", &v->listen, "readiness", &v->readiness) == -1)
    {
        sup_log(SUP_LOG_CRIT, 0, "manifest: function \"%s\": %s",
                v->fn->name, err.text);
        return SUP_ERROR;
    }

    if (sup_version_kind(v) != SUP_OK
        || sup_version_network(v, network) != SUP_OK
        || sup_version_parts(v, layers) != SUP_OK)
    {
        return SUP_ERROR;
    }

    if (v->capacity == 0) {
        v->capacity = 1;
    }

    (void) json_incref(spec);

    if (v->spec != NULL) {
        json_decref(v->spec);
    }

    v->spec = spec;

    return SUP_OK;
}


sup_version_t *
sup_version_new(sup_fn_t *fn, json_t *spec)
{
    sup_version_t  *v;

    v = calloc(1, sizeof(sup_version_t));

    if (v == NULL) {
        return NULL;
    }

    v->fn = fn;

    if (sup_version_parse(v, spec) != SUP_OK) {
        free(v);
        return NULL;
    }

    v->class = sup_class_get(v);

    if (v->class == NULL) {
        v->code_state = SUP_CODE_FAILED;
        (void) snprintf(v->code_error, sizeof(v->code_error),
                        "no interpreter for runtime %s is installed",
                        v->runtime);
    }

    v->next = sup.versions;
    sup.versions = v;

    return v;
}


/* Goes with its last environment, once no function points to it. */

void
sup_version_release(sup_version_t *v)
{
    uint32_t         i;
    sup_version_t  **p;

    if (v == NULL || v->refs > 0 || v->fn->live == v || v->fn->next == v
        || v->fn->pending == v || v->unpacker > 0)
    {
        return;
    }

    for (p = &sup.versions; *p != NULL; p = &(*p)->next) {
        if (*p == v) {
            *p = v->next;
            break;
        }
    }

    for (i = 0; i < SUP_PARTS; i++) {
        free(v->parts[i].root);
    }

    json_decref(v->spec);
    json_decref(v->settings);
    free(v->root);
    free(v->opt);
    free(v);
}


static void
sup_digest_text(EVP_MD_CTX *md, const char *name, const char *text)
{
    (void) EVP_DigestUpdate(md, name, strlen(name) + 1);

    if (text != NULL) {
        (void) EVP_DigestUpdate(md, text, strlen(text) + 1);
    }
}


static void
sup_digest_number(EVP_MD_CTX *md, const char *name, uint64_t n)
{
    char  text[32];

    (void) snprintf(text, sizeof(text), "%llu", (unsigned long long) n);
    sup_digest_text(md, name, text);
}


static void
sup_digest_json(EVP_MD_CTX *md, const char *name, json_t *value)
{
    char  *text;

    text = json_dumps(value, JSON_COMPACT|JSON_SORT_KEYS|JSON_ENCODE_ANY);
    sup_digest_text(md, name, text);
    free(text);
}


/*
 * The identity of a pool: everything that a running environment cannot change
 * any more.  Limits that workers apply are left out on purpose: a new timeout
 * keeps the warm pool.
 */

void
sup_version_digest(sup_version_t *v)
{
    u_char       out[EVP_MAX_MD_SIZE];
    unsigned     i, len;
    EVP_MD_CTX  *md;

    md = EVP_MD_CTX_new();

    if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(md);
        return;
    }

    sup_digest_text(md, "runtime", v->runtime);
    sup_digest_text(md, "handler", v->handler);
    sup_digest_json(md, "command", v->command);
    sup_digest_json(md, "environment", v->variables);
    sup_digest_json(md, "refused", v->refused);
    sup_digest_json(md, "shared", v->shared);
    sup_digest_text(md, "name", v->lambda_name);
    sup_digest_text(md, "version", v->lambda_version);
    sup_digest_text(md, "region", v->region);
    sup_digest_number(md, "network", v->network);
    sup_digest_number(md, "cpu", v->cpu_milli);
    sup_digest_number(md, "memory", v->memory_mb);
    sup_digest_number(md, "tmp", v->tmp_mb);
    sup_digest_number(md, "capacity", v->capacity);
    sup_digest_number(md, "request", sup.request_max);
    sup_digest_number(md, "response", sup.response_max);
    sup_digest_number(md, "isolation", sup.isolation);

    /* of no other runtime: what these have been is what they stay */

    if (v->kind == SUP_RT_WEB) {
        sup_digest_text(md, "listen", v->listen);
        sup_digest_text(md, "readiness", v->readiness);
    }

    for (i = 0; i < v->n_parts; i++) {
        sup_digest_text(md, i == 0 ? "code" : "layer", v->parts[i].id);
    }

    if (EVP_DigestFinal_ex(md, out, &len) == 1) {
        for (i = 0; i < len && i * 2 < SUP_DIGEST_LEN; i++) {
            (void) sprintf(v->digest + i * 2, "%02x", out[i]);
        }
    }

    EVP_MD_CTX_free(md);
}


static void
sup_version_limits(sup_version_t *v, faas_fn_t *limits)
{
    memset(limits, 0, sizeof(faas_fn_t));

    limits->capacity = v->capacity;

    /* 0: not reserved; -1: reserved, but nothing: every request is refused */

    if (v->concurrency == UINT32_MAX) {
        limits->concurrency = 0;

    } else {
        limits->concurrency = v->concurrency ? v->concurrency
                                             : sup.max_envs * v->capacity;
    }

    limits->queue_max = v->queue;
    limits->queue_timeout_ms = v->queue_timeout_ms;
    limits->init_timeout_ms = v->provisioned ? SUP_INIT_PROV_MS : SUP_INIT_MS;
    limits->timeout_ms = v->timeout_ms;
    limits->memory_mb = v->memory_mb;
    limits->max_requests = v->max_requests;
    limits->provisioned = v->provisioned;

    if (v->kind == SUP_RT_FASTCGI || v->kind == SUP_RT_WEB) {
        limits->flags |= FAAS_FN_CGI;

        /* faas-web takes more connections than the program requests */

        if (v->capacity == 1 && v->kind == SUP_RT_FASTCGI) {
            limits->flags |= FAAS_FN_ONE_CONN;
        }
    }

    (void) snprintf(limits->arn, sizeof(limits->arn),
                    "arn:aws:lambda:%.40s:%.20s:function:%.64s", v->region,
                    v->account, v->lambda_name);
}


/*
 * A switch looks at every ticket: with a thousand functions a reload that
 * changes one of them is not to pay for all.
 */

static int
sup_version_unchanged(sup_version_t *v, const faas_fn_t *limits)
{
    const faas_fn_t  *f;

    f = &sup.board.fns[v->fn->index];

    return f->state == FAAS_FN_LIVE
           && f->version == v->number
           && f->backoff_until_ms == 0
           && f->flags == limits->flags
           && f->concurrency == limits->concurrency
           && f->capacity == limits->capacity
           && f->queue_max == limits->queue_max
           && f->queue_timeout_ms == limits->queue_timeout_ms
           && f->init_timeout_ms == limits->init_timeout_ms
           && f->timeout_ms == limits->timeout_ms
           && f->memory_mb == limits->memory_mb
           && f->max_requests == limits->max_requests
           && f->provisioned == limits->provisioned
           && strcmp(f->arn, limits->arn) == 0;
}


/* Makes V the version that workers use, or gives its new limits to them. */

void
sup_version_live(sup_version_t *v)
{
    uint32_t         i, n, wakes[SUP_WAKES];
    sup_fn_t        *fn;
    faas_fn_t        limits;
    sup_version_t   *old;

    fn = v->fn;
    old = fn->live;
    fn->live = v;

    sup_version_limits(v, &limits);

    if (old == v && sup_version_unchanged(v, &limits)) {
        return;
    }

    n = faas_fn_switch(&sup.board, fn->index, v->number, &limits,
                       faas_now_ms(), wakes, SUP_WAKES);

    for (i = 0; i < n; i++) {
        sup_ring(wakes[i]);
    }

    if (n == SUP_WAKES) {
        sup_workers_nudge();
    }

    /* requests may have come before it was known that none is allowed */

    while (limits.concurrency == 0
           && faas_fn_fail_one(&sup.board, fn->index, FAAS_WHY_THROTTLED,
                               &wakes[0]))
    {
        sup_ring(wakes[0]);
    }

    if (old != v) {
        fn->failures = 0;
        fn->retry_ms = 0;
        sup_version_release(old);
    }
}
