/*
 * The Runtime API (contract, section 1): which endpoint a request is for,
 * whether the runtime may call it now, and what comes of it.
 *
 * Runs in the bridge's one thread; no locks.  A request is looked at when its
 * head is there, so that a body that nobody wants is not kept, and again when
 * its body is complete.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prov.h"
#include "prov_telemetry.h"


#define PROV_API       "/2018-06-01/runtime/"
#define PROV_SECOND    "State transition from %s to %s failed for runtime. " \
                       "Error: State transition is not allowed"


typedef struct {
    const char       *path;
    size_t            len;
    prov_method_e     method;
    prov_endpoint_e   endpoint;
} prov_route_t;


static const prov_route_t  prov_routes[] = {
    { prov_literal(PROV_API "invocation/next"), PROV_GET, PROV_EP_NEXT },
    { prov_literal(PROV_API "init/error"), PROV_POST, PROV_EP_INIT_ERROR },
    { prov_literal("/2018-06-01/ping"), PROV_GET, PROV_EP_PING },
    { prov_literal("/2020-01-01/extension/register"), PROV_POST,
      PROV_EP_EXT_REGISTER },
    { prov_literal("/2020-01-01/extension/event/next"), PROV_GET,
      PROV_EP_EXT_NEXT },
    { prov_literal("/2020-01-01/extension/init/error"), PROV_POST,
      PROV_EP_EXT_INIT_ERROR },
    { prov_literal("/2020-01-01/extension/exit/error"), PROV_POST,
      PROV_EP_EXT_EXIT_ERROR },
    { prov_literal("/2022-07-01/telemetry"), PROV_PUT, PROV_EP_TELEMETRY },
    { prov_literal("/2020-08-15/logs"), PROV_PUT, PROV_EP_LOGS }
};


/* as answers call them; the last two are states of an invocation */

static const char  *prov_states[] = {
    "Started", "Ready", "Running", "RuntimeResponseSentState", "InitError"
};


char *
prov_api_text(prov_conn_t *c, size_t off)
{
    return c->in.data + c->in.pos + off;
}


static int
prov_api_refuse(prov_conn_t *c, int status, const char *type,
    const char *message)
{
    c->status = status;
    c->type = type;
    c->message = message;
    c->max = 0;

    return PROV_ERROR;
}


static int
prov_api_transition(prov_conn_t *c, const char *from, const char *to)
{
    static char  text[192];

    (void) snprintf(text, sizeof(text), PROV_SECOND, from, to);

    return prov_api_refuse(c, 403, "InvalidStateTransition", text);
}


static int
prov_hex(char c)
{
    return (c >= '0' && c <= '9') ? c - '0'
           : (c >= 'a' && c <= 'f') ? c - 'a' + 10
           : (c >= 'A' && c <= 'F') ? c - 'A' + 10 : -1;
}


/* The id in a path, which some clients encode; 0 when it is too long. */

static size_t
prov_api_id(char *id, const char *p, size_t len)
{
    size_t  i, n;

    for (i = 0, n = 0; i < len && n < PROV_ID_MAX - 1; i++, n++) {
        if (p[i] == '%' && i + 2 < len && prov_hex(p[i + 1]) != -1
            && prov_hex(p[i + 2]) != -1)
        {
            id[n] = (char) (prov_hex(p[i + 1]) * 16 + prov_hex(p[i + 2]));
            i += 2;

        } else {
            id[n] = p[i];
        }
    }

    return i == len ? n : 0;
}


/*
 * .../invocation/{id}/response and /error.  PROV_ERROR when it is neither.
 */

static int
prov_api_invocation(prov_conn_t *c, const char *path, size_t len,
    const char **id, size_t *id_len)
{
    size_t       n;
    const char  *end;

    n = sizeof(PROV_API "invocation/") - 1;

    if (len <= n || memcmp(path, PROV_API "invocation/", n) != 0) {
        return PROV_ERROR;
    }

    *id = path + n;
    end = memchr(*id, '/', len - n);

    if (end == NULL) {
        return PROV_ERROR;
    }

    *id_len = end - *id;
    n = path + len - end;

    if (n == 9 && memcmp(end, "/response", 9) == 0) {
        c->endpoint = PROV_EP_RESPONSE;

    } else if (n == 6 && memcmp(end, "/error", 6) == 0) {
        c->endpoint = PROV_EP_ERROR;

    } else {
        return PROV_ERROR;
    }

    return PROV_OK;
}


/* The runtime has no invocation of that id, now or any more. */

