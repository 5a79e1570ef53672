/*
 * IAM authorizers of routes: a request is signed with an access key, and the
 * policy of the key allows it (contract, sections 7.7 and 11).
 *
 * Runs in workers.  Without its body nothing is known of a request whose
 * body's hash is signed but not declared: such a one is let through as far as
 * that, and no further if it was wrong.
 */

#include "ngx_http_faas_auth.h"
#include "ngx_http_faas_event.h"
#include "ngx_http_faas_lambda.h"


static ngx_int_t ngx_http_faas_iam_refuse(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit, ngx_http_faas_lambda_error_t *e);
static ngx_int_t ngx_http_faas_iam_arn(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit, ngx_str_t *path);
static ngx_int_t ngx_http_faas_iam_allowed(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit, ngx_http_faas_lambda_error_t *e);


/* NGX_OK, or the status that the request is refused with. */

ngx_int_t
ngx_http_faas_iam(ngx_http_request_t *r, ngx_http_faas_hit_t *hit)
{
    ngx_int_t                      rc;
    ngx_uint_t                     body;
    ngx_http_faas_call_t          *call;
    ngx_http_faas_lambda_error_t   e;

    ngx_memzero(&e, sizeof(ngx_http_faas_lambda_error_t));

    call = ngx_pcalloc(r->pool, sizeof(ngx_http_faas_call_t));
    if (call == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    hit->call = call;
    call->auth = hit->route->authorizer->keys;
    call->service = hit->api->type == NGX_HTTP_FAAS_API_URL ? "lambda"
                                                            : "execute-api";
    call->function = hit->route->function;

    body = r->headers_in.content_length_n > 0 || r->headers_in.chunked;

    rc = ngx_http_faas_auth_begin(r, call, &e);

    if (rc == NGX_OK && !body) {
        rc = ngx_http_faas_auth_body(r, call, &e);
    }

    /* who else looks at the body would have to hash it */

    if (rc == NGX_OK && body && hit->route->function == NULL) {
        e.status = 403;
        e.type = "InvalidSignatureException";
        ngx_str_set(&e.message, "A request to this route must have no body");
        rc = NGX_DECLINED;
    }

    if (rc == NGX_OK) {
        rc = ngx_http_faas_iam_arn(r, hit, &hit->raw);
    }

    if (rc == NGX_OK && call->verified) {
        rc = ngx_http_faas_iam_allowed(r, hit, &e);
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_faas_iam_refuse(r, hit, &e);
    }

    return rc == NGX_OK ? NGX_OK : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* The same once the body is there. */

ngx_int_t
ngx_http_faas_iam_body(ngx_http_request_t *r, ngx_http_faas_hit_t *hit)
{
    off_t                          len;
    ngx_int_t                      rc;
    ngx_http_faas_call_t          *call;
    ngx_http_faas_lambda_error_t   e;

    call = hit->call;
    len = ngx_http_faas_body_length(r);

    if (call == NULL || (call->verified && len == 0)) {
        return NGX_OK;
    }

    ngx_memzero(&e, sizeof(ngx_http_faas_lambda_error_t));

    call->body.data = ngx_pnalloc(r->pool, len + 1);

    if (call->body.data == NULL
        || ngx_http_faas_body_copy(r, call->body.data) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    call->body.len = len;

    rc = ngx_http_faas_auth_body(r, call, &e);

    if (rc == NGX_OK) {
        rc = ngx_http_faas_iam_allowed(r, hit, &e);
    }

    (void) ngx_pfree(r->pool, call->body.data);

    if (rc == NGX_DECLINED) {
        return ngx_http_faas_iam_refuse(r, hit, &e);
    }

    return rc == NGX_OK ? NGX_OK : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/*
 * Who may not have "/admin/..." may not have "/%61dmin/..." either: the policy
 * is asked about the path as it came, about what it is decoded, and about what
 * nginx has made of it, if that is what the target gets.
 */

static ngx_int_t
ngx_http_faas_iam_allowed(ngx_http_request_t *r, ngx_http_faas_hit_t *hit,
    ngx_http_faas_lambda_error_t *e)
{
    ngx_int_t    rc;
    const char  *action;

    action = hit->api->type == NGX_HTTP_FAAS_API_URL
             ? "lambda:InvokeFunctionUrl" : "execute-api:Invoke";

    rc = ngx_http_faas_auth_may(r, hit->call, action, e);

    if (rc == NGX_OK && !ngx_http_faas_one_path(hit)) {
        rc = ngx_http_faas_iam_arn(r, hit, &hit->text) != NGX_OK
             ? NGX_ERROR : ngx_http_faas_auth_may(r, hit->call, action, e);
    }

    if (rc == NGX_OK && hit->seen.len) {
        rc = ngx_http_faas_iam_arn(r, hit, &hit->seen) != NGX_OK
             ? NGX_ERROR : ngx_http_faas_auth_may(r, hit->call, action, e);
    }

    return rc;
}


/* An HTTP API says no more than that it is forbidden. */

static ngx_int_t
ngx_http_faas_iam_refuse(ngx_http_request_t *r, ngx_http_faas_hit_t *hit,
    ngx_http_faas_lambda_error_t *e)
{
    ngx_http_faas_reply_t  *reply;

    reply = ngx_pcalloc(r->pool, sizeof(ngx_http_faas_reply_t));
    if (reply == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    reply->status = NGX_HTTP_FORBIDDEN;
    ngx_str_set(&reply->type, "application/json");

    if (hit->api->type == NGX_HTTP_FAAS_API_HTTP) {
        ngx_str_set(&reply->body, "{\"message\":\"Forbidden\"}");

    } else {
        reply->error.data = (u_char *) e->type;
        reply->error.len = ngx_strlen(e->type);

        if (ngx_http_faas_call_error_text(r, e, &reply->body) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    hit->refusal = reply;
    hit->why = "Gateway.AccessDenied";

    return NGX_HTTP_FORBIDDEN;
}


/* What the policy is asked about: contract, section 7.7. */

static ngx_int_t
ngx_http_faas_iam_arn(ngx_http_request_t *r, ngx_http_faas_hit_t *hit,
    ngx_str_t *path)
{
    ngx_http_faas_call_t  *call;

    call = hit->call;

    if (hit->api->type == NGX_HTTP_FAAS_API_URL) {
        if (call->function) {
            call->arn = call->function->arn;
        }

        return NGX_OK;
    }

    return ngx_http_faas_route_arn(r, hit, path, call->function, &call->arn);
}


static u_char *
ngx_http_faas_arn_part(u_char *p, ngx_str_t *part, u_char after)
{
    p = ngx_cpymem(p, part->data, part->len);
    *p++ = after;

    return p;
}


/* FN is whose account it is where the API has none; it may be NULL. */

ngx_int_t
ngx_http_faas_route_arn(ngx_http_request_t *r, ngx_http_faas_hit_t *hit,
    ngx_str_t *path, ngx_http_faas_function_t *fn, ngx_str_t *arn)
{
    u_char               *p;
    ngx_str_t             account, stage;
    ngx_http_faas_api_t  *api;

    api = hit->api;
    account = api->account;

    if (account.len == 0) {
        ngx_str_set(&account, "000000000000");

        if (fn) {
            account = fn->account;
        }
    }

    ngx_http_faas_stage_name(hit, &stage);

    p = ngx_pnalloc(r->pool, sizeof("arn:aws:execute-api:::///")
                             + api->region.len + account.len
                             + api->api_id.len + stage.len
                             + r->method_name.len + path->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    arn->data = p;

    p = ngx_cpymem(p, "arn:aws:execute-api:",
                   sizeof("arn:aws:execute-api:") - 1);
    p = ngx_http_faas_arn_part(p, &api->region, ':');
    p = ngx_http_faas_arn_part(p, &account, ':');
    p = ngx_http_faas_arn_part(p, &api->api_id, '/');
    p = ngx_http_faas_arn_part(p, &stage, '/');
    p = ngx_cpymem(p, r->method_name.data, r->method_name.len);
    p = ngx_cpymem(p, path->data, path->len);

    arn->len = p - arn->data;

    return NGX_OK;
}


/* "iam" of an event's authorizer; the account is the one in the key's ARN. */

u_char *
ngx_http_faas_put_iam(u_char *p, ngx_http_faas_hit_t *hit)
{
    ngx_str_t             account;
    ngx_http_faas_key_t  *key;

    key = hit->call->key;
    ngx_http_faas_iam_account(key, &account);

    p = ngx_sprintf(p, "{\"accessKey\":");
    p = ngx_http_faas_put_str(p, &key->id);
    p = ngx_sprintf(p, ",\"accountId\":");
    p = ngx_http_faas_put_str(p, &account);
    p = ngx_sprintf(p, ",\"callerId\":");
    p = ngx_http_faas_put_str(p, &key->id);
    p = ngx_sprintf(p, ",\"cognitoIdentity\":null,\"principalOrgId\":null,"
                    "\"userArn\":");
    p = ngx_http_faas_put_str(p, &key->arn);
    p = ngx_sprintf(p, ",\"userId\":");
    p = ngx_http_faas_put_str(p, &key->id);
    *p++ = '}';

    return p;
}


/* arn:aws:iam::ACCOUNT:user/name */

void
ngx_http_faas_iam_account(ngx_http_faas_key_t *key, ngx_str_t *account)
{
    u_char      *p, *last;
    ngx_uint_t   n;

    last = key->arn.data + key->arn.len;
    p = key->arn.data;

    for (n = 0; n < 4 && p < last; n++) {
        p = ngx_strlchr(p, last, ':');
        p = p ? p + 1 : last;
    }

    account->data = p;
    p = ngx_strlchr(p, last, ':');
    account->len = (p ? p : last) - account->data;
}


/* The most that ngx_http_faas_put_iam() and its like write, unescaped. */

size_t
ngx_http_faas_iam_size(ngx_http_faas_hit_t *hit)
{
    return hit->call ? 4 * hit->call->key->id.len
                       + 2 * hit->call->key->arn.len + 64 : 0;
}
