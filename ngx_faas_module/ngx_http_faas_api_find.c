/*
 * Which stage and which route of an API a request is for (contract, section
 * 7.5).
 *
 * Runs in workers.
 *
 * Routes are looked for in the path as the client has sent it: r->uri is
 * decoded, so that %2F and a slash are the same in it, and nginx may have
 * merged slashes.  But access to a location was decided by r->uri: where the
 * two do not mean the same path it is r->uri that counts.
 */

#include "ngx_http_faas_api.h"


static ngx_uint_t ngx_http_faas_api_takes_uri(ngx_http_faas_route_t *route);
static ngx_uint_t ngx_http_faas_api_ambiguous(ngx_http_request_t *r,
    faas_path_t *path);
static ngx_int_t ngx_http_faas_api_match(ngx_http_request_t *r,
    ngx_http_faas_loc_conf_t *flcf, ngx_http_faas_hit_t *hit,
    faas_path_t *path);
static ngx_int_t ngx_http_faas_api_sent(ngx_http_request_t *r,
    faas_path_t *path);
static ngx_uint_t ngx_http_faas_same_path(const u_char *a, size_t alen,
    const u_char *b, size_t blen);
static ngx_int_t ngx_http_faas_api_strip(faas_path_t *path, ngx_uint_t n,
    ngx_pool_t *pool);
static ngx_int_t ngx_http_faas_api_base(ngx_http_faas_loc_conf_t *flcf,
    faas_path_t *path, ngx_pool_t *pool);
static ngx_int_t ngx_http_faas_api_stage_of(ngx_http_faas_loc_conf_t *flcf,
    ngx_http_faas_hit_t *hit, faas_path_t *path, ngx_pool_t *pool);
static ngx_int_t ngx_http_faas_api_regex(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit);


/*
 * NGX_OK: hit->route is set; NGX_DECLINED: there is none for this request;
 * NGX_ERROR.
 */

ngx_int_t
ngx_http_faas_api_find(ngx_http_request_t *r, ngx_http_faas_loc_conf_t *flcf,
    ngx_http_faas_hit_t *hit)
{
    ngx_int_t             rc;
    ngx_uint_t            ambiguous;
    faas_path_t           path;
    ngx_http_faas_hit_t  *other;

    rc = ngx_http_faas_api_sent(r, &path);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_faas_uri_path(r, &path);
        return rc == NGX_OK ? ngx_http_faas_api_match(r, flcf, hit, &path)
                            : rc;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    ambiguous = ngx_http_faas_api_ambiguous(r, &path);
    rc = ngx_http_faas_api_match(r, flcf, hit, &path);

    if (rc != NGX_OK || !ambiguous
        || !ngx_http_faas_api_takes_uri(hit->route))
    {
        return rc;
    }

    /* the target goes by r->uri: that must be for the same route */

    other = ngx_pcalloc(r->pool, sizeof(ngx_http_faas_hit_t));

    if (other == NULL || ngx_http_faas_uri_path(r, &path) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_faas_api_match(r, flcf, other, &path);

    if (rc != NGX_ERROR
        && (other->route != hit->route || other->stage != hit->stage))
    {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "faas: route \"%V\" of API \"%V\" is not that of the "
                      "path as it is decoded", &hit->route->key,
                      &hit->api->name);
        hit->route = NULL;
        rc = NGX_DECLINED;
    }

    hit->seen = other->text;

    return rc;
}


/* Locations and the cgi profile get nginx's path, not the route's. */

static ngx_uint_t
ngx_http_faas_api_takes_uri(ngx_http_faas_route_t *route)
{
    return route->location.len
           || (route->function
               && ngx_http_faas_is_cgi(route->function));
}


/* May r->uri have other segments than PATH, which is the same decoded? */