static int
prov_api_no_work(prov_conn_t *c, const char *id, size_t len, const char *to)
{
    if (!prov_was_sent(id, len)
        || (prov.max == 1 && prov.state != PROV_SENT))
    {
        return prov.max == 1
               ? prov_api_refuse(c, 400, "InvalidRequestID",
                                 "Invalid request ID")
               : prov_api_refuse(c, 400, "Runtime.InvalidInvokeId",
                                 "Invalid invoke ID");
    }

    return prov.max == 1
           ? prov_api_transition(c, prov_states[PROV_SENT], to)
           : prov_api_refuse(c, 403, "Runtime.InvokeResponseWasSent",
                             "Response was sent already");
}


/* Contract 1.2: the id first, then the state. */

static int
prov_api_answer_head(prov_conn_t *c, const char *raw, size_t raw_len)
{
    char          id[PROV_ID_MAX];
    size_t        len;
    const char   *to;
    prov_work_t  *w;
    prov_span_t  *mode;

    to = c->endpoint == PROV_EP_RESPONSE ? "InvocationResponse"
                                         : "InvocationErrorResponse";
    len = prov_api_id(id, raw, raw_len);
    w = prov_find(id, len);

    if (w == NULL) {
        return prov_api_no_work(c, id, len, to);
    }

    if (w->state == PROV_WORK_ANSWERING) {
        return prov.max > 1
               ? prov_api_refuse(c, 403, w->error
                                 ? "Runtime.ErrorResponseInProgress"
                                 : "Runtime.InvokeResponseInProgress",
                                 "Response is being sent already")
               : prov_api_transition(c, w->error ? "InvocationErrorResponse"
                                                 : "InvocationResponse", to);
    }

    mode = &c->http.h[PROV_H_RESPONSE_MODE];

    if (c->endpoint == PROV_EP_RESPONSE && mode->off
        && (mode->len != 9
            || memcmp(prov_api_text(c, mode->off), "streaming", 9) != 0))
    {
        prov_answer_failure(w, "Runtime.InvalidResponseModeHeader",
                            "Invalid function response mode");
        return prov_api_refuse(c, 400, "InvalidFunctionResponseMode",
                               "Invalid function response mode");
    }

    w->state = PROV_WORK_ANSWERING;
    w->error = c->endpoint == PROV_EP_ERROR;
    c->work = w;
    c->max = prov.response_max;

    if (c->endpoint == PROV_EP_RESPONSE
        && (mode->off || prov_stream_type(c)))
    {
        prov_stream_begin(c);
    }

    return PROV_OK;
}


static int
prov_api_next_head(prov_conn_t *c)
{
    if (prov.state == PROV_INIT_ERROR) {
        return prov_api_transition(c, prov_states[prov.state], "Ready");
    }

    if (prov.max > 1) {
        return prov.n_nexts + prov.running < prov.max
               ? PROV_OK
               : prov_api_refuse(c, 403, "Runtime.TooManyIdleRuntimes",
                                 "Too many calls of next");
    }

    /* one that lost its connection comes again */

    if ((prov.state == PROV_READY && prov.n_nexts > 0)
        || (prov.state == PROV_RUNNING && prov.current == NULL)
        || (prov.state == PROV_RUNNING
            && prov.current->state == PROV_WORK_ANSWERING))
    {
        return prov_api_transition(c, prov_states[prov.state], "Ready");
    }

    return PROV_OK;
}


static int
prov_api_route(prov_conn_t *c, const char *path, size_t len)
{
    size_t  i;

    for (i = 0; i < sizeof(prov_routes) / sizeof(prov_route_t); i++) {

        if (prov_routes[i].len == len
            && memcmp(prov_routes[i].path, path, len) == 0)
        {
            c->endpoint = prov_routes[i].endpoint;

            return c->http.method == prov_routes[i].method
                   ? PROV_OK : prov_api_refuse(c, 405, NULL, NULL);
        }
    }

    return prov_api_refuse(c, 404, NULL, NULL);
}


/* PROV_ERROR: it is refused, and c->status says how. */

int
prov_api_head(prov_conn_t *c)
{
    size_t       len, id_len;
    const char  *path, *id, *query;

    c->endpoint = PROV_EP_NONE;
    c->work = NULL;

    path = prov_api_text(c, c->http.path.off);
    len = c->http.path.len;
    query = memchr(path, '?', len);
    len = query ? (size_t) (query - path) : len;

    if (prov_api_invocation(c, path, len, &id, &id_len) == PROV_OK) {

        return c->http.method == PROV_POST
               ? prov_api_answer_head(c, id, id_len)
               : prov_api_refuse(c, 405, NULL, NULL);
    }

    if (prov_api_route(c, path, len) != PROV_OK) {
        return PROV_ERROR;
    }

    if (c->endpoint == PROV_EP_NEXT) {
        return prov_api_next_head(c);
    }

    if (c->endpoint == PROV_EP_INIT_ERROR && prov.state != PROV_STARTED) {
        return prov_api_transition(c, prov_states[prov.state], "InitError");
    }

    return PROV_OK;
}


