/*
 * Lambda authorizers at work: a function is asked in a subrequest, the
 * request waits for it and goes on, or is refused, by what it has said
 * (contract, sections 7.4 and 7.7).
 *
 * Runs in workers.  The subrequest has no location of its own: its handler is
 * set instead of the one that would look for one.
 */

#include "ngx_http_faas_verdict.h"
#include "faas_json.h"
#include "faas_policy.h"


static ngx_int_t ngx_http_faas_ask_valid(ngx_http_request_t *r,
    ngx_http_faas_ask_t *ask);
static ngx_int_t ngx_http_faas_ask_begin(ngx_http_request_t *r,
    ngx_http_faas_ask_t *ask);
static void ngx_http_faas_ask_run(ngx_http_request_t *sr);
static ngx_int_t ngx_http_faas_ask_judge(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit);
static ngx_int_t ngx_http_faas_ask_refuse(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit, ngx_uint_t status, ngx_uint_t explicit);


/*
 * NGX_OK, the status that the request is refused with, or NGX_AGAIN: it goes
 * on later, by ngx_http_faas_api_go().
 */

ngx_int_t
ngx_http_faas_ask(ngx_http_request_t *r, ngx_http_faas_hit_t *hit)
{
    ngx_int_t                    rc;
    ngx_http_faas_ask_t         *ask;
    ngx_http_faas_authorizer_t  *a;

    a = hit->route->authorizer;

    ask = ngx_pcalloc(r->pool, sizeof(ngx_http_faas_ask_t));
    if (ask == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    hit->ask = ask;
    ask->parent = r;
    ask->hit = hit;
    ask->payload = a->payload;

    rc = ngx_http_faas_identities(r, ask);

    if (rc == NGX_OK) {
        rc = ngx_http_faas_ask_valid(r, ask);
    }

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "faas: authorizer \"%V\" of API \"%V\" refused route "
                      "\"%V\": an identity source is missing or not valid",
                      &a->name, &hit->api->name, &hit->route->key);
        return ngx_http_faas_ask_refuse(r, hit, NGX_HTTP_UNAUTHORIZED, 0);
    }

    if (rc != NGX_OK
        || ngx_http_faas_route_arn(r, hit, &hit->raw, a->function, &ask->arn)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (a->ttl) {
        if (ngx_http_faas_verdict_key(r, ask) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        rc = ngx_http_faas_verdict_get(r, ask);

        if (rc == NGX_OK) {
            return ngx_http_faas_ask_judge(r, hit);
        }

        if (rc == NGX_ERROR) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_faas_ask_begin(r, ask);
}


/* NGX_DECLINED: the token does not look like one. */

static ngx_int_t
ngx_http_faas_ask_valid(ngx_http_request_t *r, ngx_http_faas_ask_t *ask)
{
#if (NGX_PCRE)
    ngx_int_t     rc;
    ngx_str_t    *value;
    ngx_regex_t  *regex;

    regex = ask->hit->route->authorizer->validate;
    value = ask->values.elts;

    if (regex == NULL) {
        return NGX_OK;
    }

    rc = ngx_regex_exec(regex, &value[0], NULL, 0);

    if (rc >= 0) {
        return NGX_OK;
    }

    if (rc != NGX_REGEX_NO_MATCHED) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "faas: " ngx_regex_exec_n " failed: %i in \"validate=\" "
                      "of authorizer \"%V\"", rc,
                      &ask->hit->route->authorizer->name);
    }

    return NGX_DECLINED;
#else
    return NGX_OK;
#endif
}


