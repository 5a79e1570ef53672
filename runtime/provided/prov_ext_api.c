/*
 * The Extensions API (contract 2.1): registration, "next", errors.
 *
 * Runs in the bridge's one thread; no locks.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "prov_telemetry.h"
#include "faas_json.h"


#define PROV_EXT_TRANSITION                                                   \
    "State transition from %s to %s failed for extension %s. Error: State "   \
    "transition is not allowed"


static const char  *prov_ext_states[] = {
    "Started", "Registered", "Ready", "Running", "InitError", "ExitError"
};


void
prov_uuid(char *id)
{
    u_char  r[16];

    if (getrandom(r, sizeof(r), 0) != (ssize_t) sizeof(r)) {
        memset(r, 0, sizeof(r));
    }

    r[6] = (r[6] & 0x0f) | 0x40;
    r[8] = (r[8] & 0x3f) | 0x80;

    (void) snprintf(id, PROV_UUID_LEN + 1, "%02x%02x%02x%02x-%02x%02x-"
                    "%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1],
                    r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10],
                    r[11], r[12], r[13], r[14], r[15]);
}


static void
prov_ext_refuse(prov_conn_t *c, const char *type, const char *message)
{
    prov_conn_json(c, 403, type, message);
}


static void
prov_ext_transition(prov_conn_t *c, prov_ext_t *e, prov_ext_e to)
{
    char  text[384];

    (void) snprintf(text, sizeof(text), PROV_EXT_TRANSITION,
                    prov_ext_states[e->state], prov_ext_states[to], e->name);
    prov_ext_refuse(c, "Extension.InvalidExtensionState", text);
}


/* The value of a header as a string of at most SIZE - 1 characters. */

static void
prov_ext_header(prov_conn_t *c, prov_header_e header, char *to, size_t size)
{
    size_t        i, n;
    prov_span_t  *h;

    h = &c->http.h[header];

    for (i = 0, n = 0; i < h->len && n + 1 < size; i++) {

        /* it is given back in JSON */

        to[n] = *prov_api_text(c, h->off + i);
        n += to[n] != '"' && to[n] != '\\' && (u_char) to[n] >= 0x20;
    }

    to[n] = '\0';
}


static int
prov_ext_is_uuid(const char *id)
{
    size_t  i;

    for (i = 0; id[i] != '\0'; i++) {

        if (i == 8 || i == 13 || i == 18 || i == 23) {

            if (id[i] != '-') {
                return 0;
            }

        } else if (strchr("0123456789abcdefABCDEF", id[i]) == NULL) {
            return 0;
        }
    }

    return i == PROV_UUID_LEN;
}


static prov_ext_t *
prov_ext_caller(prov_conn_t *c)
{
    char      id[64], text[128];
    unsigned  i;

    prov_ext_header(c, PROV_H_EXT_ID, id, sizeof(id));

    if (id[0] == '\0') {
        prov_ext_refuse(c, "Extension.MissingExtensionIdentifier",
                        "Missing Lambda-Extension-Identifier header");
        return NULL;
    }

    if (!prov_ext_is_uuid(id)) {
        prov_ext_refuse(c, "Extension.InvalidExtensionIdentifier",
                        "Invalid Lambda-Extension-Identifier");
        return NULL;
    }

    for (i = 0; i < prov_exts.n; i++) {
        if (strcmp(prov_exts.list[i].id, id) == 0
            && prov_exts.list[i].state != PROV_EXT_STARTED)
        {
            return &prov_exts.list[i];
        }
    }

    (void) snprintf(text, sizeof(text), "Unknown extension %s", id);
    prov_ext_refuse(c, "Extension.UnknownExtensionIdentifier",
                    c->endpoint == PROV_EP_EXT_NEXT
                    ? text : "Unknown Lambda-Extension-Identifier");

    return NULL;
}


/* One event's name.  PROV_ERROR when it was refused. */

