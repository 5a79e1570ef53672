/*
 * The request as the program gets it: HTTP/1.1 (RFC 9112) from the parameters
 * of CGI (RFC 3875, section 4.1) that the module sends.
 *
 * Runs in faas-web's one thread; no locks.
 */

#include <string.h>

#include "web.h"


typedef struct {
    const char  *data;
    size_t       len;
} web_text_t;


/* parameters that make the request line and what is added to the header */

typedef struct {
    web_text_t   method;
    web_text_t   uri;
    web_text_t   host;
    web_text_t   name;                /* of the server, if there is no host */
    web_text_t   length;
    web_text_t   type;
    web_text_t   scheme;
    web_text_t   port;
    web_text_t   client;
    web_text_t   id;
    web_text_t   connection;
    web_text_t   upgrade;
    web_text_t   forwarded;
} web_params_t;


typedef struct {
    const char  *name;
    size_t       at;
} web_param_t;


#define web_param(name, field)  { name, offsetof(web_params_t, field) }

static const web_param_t  web_known[] = {
    web_param("REQUEST_METHOD", method),
    web_param("REQUEST_URI", uri),
    web_param("HTTP_HOST", host),
    web_param("SERVER_NAME", name),
    web_param("CONTENT_LENGTH", length),
    web_param("CONTENT_TYPE", type),
    web_param("REQUEST_SCHEME", scheme),
    web_param("SERVER_PORT", port),
    web_param("REMOTE_ADDR", client),
    web_param(FAAS_PARAM_REQUEST_ID, id),
    web_param("HTTP_CONNECTION", connection),
    web_param("HTTP_UPGRADE", upgrade),
    web_param("HTTP_X_FORWARDED_FOR", forwarded)
};


/* of this connection only, or said anew by us */

static const char  *web_not_passed[] = {
    "HTTP_EXPECT", "HTTP_KEEP_ALIVE", "HTTP_PROXY_CONNECTION", "HTTP_TE",
    "HTTP_TRAILER", "HTTP_X_AMZN_REQUEST_ID", "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT", "HTTP_X_FORWARDED_PROTO",

    /* a client's "Content_Length", where nginx lets such names pass */
    "HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_TRANSFER_ENCODING"
};


static int
web_name_is(const char *name, const unsigned char *p, size_t len)
{
    return strlen(name) == len && memcmp(name, p, len) == 0;
}


static web_text_t *
web_request_known(web_params_t *params, const unsigned char *p, size_t len)
{
    size_t  i;

    for (i = 0; i < sizeof(web_known) / sizeof(web_param_t); i++) {
        if (web_name_is(web_known[i].name, p, len)) {
            return (web_text_t *) ((char *) params + web_known[i].at);
        }
    }

    return NULL;
}


/* No value may end a line: the gateway refuses such, and is not believed. */

static int
web_request_valid(const web_text_t *t)
{
    size_t  i;

    for (i = 0; i < t->len; i++) {
        if (t->data[i] == '\r' || t->data[i] == '\n' || t->data[i] == '\0') {
            return 0;
        }
    }

    return 1;
}


static int
web_request_line(struct evbuffer *to, const char *name,
    const web_text_t *value)
{
    if (!web_request_valid(value)) {
        return WEB_ERROR;
    }

    return evbuffer_add_printf(to, "%s: ", name) == -1
           || evbuffer_add(to, value->data, value->len) == -1
           || evbuffer_add(to, "\r\n", 2) == -1 ? WEB_ERROR : WEB_OK;
}


/*
 * X-Some-Name of HTTP_X_SOME_NAME.  A name that HTTP does not know, which
 * nginx may have been told to let pass, is left out.
 */

static int
web_request_field(struct evbuffer *to, const unsigned char *name, size_t len,
    const web_text_t *value)
{
    char    text[256];
    size_t  i;

    if (len <= 5 || memcmp(name, "HTTP_", 5) != 0 || len > sizeof(text)) {
        return WEB_OK;
    }

    for (i = 0; i < sizeof(web_not_passed) / sizeof(char *); i++) {
        if (web_name_is(web_not_passed[i], name, len)) {
            return WEB_OK;
        }
    }

    name += 5;
    len -= 5;

    for (i = 0; i < len; i++) {
        text[i] = (char) name[i];

        if (text[i] <= ' ' || text[i] > '~' || text[i] == ':') {
            return WEB_OK;
        }

        if (text[i] == '_') {
            text[i] = '-';

        } else if (i && text[i - 1] != '-' && text[i] >= 'A'
                   && text[i] <= 'Z')
        {
            text[i] |= 0x20;
        }
    }

    text[len] = '\0';

    return web_request_line(to, text, value);
}


/* Every parameter: into PARAMS what is known, the headers into TO. */

