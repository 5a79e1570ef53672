/*
 * The request in uwsgi's own protocol: one packet with the parameters of CGI,
 * then the body as it is.  The answer is HTTP, until the connection's end.
 *
 * Runs in faas-web's one thread; no locks.
 */

#include <string.h>

#include "web.h"


#define WEB_UWSGI_MAX  65535          /* the packet's size has 16 bits */


static int
web_uwsgi_text(struct evbuffer *to, const unsigned char *p, size_t len)
{
    unsigned char  size[2];

    size[0] = (unsigned char) len;
    size[1] = (unsigned char) (len >> 8);

    return len > WEB_UWSGI_MAX || evbuffer_add(to, size, 2) == -1
           || evbuffer_add(to, p, len) == -1 ? WEB_ERROR : WEB_OK;
}


#define web_uwsgi_is(text)                                                    \
    (nlen == sizeof(text) - 1 && memcmp(name, text, sizeof(text) - 1) == 0)


int
web_uwsgi_head(web_work_t *w, struct evbuffer *to)
{
    int                   rc;
    size_t                size, nlen, vlen;
    unsigned char         head[4];
    struct evbuffer      *vars;
    const unsigned char  *pos, *last, *name, *value;

    vars = evbuffer_new();

    if (vars == NULL) {
        return WEB_ERROR;
    }

    pos = evbuffer_pullup(w->params, -1);
    last = pos + evbuffer_get_length(w->params);
    rc = WEB_OK;
    w->is_head = w->upgrade = w->repeatable = 0;

    while (pos < last && rc == WEB_OK) {

        if (faas_fcgi_get_param(&pos, last, &name, &nlen, &value, &vlen)
            != 1)
        {
            rc = WEB_ERROR;
            break;
        }

        if (web_uwsgi_is("REQUEST_METHOD")) {
            w->is_head = (vlen == 4 && memcmp(value, "HEAD", 4) == 0);
        }

        if (web_uwsgi_text(vars, name, nlen) != WEB_OK
            || web_uwsgi_text(vars, value, vlen) != WEB_OK)
        {
            rc = WEB_LARGE;
        }
    }

    size = evbuffer_get_length(vars);

    if (rc == WEB_OK && size > WEB_UWSGI_MAX) {
        rc = WEB_LARGE;
    }

    head[0] = head[3] = 0;
    head[1] = (unsigned char) size;
    head[2] = (unsigned char) (size >> 8);

    if (rc == WEB_OK
        && (evbuffer_add(to, head, sizeof(head)) == -1
            || evbuffer_add_buffer(to, vars) == -1))
    {
        rc = WEB_ERROR;
    }

    evbuffer_free(vars);

    return rc;
}