static int
prov_ext_event(prov_conn_t *c, prov_ext_t *e, const unsigned char *name,
    size_t len, unsigned *events)
{
    char  text[160];

    if (len == 6 && memcmp(name, "INVOKE", 6) == 0 && prov.max == 1) {
        *events |= PROV_EXT_INVOKE;
        return PROV_OK;
    }

    if (len == 8 && memcmp(name, "SHUTDOWN", 8) == 0) {

        if (e->external) {
            *events |= PROV_EXT_SHUTDOWN;
            return PROV_OK;
        }

        prov_ext_refuse(c, "Extension.InvalidEventType", "SHUTDOWN: "
                        "ShutdownEventNotSupportedForInternalExtension");
        return PROV_ERROR;
    }

    (void) snprintf(text, sizeof(text), "%.*s: ErrorInvalidEventType",
                    len < 100 ? (int) len : 100, name);
    prov_ext_refuse(c, "Extension.InvalidEventType", text);

    return PROV_ERROR;
}


/* {"events": ["INVOKE", "SHUTDOWN"]} */

static int
prov_ext_events(prov_conn_t *c, prov_ext_t *e, char *body, size_t len,
    unsigned *events)
{
    int             rc;
    size_t          klen, vlen;
    faas_json_t     js;
    unsigned char  *key, *value;

    faas_json_init(&js, (unsigned char *) body, len);
    rc = len ? faas_json_enter(&js, FAAS_JSON_OBJECT) : -1;

    while (rc == 0 && (rc = faas_json_member(&js, &key, &klen)) == 1) {

        if (faas_json_key_is(key, klen, prov_literal("configurationKeys"))) {
            prov_ext_refuse(c, "InvalidRequestFormat", "configurationKeys are "
                            "deprecated; use environment variables instead");
            return PROV_ERROR;
        }

        if (!faas_json_key_is(key, klen, prov_literal("events"))) {
            rc = faas_json_skip(&js, &value, &vlen);
            continue;
        }

        rc = faas_json_enter(&js, FAAS_JSON_ARRAY);

        while (rc == 0 && (rc = faas_json_element(&js)) == 1) {
            rc = faas_json_peek(&js) == FAAS_JSON_STRING
                 ? faas_json_skip(&js, &value, &vlen) : -1;

            if (rc == 0
                && prov_ext_event(c, e, value, vlen, events) != PROV_OK)
            {
                return PROV_ERROR;
            }
        }
    }

    if (rc != 0 || faas_json_end(&js) != 0) {
        prov_ext_refuse(c, "InvalidRequestFormat", "unexpected JSON input");
        return PROV_ERROR;
    }

    return PROV_OK;
}


/* The one of that name, or a new one; NULL: refused. */

static prov_ext_t *
prov_ext_named(prov_conn_t *c)
{
    char         name[PROV_EXT_NAME_MAX];
    unsigned     i;
    prov_ext_t  *e;

    prov_ext_header(c, PROV_H_EXT_NAME, name, sizeof(name));

    if (name[0] == '\0') {
        prov_ext_refuse(c, "Extension.InvalidExtensionName",
                        "Empty extension name");
        return NULL;
    }

    for (i = 0; i < prov_exts.n; i++) {
        e = &prov_exts.list[i];

        if (strcmp(e->name, name) != 0) {
            continue;
        }

        if (e->state == PROV_EXT_STARTED) {
            return e;
        }

        prov_ext_refuse(c, "Extension.InvalidExtensionState",
                        "Extension with this name already registered");
        return NULL;
    }

    if (prov.ready || prov.state != PROV_STARTED) {
        prov_ext_refuse(c, "Extension.RegistrationClosed",
                        "Extension registration closed already");
        return NULL;
    }

    if (prov_exts.n == PROV_EXT_MAX) {
        prov_ext_refuse(c, "Extension.TooManyExtensions",
                        "Extension limit (10) reached");
        return NULL;
    }

    e = &prov_exts.list[prov_exts.n];
    memset(e, 0, sizeof(prov_ext_t));
    (void) strcpy(e->name, name);

    return e;
}


static const char *
prov_ext_variable(const char *name)
{
    const char  *value;

    value = getenv(name);

    return value != NULL ? value : "";
}


