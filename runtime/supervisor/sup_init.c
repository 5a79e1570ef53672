/*
 * Environments that do not start: one retry (contract 4.1), then the error is
 * given to those who wait and the function backs off, doubling the pause.
 *
 * Runs in the supervisor; the error is written under the function's lock.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sup.h"
#include "faas_exit.h"


/* At most N bytes of SRC, ending with a whole character. */

static void
sup_cut(char *dst, const char *src, size_t n)
{
    size_t  len;

    len = strlen(src);

    if (len > n) {
        len = n;

        while (len > 0 && ((u_char) src[len] & 0xc0) == 0x80) {
            len--;
        }
    }

    memcpy(dst, src, len);
    dst[len] = '\0';
}


/* An error payload of at most SIZE - 1 bytes, the message cut to fit. */

static void
sup_init_payload(char *buf, size_t size, const char *type,
    const char *message)
{
    char    *text, short_type[128], cut[FAAS_ERROR_MAX];
    size_t   n;
    json_t  *root;

    sup_cut(short_type, type, sizeof(short_type) - 1);
    buf[0] = '\0';

    /* escapes may make a short message long: shorter until it fits */

    for (n = sizeof(cut) - 1; n > 0; n = n * 3 / 4) {
        sup_cut(cut, message, n);

        root = json_pack("{s:s, s:s}", "errorType", short_type,
                         "errorMessage", cut);
        text = json_dumps(root, JSON_COMPACT);
        json_decref(root);

        if (text != NULL && strlen(text) < size) {
            (void) strcpy(buf, text);
            free(text);
            return;
        }

        free(text);
    }
}


/*
 * The runtime's own report.  It is the body a client gets, so it is kept as
 * it is when it fits and is valid JSON.
 */

void
sup_init_error(sup_env_t *env, const char *payload, size_t len)
{
    char         text[FAAS_ERROR_MAX], shown[2048], kind[256];
    json_t      *root;
    const char  *type, *message;

    root = json_loadb(payload, len, 0, NULL);
    type = json_string_value(json_object_get(root, "errorType"));
    message = json_string_value(json_object_get(root, "errorMessage"));

    type = type ? type : "Runtime.Unknown";
    message = message ? message : "the runtime reported no message";

    if (json_is_object(root) && len < sizeof(text)) {
        memcpy(text, payload, len);
        text[len] = '\0';

    } else {
        sup_init_payload(text, sizeof(text), type, message);
    }

    (void) sup_escape(kind, sizeof(kind), type, strlen(type));
    (void) sup_escape(shown, sizeof(shown), message, strlen(message));

    sup_log(SUP_LOG_ERROR, 0, "%s failed to load its function: %s: %s",
            sup_env_text(env), kind, shown);

    json_decref(root);

    env->reported = 1;
    env->want_why = FAAS_WHY_INIT_ERROR;
    sup_env_end(env, FAAS_WHY_INIT_ERROR);
    sup_init_failed(env->version, FAAS_WHY_INIT_ERROR, 0, text);
    sup_pool_ended(env->version->fn);
}


/* What init_error says when the runtime has said nothing. */

static void
sup_init_message_for(char *buf, size_t size, uint32_t why, int32_t code,
    const char *last)
{
    switch (why) {

    case FAAS_WHY_INIT_TIMEOUT:
        (void) snprintf(buf, size, "Init timed out after %.2f seconds",
                        SUP_INIT_MS / 1000.0);
        break;

    case FAAS_WHY_INIT_CRASHED:
        faas_exit_text(buf, size, code);
        break;

    case FAAS_WHY_OOM:
        (void) snprintf(buf, size, "Runtime exited with error: signal: "
                        "killed");
        break;

    default:
        (void) snprintf(buf, size, "%.400s",
                        last[0] ? last : faas_why_name(why));
        break;
    }
}


/* Those who have no environment on its way get the error now. */

static void
sup_init_fail_waiters(sup_fn_t *fn, uint32_t why)
{
    uint32_t    wake, starting, waiting;
    faas_fn_t  *f;

    f = &sup.board.fns[fn->index];

    for ( ;; ) {

        if (faas_fn_lock(&sup.board, fn->index) != FAAS_OK) {
            return;
        }

        starting = f->n_starting * (f->capacity ? f->capacity : 1);
        waiting = f->n_envs > f->n_starting ? 0 : f->n_waiting;
        faas_fn_unlock(&sup.board, fn->index);

        if (waiting <= starting
            || !faas_fn_fail_one(&sup.board, fn->index, why, &wake))
        {
            return;
        }

        sup_ring(wake);
    }
}


