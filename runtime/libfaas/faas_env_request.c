/*
 * A request that was read becomes the current invocation.
 *
 * Runs in environments, in the thread that calls faas_next(); takes
 * faas_env.lock to name the current connection.
 */

#include <string.h>

#include "faas_env_core.h"
#include "faas_fcgi.h"
#include "faas_proto.h"


static void faas_request_param(faas_invocation_t *inv, const char *name,
    size_t nlen, const char *value, size_t vlen);


/* FAAS_ENV_ERROR if its parameters are malformed. */

int
faas_request_take(faas_conn_t *c, faas_invocation_t *inv)
{
    int                   rc;
    size_t                nlen, vlen;
    const unsigned char  *pos, *last, *name, *value, *end;

    inv->event = (char *) c->buf + c->event;
    inv->event_len = c->event_end - c->event;
    inv->request_id = inv->arn = inv->trace_id = inv->client_context = "";
    inv->identity = inv->content_type = "";
    inv->request_id_len = inv->arn_len = inv->trace_id_len = 0;
    inv->client_context_len = inv->identity_len = inv->content_type_len = 0;
    inv->deadline_ms = 0;
    inv->streaming = 0;

    pos = c->buf + c->params;
    last = c->buf + c->params_end;
    end = NULL;

    for ( ;; ) {
        rc = faas_fcgi_get_param(&pos, last, &name, &nlen, &value, &vlen);

        /* the byte behind a value is the next pair's length, now read */

        if (end) {
            c->buf[end - c->buf] = '\0';
        }

        if (rc != 1) {
            break;
        }

        end = value + vlen;
        faas_request_param(inv, (char *) name, nlen, (char *) value, vlen);
    }

    if (rc == -1) {
        return FAAS_ENV_ERROR;
    }

    (void) pthread_mutex_lock(&faas_env.lock);
    faas_env.current = c;
    faas_env.broken = 0;
    (void) pthread_mutex_unlock(&faas_env.lock);

    return FAAS_ENV_OK;
}


#define faas_is(name, nlen, s)                                                \
    ((nlen) == sizeof(s) - 1 && memcmp(name, s, sizeof(s) - 1) == 0)


static void
faas_request_param(faas_invocation_t *inv, const char *name, size_t nlen,
    const char *value, size_t vlen)
{
    size_t  i;

    if (faas_is(name, nlen, FAAS_PARAM_REQUEST_ID)) {
        inv->request_id = value;
        inv->request_id_len = vlen;

    } else if (faas_is(name, nlen, FAAS_PARAM_DEADLINE_MS)) {

        for (i = 0; i < vlen && i < 18; i++) {
            if (value[i] < '0' || value[i] > '9') {
                break;
            }

            inv->deadline_ms = inv->deadline_ms * 10 + (value[i] - '0');
        }

    } else if (faas_is(name, nlen, FAAS_PARAM_ARN)) {
        inv->arn = value;
        inv->arn_len = vlen;

    } else if (faas_is(name, nlen, FAAS_PARAM_TRACE_ID)) {
        inv->trace_id = value;
        inv->trace_id_len = vlen;

    } else if (faas_is(name, nlen, FAAS_PARAM_CLIENT)) {
        inv->client_context = value;
        inv->client_context_len = vlen;

    } else if (faas_is(name, nlen, FAAS_PARAM_IDENTITY)) {
        inv->identity = value;
        inv->identity_len = vlen;

    } else if (faas_is(name, nlen, FAAS_PARAM_CONTENT_TYPE)) {
        inv->content_type = value;
        inv->content_type_len = vlen;

    } else if (faas_is(name, nlen, FAAS_PARAM_STREAMING)) {
        inv->streaming = (vlen == 1 && *value == '1');
    }
}