static ngx_int_t
ngx_http_faas_ask_begin(ngx_http_request_t *r, ngx_http_faas_ask_t *ask)
{
    ngx_http_request_t  *sr;

    if (!ngx_http_faas_usable(ask->hit->route->authorizer->function)) {
        ask->failure = "Gateway.Unavailable";
        return ngx_http_faas_ask_judge(r, ask->hit);
    }

    sr = ngx_http_faas_pause(r, ask->hit, &r->uri, 0, ngx_http_faas_ask_judge,
                             NULL, ask);
    if (sr == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* the event says the client's; no cache takes an unknown one */

    sr->method = NGX_HTTP_UNKNOWN;
    sr->method_name = r->method_name;
    sr->args = r->args;
    sr->loc_conf = r->loc_conf;
    sr->header_only = 1;
    sr->write_event_handler = ngx_http_faas_ask_run;

    ask->begun_us = faas_now_us();

    return NGX_AGAIN;
}


static void
ngx_http_faas_ask_run(ngx_http_request_t *sr)
{
    ngx_http_faas_ask_t  *ask;
    ngx_http_faas_ctx_t  *ctx;

    sr->write_event_handler = ngx_http_request_empty_handler;

    ask = ngx_http_faas_pause_data(sr);

    ctx = ngx_http_faas_create_ctx(sr);

    if (ctx) {
        ctx->flcf = ngx_http_get_module_loc_conf(sr, ngx_http_faas_module);
        ctx->function = ask->hit->route->authorizer->function;
        ctx->hit = ask->hit;
        ctx->ask = ask;
        ctx->arrived_us = faas_now_us();

        ngx_http_faas_uuid(ctx->request_id);
    }

    if (ctx == NULL || ngx_http_faas_trace(sr, ctx) != NGX_OK
        || ngx_http_faas_upstream(sr, ctx) != NGX_OK)
    {
        ngx_http_finalize_request(sr, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    sr->upstream->buffering = 0;

    ngx_http_upstream_init(sr);
}


/* The subrequest's answer: there is none, all is in ctx->ask. */

static ngx_int_t
ngx_http_faas_ask_empty(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    u->headers_in.status_n = NGX_HTTP_OK;
    u->headers_in.content_length_n = 0;
    u->length = 0;
    u->buffer.pos = u->buffer.last;

    ctx->rest = 0;
    ctx->header_done = 1;

    if (u->state && u->state->status == 0) {
        u->state->status = NGX_HTTP_OK;
    }

    return NGX_OK;
}


/* {"errorMessage":"Unauthorized"}: contract, section 7.7. */

static ngx_uint_t
ngx_http_faas_ask_unauthorized(u_char *p, size_t len)
{
    int           rc;
    size_t        klen, vlen;
    u_char       *key, *value;
    faas_json_t   js;

    faas_json_init(&js, p, len);

    if (len == 0 || faas_json_enter(&js, FAAS_JSON_OBJECT) != 0) {
        return 0;
    }

    while ((rc = faas_json_member(&js, &key, &klen)) == 1
           && faas_json_skip(&js, &value, &vlen) == 0)
    {
        if (faas_json_key_is(key, klen, "errorMessage",
                             sizeof("errorMessage") - 1))
        {
            return faas_json_key_is(value, vlen, "Unauthorized",
                                    sizeof("Unauthorized") - 1);
        }
    }

    return 0;
}


/* ask->verdict, or ask->failure. */

static ngx_int_t
ngx_http_faas_ask_take(u_char *p, size_t len, ngx_http_faas_ask_t *ask)
{
    unsigned         flags;
    faas_verdict_t  *v;

    flags = ask->hit->route->authorizer->simple ? FAAS_VERDICT_SIMPLE : 0;

    if (ask->payload == NGX_HTTP_FAAS_PAYLOAD_REST) {
        flags |= FAAS_VERDICT_TEXTS;
    }

    v = faas_verdict_parse(p, len, flags, &ask->failure);

    if (v == NULL) {
        return NGX_OK;
    }

    ask->verdict = ngx_palloc(ask->parent->pool, v->size);

    if (ask->verdict) {
        ngx_memcpy(ask->verdict, v, v->size);
    }

    free(v);

    return ask->verdict ? NGX_OK : NGX_ERROR;
}


/* END_REQUEST was read; called as process_header. */

ngx_int_t
ngx_http_faas_ask_result(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    size_t len)
{
    ngx_uint_t            failed;
    ngx_http_faas_ask_t  *ask;

    ask = ctx->ask;
    failed = (ctx->reader.app_status != 0);

    ngx_http_faas_lease_end(ctx, failed ? FAAS_OUT_ERROR_HANDLED
                                        : FAAS_OUT_SUCCESS,
                            FAAS_WHY_NONE, -1);

    if (failed) {
        ask->unauthorized = ngx_http_faas_ask_unauthorized(ctx->text, len);
        ask->failure = "Unhandled";

        return ngx_http_faas_ask_empty(r, ctx);
    }

    if (ngx_http_faas_ask_take(ctx->text, len, ask) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ask->verdict && ask->hit->route->authorizer->ttl) {
        ngx_http_faas_verdict_put(r, ask);
    }

    return ngx_http_faas_ask_empty(r, ctx);
}


/* There is no result, and ctx->failure says why. */

ngx_int_t
ngx_http_faas_ask_failure(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    ctx->ask->failure = ctx->failure->error;

    r->upstream->keepalive &= ctx->ended;

    return ngx_http_faas_ask_empty(r, ctx);
}


static faas_policy_e
ngx_http_faas_ask_path(ngx_http_request_t *r, ngx_http_faas_ask_t *ask,
    ngx_str_t *path)
{
    ngx_str_t  arn;

    static const char  action[] = "execute-api:Invoke";

    if (path == &ask->hit->raw) {
        arn = ask->arn;

    } else if (ngx_http_faas_route_arn(r, ask->hit, path,
                                       ask->hit->route->authorizer->function,
                                       &arn)
               != NGX_OK)
    {
        return FAAS_POLICY_NONE;
    }

    return faas_policy_eval(faas_verdict_policy(ask->verdict), action,
                            sizeof(action) - 1, (char *) arn.data, arn.len);
}


/* As ngx_http_faas_iam_allowed(): each of them must be allowed. */

static faas_policy_e
ngx_http_faas_ask_policy(ngx_http_request_t *r, ngx_http_faas_ask_t *ask)
{
    faas_policy_e         rc;
    ngx_http_faas_hit_t  *hit;

    hit = ask->hit;
    rc = ngx_http_faas_ask_path(r, ask, &hit->raw);

    if (rc == FAAS_POLICY_ALLOW && !ngx_http_faas_one_path(hit)) {
        rc = ngx_http_faas_ask_path(r, ask, &hit->text);
    }

    if (rc == FAAS_POLICY_ALLOW && hit->seen.len) {
        rc = ngx_http_faas_ask_path(r, ask, &hit->seen);
    }

    return rc;
}


/* ngx_http_faas_pause_pt: there is an answer, or none. */

static ngx_int_t
ngx_http_faas_ask_judge(ngx_http_request_t *r, ngx_http_faas_hit_t *hit)
{
    ngx_uint_t                   explicit, level;
    ngx_http_faas_ask_t         *ask;
    ngx_http_faas_authorizer_t  *a;

    ask = hit->ask;
    a = hit->route->authorizer;

    if (ask->verdict == NULL) {
        level = ask->unauthorized ? NGX_LOG_INFO : NGX_LOG_ERR;

        ngx_log_error(level, r->connection->log, 0,
                      "faas: authorizer \"%V\" of API \"%V\" refused route "
                      "\"%V\": function \"%V\": %s", &a->name,
                      &hit->api->name, &hit->route->key, &a->function->name,
                      ask->unauthorized ? "Unauthorized"
                      : ask->failure ? ask->failure : "it was not asked");

        return ngx_http_faas_ask_refuse(r, hit, ask->unauthorized
                                        ? NGX_HTTP_UNAUTHORIZED
                                        : NGX_HTTP_INTERNAL_SERVER_ERROR, 0);
    }

    hit->verdict = ask->verdict;

    if (ask->begun_us) {
        hit->latency_ms = (faas_now_us() - ask->begun_us) / 1000;
    }

    explicit = 0;

    if (faas_verdict_policy(ask->verdict)) {

        switch (ngx_http_faas_ask_policy(r, ask)) {

        case FAAS_POLICY_ALLOW:
            return NGX_OK;

        case FAAS_POLICY_DENY:
            explicit = 1;
            break;

        default:
            break;
        }

    } else if (ask->verdict->allowed) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "faas: authorizer \"%V\" of API \"%V\" refused route "
                  "\"%V\": function \"%V\" has denied it%s", &a->name,
                  &hit->api->name, &hit->route->key, &a->function->name,
                  explicit ? " explicitly" : "");

    return ngx_http_faas_ask_refuse(r, hit, NGX_HTTP_FORBIDDEN, explicit);
}


/* Contract, section 7.4. */

static ngx_int_t
ngx_http_faas_ask_refuse(ngx_http_request_t *r, ngx_http_faas_hit_t *hit,
    ngx_uint_t status, ngx_uint_t explicit)
{
    ngx_uint_t              rest;
    ngx_http_faas_reply_t  *reply;

    reply = ngx_pcalloc(r->pool, sizeof(ngx_http_faas_reply_t));
    if (reply == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rest = (hit->api->type == NGX_HTTP_FAAS_API_REST);

    reply->status = status;
    ngx_str_set(&reply->type, "application/json");

    if (status == NGX_HTTP_UNAUTHORIZED) {
        ngx_str_set(&reply->body, "{\"message\":\"Unauthorized\"}");
        ngx_str_set(&reply->error, "UnauthorizedException");

    } else if (status == NGX_HTTP_INTERNAL_SERVER_ERROR) {
        ngx_str_set(&reply->body, "{\"message\":null}");
        ngx_str_set(&reply->error, "AuthorizerConfigurationException");
        hit->why = "Gateway.AuthorizerFailure";

    } else {
        ngx_str_set(&reply->body, "{\"Message\":\"User is not authorized to "
                    "access this resource\"}");
        ngx_str_set(&reply->error, "AccessDeniedException");

        if (explicit) {
            ngx_str_set(&reply->body, "{\"Message\":\"User is not authorized "
                        "to access this resource with an explicit deny\"}");
        }
    }

    if (!rest) {
        ngx_http_faas_reply(hit, NULL, status, reply);
    }

    hit->refusal = reply;

    return status;
}
