/*
 * What an extension asks for when it subscribes to telemetry (contract 2.2).
 *
 * Runs in the bridge's one thread; no locks.
 */

#include <string.h>

#include "prov_telemetry.h"
#include "faas_json.h"


static uint64_t
prov_tm_number(const unsigned char *p, size_t len)
{
    size_t    i;
    uint64_t  n;

    for (i = 0, n = 0; i < len; i++) {

        if (p[i] < '0' || p[i] > '9' || i == 12) {
            return UINT64_MAX;
        }

        n = n * 10 + (p[i] - '0');
    }

    return n;
}


#define prov_tm_key(s)  faas_json_key_is(key, klen, s, sizeof(s) - 1)
#define prov_tm_is(s)                                                         \
    (vlen == sizeof(s) - 1 && memcmp(value, s, sizeof(s) - 1) == 0)


/* "http://sandbox.localdomain:8080/path" */

static int
prov_tm_uri(prov_sub_t *s, const char *p, size_t len)
{
    size_t       i, n;
    const char  *end, *port, *slash;

    static const char  *hosts[] = {
        "http://sandbox.localdomain:", "http://sandbox:"
    };

    end = p + len;

    for (i = 0; i < 2; i++) {
        n = strlen(hosts[i]);

        if (len <= n || memcmp(p, hosts[i], n) != 0) {
            continue;
        }

        port = p + n;
        slash = memchr(port, '/', end - port);
        slash = slash ? slash : end;
        n = end - slash;

        if (n >= PROV_TM_PATH_MAX) {
            return -1;
        }

        s->port = (unsigned) prov_tm_number((const u_char *) port,
                                            slash - port);
        (void) strcpy(s->path, "/");

        for (i = 0; i < n; i++) {

            if ((u_char) slash[i] <= 0x20 || slash[i] == '\\') {
                return -1;
            }

            s->path[i] = slash[i];
            s->path[i + 1] = '\0';
        }

        return 0;
    }

    return -1;
}


static int
prov_tm_destination(faas_json_t *js, prov_sub_t *s)
{
    int             rc;
    size_t          klen, vlen;
    unsigned char  *key, *value;

    rc = faas_json_enter(js, FAAS_JSON_OBJECT);

    while (rc == 0 && (rc = faas_json_member(js, &key, &klen)) == 1) {
        rc = faas_json_skip(js, &value, &vlen);

        if (rc != 0) {
            break;
        }

        if (prov_tm_key("protocol")) {
            s->tcp = prov_tm_is("TCP");
            rc = s->tcp || prov_tm_is("HTTP") ? 0 : -1;

        } else if (prov_tm_key("port")) {
            s->port = (unsigned) prov_tm_number(value, vlen);

        } else if (prov_tm_key("URI")) {
            rc = prov_tm_uri(s, (char *) value, vlen);
        }
    }

    return rc;
}


static int
prov_tm_buffering(faas_json_t *js, prov_sub_t *s)
{
    int             rc;
    size_t          klen, vlen;
    unsigned char  *key, *value;

    rc = faas_json_enter(js, FAAS_JSON_OBJECT);

    while (rc == 0 && (rc = faas_json_member(js, &key, &klen)) == 1) {
        rc = faas_json_skip(js, &value, &vlen);

        if (rc == 0 && prov_tm_key("maxItems")) {
            s->max_items = prov_tm_number(value, vlen);

        } else if (rc == 0 && prov_tm_key("maxBytes")) {
            s->max_bytes = prov_tm_number(value, vlen);

        } else if (rc == 0 && prov_tm_key("timeoutMs")) {
            s->timeout_ms = prov_tm_number(value, vlen);
        }
    }

    return rc;
}


static int
prov_tm_types(faas_json_t *js, prov_sub_t *s)
{
    int             rc;
    size_t          vlen;
    unsigned char  *value;

    rc = faas_json_enter(js, FAAS_JSON_ARRAY);

    while (rc == 0 && (rc = faas_json_element(js)) == 1) {
        rc = faas_json_skip(js, &value, &vlen);

        if (rc == 0 && prov_tm_is("platform")) {
            s->types |= PROV_TM_PLATFORM;

        } else if (rc == 0 && prov_tm_is("function")) {
            s->types |= PROV_TM_FUNCTION;

        } else if (rc == 0 && prov_tm_is("extension")) {
            s->types |= PROV_TM_EXTENSION;

        } else {
            rc = -1;
        }
    }

    return rc;
}


/* NULL, or what is wrong with it. */

const char *
prov_tm_parse(prov_sub_t *s, char *body, size_t len, int logs)
{
    int             rc, version;
    size_t          klen, vlen;
    faas_json_t     js;
    unsigned char  *key, *value;

    version = logs;
    faas_json_init(&js, (u_char *) body, len);
    rc = len ? faas_json_enter(&js, FAAS_JSON_OBJECT) : -1;

    while (rc == 0 && (rc = faas_json_member(&js, &key, &klen)) == 1) {

        if (prov_tm_key("destination")) {
            rc = prov_tm_destination(&js, s);

        } else if (prov_tm_key("buffering")) {
            rc = prov_tm_buffering(&js, s);

        } else if (prov_tm_key("types")) {
            rc = prov_tm_types(&js, s);

        } else {
            rc = faas_json_skip(&js, &value, &vlen);

            if (rc == 0 && prov_tm_key("schemaVersion")) {
                version = logs
                          ? prov_tm_is("2020-08-15") || prov_tm_is("2021-03-18")
                          : prov_tm_is("2022-07-01") || prov_tm_is("2022-12-13")
                            || prov_tm_is("2025-01-29");
            }
        }
    }

    return rc != 0 || faas_json_end(&js) != 0 ? "malformed subscription"
           : !version ? "unknown schemaVersion"
           : !s->types ? "no types"
           : s->port < 1 || s->port > 65535 || s->port == 9001
             ? "invalid destination"
           : s->max_items < 1000 || s->max_items > 10000
             || s->max_bytes < 262144 || s->max_bytes > 1048576
             || s->timeout_ms < 25 || s->timeout_ms > 30000
             ? "invalid buffering" : NULL;
}