static void
sup_init_backoff(sup_fn_t *fn, uint32_t why, const char *text)
{
    uint32_t    n, wake;
    uint64_t    wait;
    faas_fn_t  *f;

    f = &sup.board.fns[fn->index];
    n = fn->failures - 2;
    wait = SUP_BACKOFF_MIN_MS << (n < 9 ? n : 9);
    wait = wait > SUP_BACKOFF_MAX_MS ? SUP_BACKOFF_MAX_MS : wait;
    fn->retry_ms = faas_now_ms() + wait;

    if (faas_fn_lock(&sup.board, fn->index) == FAAS_OK) {
        f->init_why = why;
        (void) snprintf(f->init_error, sizeof(f->init_error), "%s", text);
        f->backoff_until_ms = faas_now_ms() + wait;
        faas_fn_unlock(&sup.board, fn->index);
    }

    sup_log(SUP_LOG_ERROR, 0, "function \"%s\" does not start (%s), %u "
            "failures in a row, next attempt in %u ms", fn->name,
            faas_why_name(why), fn->failures, (unsigned) wait);

    if (faas_fn_fail_one(&sup.board, fn->index, why, &wake)) {
        sup_ring(wake);
    }

    sup_init_fail_waiters(fn, why);
}


/*
 * A failure is forgotten when an environment that was started after it has
 * answered a request, or has been up for a while: one that was there before
 * says nothing of those that are started now, and ready is what a program
 * that ends at once says too.
 */

void
sup_init_proven(sup_fn_t *fn)
{
    uint32_t     i;
    uint64_t     now;
    faas_env_t  *e;

    if (fn->failures == 0) {
        return;
    }

    now = faas_now_ms();

    for (i = 0; i < sup.board.head->max_envs; i++) {
        e = &sup.board.envs[i];

        if (!sup.envs[i].used || sup.envs[i].ending || sup.envs[i].dead
            || sup.envs[i].version != fn->live || e->born_ms < fn->failed_ms
            || (e->state != FAAS_ENV_IDLE && e->state != FAAS_ENV_BUSY))
        {
            continue;
        }

        if (e->requests > 0 || now - e->born_ms > SUP_PROVEN_MS) {
            fn->failures = 0;
            fn->retry_ms = 0;
            return;
        }
    }
}


/*
 * An environment of V ended before it was ready, or so soon after that that
 * it cannot be said to have started.  TEXT is the report's JSON with
 * FAAS_WHY_INIT_ERROR, else what the process said last.
 */

void
sup_init_failed(sup_version_t *v, uint32_t why, int32_t code,
    const char *text)
{
    char       message[FAAS_ERROR_MAX];
    sup_fn_t  *fn;

    fn = v->fn;

    if (why == FAAS_WHY_REPLACED || why == FAAS_WHY_REMOVED
        || why == FAAS_WHY_SHUTDOWN)
    {
        return;
    }

    if (why == FAAS_WHY_INIT_ERROR) {
        (void) snprintf(message, sizeof(message), "%s", text);

    } else {
        sup_init_message_for(message, sizeof(message), why, code, text);
    }

    if (v == fn->next) {
        sup_switch_failed(fn, why, why == FAAS_WHY_INIT_CRASHED && text[0]
                                   ? text : message);
        return;
    }

    if (v != fn->live) {
        return;
    }

    /* started with the one for which the pause was made: not another attempt */

    if (faas_now_ms() < sup.board.fns[fn->index].backoff_until_ms) {
        sup_init_fail_waiters(fn, why);
        return;
    }

    sup_init_proven(fn);
    fn->failures++;
    fn->failed_ms = faas_now_ms();

    if (fn->failures == 1) {
        sup_log(SUP_LOG_WARN, 0, "function \"%s\" did not start (%s), trying "
                "once more", fn->name, faas_why_name(why));
        return;
    }

    sup_init_backoff(fn, why, message);
}