static void
prov_ext_register(prov_conn_t *c, char *body, size_t len)
{
    int          n, m;
    char         head[160], json[1024];
    unsigned     events;
    prov_ext_t  *e;

    e = prov_ext_named(c);
    events = 0;

    if (e == NULL || prov_ext_events(c, e, body, len, &events) != PROV_OK) {
        return;
    }

    if (!e->external) {
        prov_uuid(e->id);
        prov_exts.n++;
    }

    e->events = events;
    e->state = PROV_EXT_REGISTERED;

    n = snprintf(head, sizeof(head), "Content-Type: application/json\r\n"
                 "Lambda-Extension-Identifier: %s\r\n\r\n", e->id);
    m = snprintf(json, sizeof(json), "{\"functionName\":\"%.200s\","
                 "\"functionVersion\":\"%.100s\",\"handler\":\"%.200s\"}\n",
                 prov_ext_variable("AWS_LAMBDA_FUNCTION_NAME"),
                 prov_ext_variable("AWS_LAMBDA_FUNCTION_VERSION"),
                 prov_ext_variable("_HANDLER"));

    prov_conn_reply(c, 200, head, n, json, m);
    prov_ext_settle();
}


/* The connection that waited in "next" has gone. */

void
prov_ext_lost(prov_conn_t *c)
{
    unsigned  i;

    for (i = 0; i < prov_exts.n; i++) {
        if (prov_exts.list[i].conn == c) {
            prov_exts.list[i].conn = NULL;
        }
    }
}


static void
prov_ext_next(prov_conn_t *c, prov_ext_t *e)
{
    if (e->state >= PROV_EXT_INIT_ERROR || e->conn != NULL) {
        prov_ext_transition(c, e, PROV_EXT_READY);
        return;
    }

    e->state = PROV_EXT_READY;
    e->conn = c;

    if (!prov_shutdown_next(e)) {
        prov_ext_settle();
    }
}


void
prov_ext_send(prov_ext_t *e, const char *json, size_t len)
{
    int           n;
    char          head[160], id[PROV_UUID_LEN + 1];
    prov_conn_t  *c;

    c = e->conn;
    e->conn = NULL;
    e->state = PROV_EXT_RUNNING;

    prov_uuid(id);
    n = snprintf(head, sizeof(head), "Content-Type: application/json\r\n"
                 "Lambda-Extension-Event-Identifier: %s\r\n\r\n", id);
    prov_conn_reply(c, 200, head, n, json, len);
}


static void
prov_ext_error(prov_conn_t *c, prov_ext_t *e, prov_ext_e to)
{
    char  type[64];

    prov_ext_header(c, PROV_H_EXT_ERROR, type, sizeof(type));

    if (type[0] == '\0') {
        prov_ext_refuse(c, "Extension.MissingHeader",
                        "Lambda-Extension-Function-Error-Type not found");
        return;
    }

    /* said again it is accepted and ignored */

    if (e->state != to) {

        if (e->state >= PROV_EXT_INIT_ERROR
            || (to == PROV_EXT_INIT_ERROR
                && e->state != PROV_EXT_REGISTERED))
        {
            prov_ext_transition(c, e, to);
            return;
        }

        e->state = to;
    }

    prov_conn_json(c, 202, NULL, NULL);
}


void
prov_ext_request(prov_conn_t *c, char *body, size_t len)
{
    prov_ext_t  *e;

    if (c->endpoint == PROV_EP_EXT_REGISTER) {
        prov_ext_register(c, body, len);
        return;
    }

    if (c->endpoint < PROV_EP_EXT_REGISTER) {
        prov_conn_reply(c, 404, NULL, 0, NULL, 0);
        return;
    }

    e = prov_ext_caller(c);

    if (e == NULL) {
        return;
    }

    switch (c->endpoint) {

    case PROV_EP_EXT_NEXT:
        prov_ext_next(c, e);
        return;

    case PROV_EP_EXT_INIT_ERROR:
        prov_ext_error(c, e, PROV_EXT_INIT_ERROR);
        return;

    case PROV_EP_EXT_EXIT_ERROR:
        prov_ext_error(c, e, PROV_EXT_EXIT_ERROR);
        return;

    default:
        prov_tm_subscribe(c, e, body, len);
        return;
    }
}