/* With "next" init is over, and the invocation before it. */

static void
prov_api_next(prov_conn_t *c)
{
    prov_release();

    if (prov.max == 1 && prov.state == PROV_RUNNING) {
        prov_send_event(c, prov.current);     /* the same one again */
        return;
    }

    if (prov.max == 1 || prov.state == PROV_STARTED) {
        prov.state = PROV_READY;
    }

    prov_tm_report();
    prov_conn_wait(c);
    prov_ext_settle();
}


static void
prov_api_response(prov_conn_t *c, char *body, size_t len)
{
    char          text[96];
    prov_work_t  *w;

    w = c->work;
    c->work = NULL;

    if (c->http.total > c->max) {
        (void) snprintf(text, sizeof(text), "Response payload size exceeded "
                        "maximum allowed payload size (%llu bytes).",
                        (unsigned long long) prov.response_max);
        prov_answer_failure(w, "Function.ResponseSizeTooLarge", text);

        (void) snprintf(text, sizeof(text), "Exceeded maximum allowed payload "
                        "size (%llu bytes).",
                        (unsigned long long) prov.response_max);
        prov_conn_json(c, 413, "RequestEntityTooLarge", text);
        return;
    }

    if (c->endpoint == PROV_EP_ERROR) {
        prov_answer_error(w, c, body, len);

    } else {
        prov_answer_response(w, c, body, len);
    }

    prov_conn_json(c, 202, NULL, NULL);
}


/* The supervisor gets it when the process has ended, which comes next. */

static void
prov_api_init_error(prov_conn_t *c, char *body, size_t len)
{
    prov_span_t  *type;

    type = &c->http.h[PROV_H_ERROR_TYPE];

    prov.state = PROV_INIT_ERROR;
    prov_report(body, len, type->len ? prov_api_text(c, type->off) : NULL,
                type->len);
    prov_conn_json(c, 202, NULL, NULL);
    prov_exit_soon(PROV_INIT_ERROR_MS);
}


static void
prov_api_refused(prov_conn_t *c)
{
    static const char  text[] = "Content-Type: text/plain\r\n\r\n";

    if (c->type != NULL) {
        prov_conn_json(c, c->status, c->type, c->message);

    } else if (c->status == 404) {
        prov_conn_reply(c, 404, prov_literal(text),
                        prov_literal("404 page not found\n"));

    } else {
        prov_conn_reply(c, c->status, NULL, 0, NULL, 0);
    }
}


/* The request is complete. */

void
prov_api_body(prov_conn_t *c)
{
    char    *body;
    size_t   len;

    static const char  text[] = "Content-Type: text/plain\r\n\r\n";

    if (c->status != 0) {
        prov_api_refused(c);
        return;
    }

    body = prov_api_text(c, c->http.body);
    len = c->http.body_end - c->http.body;

    switch (c->endpoint) {

    case PROV_EP_NEXT:
        prov_api_next(c);
        return;

    case PROV_EP_RESPONSE:
    case PROV_EP_ERROR:
        prov_api_response(c, body, len);
        return;

    case PROV_EP_INIT_ERROR:
        prov_api_init_error(c, body, len);
        return;

    case PROV_EP_PING:
        prov_conn_reply(c, 200, prov_literal(text), prov_literal("pong"));
        return;

    default:
        prov_ext_request(c, body, len);
        return;
    }
}


/* Nothing more comes of the answer that it was sending. */

void
prov_api_cut(prov_conn_t *c)
{
    prov_work_t  *w;

    w = c->work;
    c->work = NULL;
    c->stream = 0;

    if (w != NULL) {
        prov_answer_failure(w, "Runtime.TruncatedResponse",
                            "HTTP request detected as truncated");
    }
}


/* Its body was cut, or is not framed as it says: contract 1.2. */

void
prov_api_broken(prov_conn_t *c)
{
    prov_api_cut(c);

    if (c->status != 0) {
        prov_api_refused(c);
        return;
    }

    prov_conn_json(c, 400, "TruncatedHTTPRequest",
                   "HTTP request detected as truncated");
}