static int
web_request_params(web_work_t *w, web_params_t *params, struct evbuffer *to)
{
    int                   rc;
    size_t                len, nlen, vlen;
    web_text_t            value, *known;
    const unsigned char  *pos, *last, *name, *data;

    len = evbuffer_get_length(w->params);
    pos = evbuffer_pullup(w->params, -1);
    last = pos + len;

    while (pos < last) {
        rc = faas_fcgi_get_param(&pos, last, &name, &nlen, &data, &vlen);

        if (rc != 1) {
            return rc ? WEB_ERROR : WEB_OK;
        }

        value.data = (const char *) data;
        value.len = vlen;
        known = web_request_known(params, name, nlen);

        if (known != NULL) {
            *known = value;

        } else if (web_request_field(to, name, nlen, &value) != WEB_OK) {
            return WEB_ERROR;
        }
    }

    return WEB_OK;
}


/* What a proxy in front of the program would add. */

static int
web_request_added(web_params_t *p, struct evbuffer *to)
{
    if (web_request_line(to, "X-Forwarded-Proto", &p->scheme) != WEB_OK
        || web_request_line(to, "X-Forwarded-Port", &p->port) != WEB_OK
        || web_request_line(to, "X-Amzn-Request-Id", &p->id) != WEB_OK
        || !web_request_valid(&p->forwarded)
        || !web_request_valid(&p->client))
    {
        return WEB_ERROR;
    }

    return evbuffer_add_printf(to, "X-Forwarded-For: %.*s%s%.*s\r\n",
                               (int) p->forwarded.len, p->forwarded.data,
                               p->forwarded.len ? ", " : "",
                               (int) p->client.len, p->client.data)
           == -1 ? WEB_ERROR : WEB_OK;
}


static int
web_method_is(const web_params_t *p, const char *name)
{
    return web_name_is(name, (const unsigned char *) p->method.data,
                       p->method.len);
}


/* How long the body is; methods that have one say so even without. */

static int
web_request_body(web_work_t *w, web_params_t *p, struct evbuffer *to)
{
    int         expected;
    web_text_t  none;

    if (p->type.len
        && web_request_line(to, "Content-Type", &p->type) != WEB_OK)
    {
        return WEB_ERROR;
    }

    w->repeatable = web_method_is(p, "GET") || w->is_head
                    || web_method_is(p, "OPTIONS");
    expected = web_method_is(p, "POST") || web_method_is(p, "PUT")
               || web_method_is(p, "PATCH");

    if (p->length.len) {
        w->repeatable = 0;
        return web_request_line(to, "Content-Length", &p->length);
    }

    none.data = "0";
    none.len = 1;

    return expected ? web_request_line(to, "Content-Length", &none) : WEB_OK;
}


static int
web_request_first(web_params_t *p, struct evbuffer *to)
{
    size_t       i;
    web_text_t  *t;

    /* nothing that would be looked at as more than one word */

    for (t = &p->method; t <= &p->uri; t++) {

        for (i = 0; i < t->len; i++) {
            if (t->data[i] <= ' ' && t->data[i] >= 0) {
                return WEB_ERROR;
            }
        }
    }

    if (p->method.len == 0 || p->uri.len == 0) {
        return WEB_ERROR;
    }

    if (evbuffer_add(to, p->method.data, p->method.len) == -1
        || evbuffer_add(to, " ", 1) == -1
        || evbuffer_add(to, p->uri.data, p->uri.len) == -1
        || evbuffer_add_printf(to, " HTTP/1.1\r\n") == -1)
    {
        return WEB_ERROR;
    }

    return web_request_line(to, "Host", p->host.len ? &p->host : &p->name);
}


int
web_request_head(web_work_t *w, struct evbuffer *to)
{
    int               rc;
    web_params_t      p;
    struct evbuffer  *fields;

    memset(&p, 0, sizeof(p));
    fields = evbuffer_new();

    if (fields == NULL) {
        return WEB_ERROR;
    }

    rc = web_request_params(w, &p, fields);

    w->is_head = web_method_is(&p, "HEAD");
    w->upgrade = p.upgrade.len != 0 && p.connection.len != 0
                 && memmem(p.connection.data, p.connection.len, "pgrade", 6)
                 && web_method_is(&p, "GET");

    if (rc != WEB_OK || web_request_first(&p, to) != WEB_OK
        || evbuffer_add_buffer(to, fields) == -1
        || web_request_added(&p, to) != WEB_OK
        || web_request_body(w, &p, to) != WEB_OK
        || (w->upgrade
            && (evbuffer_add_printf(to, "Connection: Upgrade\r\n") == -1
                || web_request_line(to, "Upgrade", &p.upgrade) != WEB_OK))
        || evbuffer_add(to, "\r\n", 2) == -1)
    {
        rc = WEB_ERROR;
    }

    if (w->upgrade) {
        w->repeatable = 0;
    }

    evbuffer_free(fields);

    return rc;
}