static ngx_uint_t
ngx_http_faas_api_ambiguous(ngx_http_request_t *r, faas_path_t *path)
{
    const u_char  *p, *last;

    if (path->text_len != r->uri.len
        || ngx_memcmp(path->text, r->uri.data, r->uri.len) != 0)
    {
        return 1;
    }

    last = path->raw + path->raw_len;

    for (p = path->raw; last - p > 2; p++) {
        if (p[0] == '%' && p[1] == '2' && (p[2] | 0x20) == 'f') {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_faas_api_match(ngx_http_request_t *r, ngx_http_faas_loc_conf_t *flcf,
    ngx_http_faas_hit_t *hit, faas_path_t *path)
{
    int                   rc;
    ngx_int_t             n;
    ngx_str_t            *method;
    faas_match_t          match;
    ngx_http_faas_api_t  *api;

    api = flcf->api;
    hit->api = api;

    n = ngx_http_faas_api_base(flcf, path, r->pool);

    if (n == NGX_OK) {
        n = ngx_http_faas_api_stage_of(flcf, hit, path, r->pool);
    }

    hit->raw.data = (u_char *) path->raw;
    hit->raw.len = path->raw_len;
    hit->text.data = (u_char *) path->text;
    hit->text.len = path->text_len;

    if (n != NGX_OK) {
        return n;
    }

    method = &r->method_name;
    rc = faas_route_match(api->table, method->data, method->len, path,
                          &match);

    /* a regex comes after a full match, and before the rest of a path */

    if (api->regexes.nelts
        && (rc != FAAS_ROUTE_OK || match.greedy))
    {
        n = ngx_http_faas_api_regex(r, hit);

        if (n != NGX_DECLINED) {
            return n;
        }
    }

    if (rc == FAAS_ROUTE_OK) {
        hit->route = ((ngx_http_faas_route_t **) api->routes.elts)
                     [match.value];
        hit->n = match.n;
        ngx_memcpy(hit->params, match.params, match.n * sizeof(faas_param_t));
        return NGX_OK;
    }

    hit->route = api->fallback;

    return hit->route ? NGX_OK : NGX_DECLINED;
}


/*
 * As the client has sent it; NGX_DECLINED: that is not what r->uri means.  It
 * is not valid in subrequests, but for those that are the request once more,
 * as when the cache is updated in the background.
 */

static ngx_int_t
ngx_http_faas_api_sent(ngx_http_request_t *r, faas_path_t *path)
{
    u_char     *p, *buf;
    ngx_str_t   raw;

    if (!r->valid_unparsed_uri) {
        return NGX_DECLINED;
    }

    raw = r->unparsed_uri;
    p = ngx_strlchr(raw.data, raw.data + raw.len, '?');

    if (p) {
        raw.len = p - raw.data;
    }

    buf = ngx_pnalloc(r->pool, faas_path_size(raw.len));
    if (buf == NULL) {
        return NGX_ERROR;
    }

    faas_path_init(path, raw.data, raw.len, buf);

    return ngx_http_faas_same_path(path->text, path->text_len, r->uri.data,
                                   r->uri.len)
           ? NGX_OK : NGX_DECLINED;
}


/* What nginx has made of it. */

ngx_int_t
ngx_http_faas_uri_path(ngx_http_request_t *r, faas_path_t *path)
{
    size_t   len;
    u_char  *p;

    len = r->uri.len + 2 * ngx_escape_uri(NULL, r->uri.data, r->uri.len,
                                          NGX_ESCAPE_URI);

    p = ngx_pnalloc(r->pool, len + faas_path_size(len));
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_escape_uri(p, r->uri.data, r->uri.len, NGX_ESCAPE_URI);

    faas_path_init(path, p, len, p + len);

    return NGX_OK;
}


/* Slashes in a row are one here. */

static ngx_uint_t
ngx_http_faas_same_path(const u_char *a, size_t alen, const u_char *b,
    size_t blen)
{
    size_t  i, k;

    i = 0;
    k = 0;

    while (i < alen && k < blen) {

        if (a[i++] != b[k++]) {
            return 0;
        }

        if (a[i - 1] == '/') {

            while (i < alen && a[i] == '/') {
                i++;
            }

            while (k < blen && b[k] == '/') {
                k++;
            }
        }
    }

    return i == alen && k == blen;
}


/* The path without its first N segments. */

static ngx_int_t
ngx_http_faas_api_strip(faas_path_t *path, ngx_uint_t n, ngx_pool_t *pool)
{
    size_t         len;
    u_char        *buf;
    const u_char  *raw;

    raw = path->segments[n - 1].raw + path->segments[n - 1].raw_len;
    len = path->raw + path->raw_len - raw;

    buf = ngx_pnalloc(pool, faas_path_size(len));
    if (buf == NULL) {
        return NGX_ERROR;
    }

    faas_path_init(path, raw, len, buf);

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_api_base(ngx_http_faas_loc_conf_t *flcf, faas_path_t *path,
    ngx_pool_t *pool)
{
    u_char                *p, *end, *last;
    ngx_uint_t             n;
    const faas_segment_t  *s;

    if (flcf->base.len == 0) {
        return NGX_OK;
    }

    last = flcf->base.data + flcf->base.len;
    n = 0;

    for (p = flcf->base.data + 1; p <= last; p = end + 1) {
        end = ngx_strlchr(p, last, '/');
        end = end ? end : last;
        s = &path->segments[n];

        if (n++ == path->n || s->text_len != (size_t) (end - p)
            || ngx_memcmp(s->text, p, s->text_len) != 0)
        {
            return NGX_DECLINED;
        }
    }

    return ngx_http_faas_api_strip(path, n, pool);
}


static ngx_int_t
ngx_http_faas_api_stage_of(ngx_http_faas_loc_conf_t *flcf,
    ngx_http_faas_hit_t *hit, faas_path_t *path, ngx_pool_t *pool)
{
    ngx_uint_t              i, implicit;
    ngx_http_faas_stage_t  *stage;
    const faas_segment_t   *s;

    if (flcf->fixed || hit->api->stages.nelts == 0) {
        hit->stage = flcf->fixed;
        return NGX_OK;
    }

    stage = hit->api->stages.elts;
    s = &path->segments[0];
    implicit = hit->api->stages.nelts;

    for (i = 0; i < hit->api->stages.nelts; i++) {

        if (stage[i].name.data[0] == '$') {
            implicit = i;

        } else if (path->n && s->text_len == stage[i].name.len
                   && ngx_memcmp(s->text, stage[i].name.data, s->text_len)
                      == 0)
        {
            hit->stage = &stage[i];
            hit->prefixed = 1;
            return ngx_http_faas_api_strip(path, 1, pool);
        }
    }

    if (implicit == hit->api->stages.nelts) {
        return NGX_DECLINED;
    }

    hit->stage = &stage[implicit];

    return NGX_OK;
}


#if (NGX_PCRE)

/* Named groups that took part become path parameters. */

static void
ngx_http_faas_api_groups(ngx_http_faas_hit_t *hit, int *captures)
{
    int                     n, from;
    u_char                 *p;
    ngx_uint_t              i;
    faas_param_t           *param;
    ngx_http_faas_route_t  *route;

    route = hit->route;
    p = route->name_table;

    for (i = 0; i < route->names; i++, p += route->name_size) {
        n = 2 * ((p[0] << 8) + p[1]);
        from = captures[n];

        if (from < 0) {
            continue;
        }

        param = &hit->params[hit->n++];
        param->name = p + 2;
        param->name_len = ngx_strlen(p + 2);
        param->text = hit->text.data + from;
        param->text_len = captures[n + 1] - from;
        param->raw = param->text;
        param->raw_len = param->text_len;
    }
}

#endif


/* In the order of the configuration, as nginx does with locations. */

static ngx_int_t
ngx_http_faas_api_regex(ngx_http_request_t *r, ngx_http_faas_hit_t *hit)
{
#if (NGX_PCRE)
    int                     *captures;
    ngx_int_t                rc;
    ngx_str_t               *method;
    ngx_uint_t               i, n;
    ngx_http_faas_route_t  **route;

    method = &r->method_name;
    route = hit->api->regexes.elts;

    for (i = 0; i < hit->api->regexes.nelts; i++) {

        if ((route[i]->method.len != method->len
             || ngx_memcmp(route[i]->method.data, method->data, method->len)
                != 0)
            && (route[i]->method.len != 3
                || ngx_memcmp(route[i]->method.data, "ANY", 3) != 0))
        {
            continue;
        }

        n = (route[i]->captures + 1) * 3;

        captures = ngx_palloc(r->pool, n * sizeof(int));
        if (captures == NULL) {
            return NGX_ERROR;
        }

        ngx_memset(captures, 0xff, n * sizeof(int));

        rc = ngx_regex_exec(route[i]->regex, &hit->text, captures, n);

        if (rc == NGX_REGEX_NO_MATCHED) {
            continue;
        }

        if (rc < 0) {
            ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                          ngx_regex_exec_n " failed: %i on \"%V\" using "
                          "\"%V\"", rc, &hit->text, &route[i]->path);
            return NGX_ERROR;
        }

        hit->route = route[i];
        ngx_http_faas_api_groups(hit, captures);

        return NGX_OK;
    }
#endif

    return NGX_DECLINED;
}


/* Where there are none, as AWS names the one there is. */

void
ngx_http_faas_stage_name(ngx_http_faas_hit_t *hit, ngx_str_t *name)
{
    if (hit->stage) {
        *name = hit->stage->name;

    } else if (hit->api->type == NGX_HTTP_FAAS_API_REST) {
        ngx_str_set(name, "default");

    } else {
        ngx_str_set(name, "$default");
    }
}
