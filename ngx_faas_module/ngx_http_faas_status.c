/*
 * faas_status: what the scoreboard knows, as JSON, or as HTML for a browser.
 *
 * Runs in workers.  Each function is copied under its lock and formatted
 * afterwards; environments are counted without one.
 */

#include "ngx_http_faas.h"
#include "ngx_http_faas_status.h"

#include "faas_json.h"


static ngx_int_t ngx_http_faas_status_read(ngx_http_request_t *r,
    ngx_http_faas_view_t *view);


char *
ngx_http_faas_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_faas_loc_conf_t *flcf = conf;

    ngx_http_core_loc_conf_t  *clcf;

    if (flcf->status != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    flcf->status = 1;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_faas_status_handler;

    return NGX_CONF_OK;
}


/* HTML for those who ask for it first, as browsers do, or by ?html. */

static ngx_uint_t
ngx_http_faas_wants_html(ngx_http_request_t *r)
{
    u_char           *json, *html;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    if (r->args.len == 4) {
        return ngx_strncmp(r->args.data, "html", 4) == 0;
    }

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == 6
                && ngx_strncasecmp(h[i].key.data, (u_char *) "accept", 6)
                   == 0)
            {
                html = ngx_strnstr(h[i].value.data, "text/html",
                                   h[i].value.len);
                json = ngx_strnstr(h[i].value.data, "application/json",
                                   h[i].value.len);

                return html && (json == NULL || html < json);
            }
        }
    }

    return 0;
}


ngx_int_t
ngx_http_faas_status_handler(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_buf_t            *b;
    ngx_uint_t            html;
    ngx_chain_t           out;
    ngx_http_faas_view_t  view;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_memzero(&view, sizeof(ngx_http_faas_view_t));

    if (ngx_http_faas_board.head
        && ngx_http_faas_status_read(r, &view) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    html = ngx_http_faas_wants_html(r);

    b = html ? ngx_http_faas_status_html(r, &view)
             : ngx_http_faas_status_json(r, &view);

    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (html) {
        ngx_str_set(&r->headers_out.content_type, "text/html; charset=utf-8");

    } else {
        ngx_str_set(&r->headers_out.content_type, "application/json");
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = b->last - b->pos;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static void
ngx_http_faas_status_envs(ngx_http_faas_view_t *view)
{
    uint32_t                    i, state, fn, *row;
    faas_env_t                 *env;
    ngx_http_faas_fn_view_t    *f;

    for (i = 0; i < ngx_http_faas_board.head->max_envs; i++) {
        env = &ngx_http_faas_board.envs[i];
        state = env->state;
        fn = env->fn;

        if (state == FAAS_ENV_FREE || state > FAAS_ENV_DEAD) {
            continue;
        }

        row = view->states;

        if (fn < ngx_http_faas_board.head->max_functions
            && view->by_index[fn])
        {
            f = view->by_index[fn];
            row = f->states;
        }

        row[state]++;
    }
}


/* One copy at a time is made under the lock; what is kept is small. */

static ngx_int_t
ngx_http_faas_status_fn(ngx_http_request_t *r, uint32_t index,
    ngx_http_faas_fn_view_t *f)
{
    faas_fn_t  *copy, *fn;

    fn = &ngx_http_faas_board.fns[index];

    copy = ngx_palloc(r->pool, sizeof(faas_fn_t));
    if (copy == NULL) {
        return NGX_ERROR;
    }

    if (faas_fn_lock(&ngx_http_faas_board, index) != FAAS_OK) {
        return NGX_ERROR;
    }

    *copy = *fn;

    faas_fn_unlock(&ngx_http_faas_board, index);

    f->name.data = ngx_pnalloc(r->pool, FAAS_NAME_MAX + 1);
    if (f->name.data == NULL) {
        return NGX_ERROR;
    }

    f->name.len = ngx_cpystrn(f->name.data, (u_char *) copy->name,
                              FAAS_NAME_MAX + 1)
                  - f->name.data;

    f->state = copy->state;
    f->version = copy->version;
    f->concurrency = copy->concurrency;
    f->timeout_ms = copy->timeout_ms;
    f->memory_mb = copy->memory_mb;
    f->waiting = copy->n_waiting;
    f->leases = copy->n_leases;
    f->peak_memory = copy->peak_memory;

    ngx_memcpy(f->outcomes, copy->outcomes, sizeof(f->outcomes));
    ngx_memcpy(f->counters, copy->counters, sizeof(f->counters));

    f->quantiles[0] = faas_hist_quantile(copy->hist, 0.5);
    f->quantiles[1] = faas_hist_quantile(copy->hist, 0.9);
    f->quantiles[2] = faas_hist_quantile(copy->hist, 0.99);
    f->quantiles[3] = faas_hist_quantile(copy->hist, 0.999);

    (void) ngx_pfree(r->pool, copy);

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_status_read(ngx_http_request_t *r, ngx_http_faas_view_t *view)
{
    uint32_t                  i, n, state;
    faas_head_t              *head;
    ngx_http_faas_fn_view_t  *f;

    head = ngx_http_faas_board.head;

    view->by_index = ngx_pcalloc(r->pool, head->max_functions
                                          * sizeof(void *));
    if (view->by_index == NULL) {
        return NGX_ERROR;
    }

    for (n = 0; n < head->max_functions; n++) {
        if (ngx_http_faas_board.fns[n].state == FAAS_FN_FREE) {
            break;
        }
    }

    view->fns = ngx_pcalloc(r->pool, (n ? n : 1)
                                     * sizeof(ngx_http_faas_fn_view_t));
    if (view->fns == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        state = ngx_http_faas_board.fns[i].state;

        if (state == FAAS_FN_REMOVED) {
            continue;
        }

        f = &view->fns[view->nfns++];
        view->by_index[i] = f;

        if (ngx_http_faas_status_fn(r, i, f) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_http_faas_status_envs(view);

    return NGX_OK;
}
