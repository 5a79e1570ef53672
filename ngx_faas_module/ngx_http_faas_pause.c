/*
 * A request of an API that waits for a subrequest before it is let in, and
 * then goes on.
 *
 * Runs in workers; takes no locks.
 */

#include "ngx_http_faas_auth.h"


struct ngx_http_faas_pause_s {
    ngx_http_faas_hit_t         *hit;
    ngx_http_faas_pause_pt       next;
    ngx_http_faas_pause_done_pt  done;
    void                        *data;
    unsigned                     waits:1;
    unsigned                     over:1;
};


static ngx_int_t ngx_http_faas_pause_done(ngx_http_request_t *sr, void *data,
    ngx_int_t rc);
static void ngx_http_faas_pause_resume(ngx_http_request_t *r);


/*
 * The subrequest, or NULL.  DONE is called at its end, perhaps twice, and not
 * at all if the client goes; it may be NULL.  NEXT says then what has become
 * of the request: see ngx_http_faas_authorize().  With
 * NGX_HTTP_SUBREQUEST_BACKGROUND nothing waits, and NEXT is not called.
 *
 * A request in the background, as of mirror or of an update of the cache, is
 * never the active one, and with it no part of its output can become that: it
 * waits for another in the background, which has to wake it itself.
 */

ngx_http_request_t *
ngx_http_faas_pause(ngx_http_request_t *r, ngx_http_faas_hit_t *hit,
    ngx_str_t *uri, ngx_uint_t flags, ngx_http_faas_pause_pt next,
    ngx_http_faas_pause_done_pt done, void *data)
{
    ngx_http_request_t          *sr;
    ngx_http_faas_pause_t       *pause;
    ngx_http_post_subrequest_t  *ps;

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    pause = ngx_pcalloc(r->pool, sizeof(ngx_http_faas_pause_t));

    if (ps == NULL || pause == NULL) {
        return NULL;
    }

    pause->hit = hit;
    pause->next = next;
    pause->done = done;
    pause->data = data;
    pause->waits = !(flags & NGX_HTTP_SUBREQUEST_BACKGROUND);

    if (r->background) {
        flags |= NGX_HTTP_SUBREQUEST_BACKGROUND;
    }

    ps->handler = ngx_http_faas_pause_done;
    ps->data = pause;

    if (ngx_http_subrequest(r, uri, NULL, &sr, ps,
                            NGX_HTTP_SUBREQUEST_WAITED|flags)
        != NGX_OK)
    {
        return NULL;
    }

    hit->pause = pause;
    r->write_event_handler = ngx_http_faas_pause_resume;

    return sr;
}


/* What DONE was to be called with. */

void *
ngx_http_faas_pause_data(ngx_http_request_t *sr)
{
    ngx_http_faas_pause_t  *pause;

    pause = sr->post_subrequest->data;

    return pause->data;
}


static ngx_int_t
ngx_http_faas_pause_done(ngx_http_request_t *sr, void *data, ngx_int_t rc)
{
    ngx_http_faas_pause_t *pause = data;

    if (pause->done) {
        pause->done(sr, pause->data, rc);
    }

    pause->over = 1;

    if (rc == NGX_HTTP_CLIENT_CLOSED_REQUEST || sr->connection->error) {
        return rc;
    }

    if (pause->waits && sr->background) {
        return ngx_http_post_request(sr->parent, NULL);
    }

    /* it has no error page, and must not end the request it is a part of */

    return NGX_OK;
}


static void
ngx_http_faas_pause_resume(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_faas_hit_t  *hit;

    hit = ngx_http_faas_kept(r);

    if (!hit->pause->over) {
        return;                              /* the client can be written to */
    }

    r->write_event_handler = ngx_http_request_empty_handler;
    r->connection->log->action = NULL;

    rc = hit->pause->next(r, hit);

    if (rc != NGX_AGAIN) {
        ngx_http_finalize_request(r, ngx_http_faas_api_go(r, hit, rc));
    }
}
