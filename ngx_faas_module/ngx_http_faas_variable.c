/*
 * The $faas_* variables.
 *
 * Runs in workers.  They describe the request's own invocation; in a request
 * that was redirected (error_page) still the one before the redirect.
 */

#include "ngx_http_faas_auth.h"


typedef u_char *(*ngx_http_faas_value_pt)(ngx_http_faas_ctx_t *ctx,
    u_char *p);


static ngx_int_t ngx_http_faas_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static u_char *ngx_http_faas_v_request_id(ngx_http_faas_ctx_t *ctx,
    u_char *p);
static u_char *ngx_http_faas_v_function(ngx_http_faas_ctx_t *ctx, u_char *p);
static u_char *ngx_http_faas_v_version(ngx_http_faas_ctx_t *ctx, u_char *p);
static u_char *ngx_http_faas_v_environment(ngx_http_faas_ctx_t *ctx,
    u_char *p);
static u_char *ngx_http_faas_v_cold(ngx_http_faas_ctx_t *ctx, u_char *p);
static u_char *ngx_http_faas_v_init(ngx_http_faas_ctx_t *ctx, u_char *p);
static u_char *ngx_http_faas_v_duration(ngx_http_faas_ctx_t *ctx, u_char *p);
static u_char *ngx_http_faas_v_billed(ngx_http_faas_ctx_t *ctx, u_char *p);
static u_char *ngx_http_faas_v_memory(ngx_http_faas_ctx_t *ctx, u_char *p);
static u_char *ngx_http_faas_v_max_memory(ngx_http_faas_ctx_t *ctx,
    u_char *p);
static u_char *ngx_http_faas_v_queue(ngx_http_faas_ctx_t *ctx, u_char *p);
static u_char *ngx_http_faas_v_error(ngx_http_faas_ctx_t *ctx, u_char *p);
static u_char *ngx_http_faas_v_status(ngx_http_faas_ctx_t *ctx, u_char *p);
static u_char *ngx_http_faas_v_api(ngx_http_faas_ctx_t *ctx, u_char *p);
static u_char *ngx_http_faas_v_route(ngx_http_faas_ctx_t *ctx, u_char *p);
static u_char *ngx_http_faas_v_stage(ngx_http_faas_ctx_t *ctx, u_char *p);


static struct {
    ngx_str_t                name;
    ngx_http_faas_value_pt   value;
    ngx_uint_t               refused;    /* an API may say it alone */
} ngx_http_faas_variables[] = {
    { ngx_string("faas_request_id"), ngx_http_faas_v_request_id, 0 },
    { ngx_string("faas_function"), ngx_http_faas_v_function, 0 },
    { ngx_string("faas_version"), ngx_http_faas_v_version, 0 },
    { ngx_string("faas_environment"), ngx_http_faas_v_environment, 0 },
    { ngx_string("faas_cold_start"), ngx_http_faas_v_cold, 0 },
    { ngx_string("faas_init_ms"), ngx_http_faas_v_init, 0 },
    { ngx_string("faas_duration_ms"), ngx_http_faas_v_duration, 0 },
    { ngx_string("faas_billed_ms"), ngx_http_faas_v_billed, 0 },
    { ngx_string("faas_memory_mb"), ngx_http_faas_v_memory, 0 },
    { ngx_string("faas_max_memory_mb"), ngx_http_faas_v_max_memory, 0 },
    { ngx_string("faas_queue_ms"), ngx_http_faas_v_queue, 0 },
    { ngx_string("faas_error"), ngx_http_faas_v_error, 1 },
    { ngx_string("faas_status"), ngx_http_faas_v_status, 1 },
    { ngx_string("faas_api"), ngx_http_faas_v_api, 1 },
    { ngx_string("faas_route"), ngx_http_faas_v_route, 1 },
    { ngx_string("faas_stage"), ngx_http_faas_v_stage, 1 },
    { ngx_null_string, NULL, 0 }
};


ngx_int_t
ngx_http_faas_add_variables(ngx_conf_t *cf)
{
    ngx_uint_t            i;
    ngx_http_variable_t  *var;

    for (i = 0; ngx_http_faas_variables[i].name.len; i++) {
        var = ngx_http_add_variable(cf, &ngx_http_faas_variables[i].name,
                                    NGX_HTTP_VAR_NOCACHEABLE);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = ngx_http_faas_variable;
        var->data = i;
    }

    return ngx_http_faas_add_auth_variables(cf);
}


/* What there is of a request that an API has refused: no invocation. */

static ngx_http_faas_ctx_t *
ngx_http_faas_refused_ctx(ngx_http_request_t *r)
{
    static ngx_http_faas_ctx_t  ctx;

    ctx.hit = ngx_http_faas_kept(r);

    return ctx.hit && ctx.hit->why ? &ctx : NULL;
}


static ngx_int_t
ngx_http_faas_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    size_t                size;
    u_char               *p, *last;
    ngx_http_faas_ctx_t  *ctx;

    ctx = ngx_http_faas_get_ctx(r);

    if (ctx == NULL && ngx_http_faas_variables[data].refused) {
        ctx = ngx_http_faas_refused_ctx(r);
    }

    v->not_found = 1;

    if (ctx == NULL) {
        return NGX_OK;
    }

    size = FAAS_NAME_MAX + 64 + ctx->error.len
           + (ctx->hit && ctx->hit->route ? ctx->hit->route->key.len : 0)
           + (ctx->hit && ctx->hit->stage ? ctx->hit->stage->name.len : 0);

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_http_faas_variables[data].value(ctx, p);

    if (last == NULL || last == p) {
        return NGX_OK;
    }

    v->data = p;
    v->len = last - p;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


static u_char *
ngx_http_faas_v_request_id(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    return ngx_cpymem(p, ctx->request_id, FAAS_REQUEST_ID_LEN);
}


static u_char *
ngx_http_faas_v_function(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    return ctx->function ? ngx_sprintf(p, "%V", &ctx->function->name) : NULL;
}


static u_char *
ngx_http_faas_v_version(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    return ctx->function ? ngx_sprintf(p, "%V", &ctx->function->version)
                         : NULL;
}


static u_char *
ngx_http_faas_v_environment(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    if (ctx->started_us == 0) {
        return NULL;
    }

    return ngx_sprintf(p, "%uD.%uD", ctx->lease.env, ctx->lease.generation);
}


static u_char *
ngx_http_faas_v_cold(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    if (ctx->started_us == 0) {
        return NULL;
    }

    *p = ctx->cold ? '1' : '0';

    return p + 1;
}


static u_char *
ngx_http_faas_v_us(u_char *p, uint64_t us)
{
    return ngx_sprintf(p, "%uL.%03uL", us / 1000, us % 1000);
}


static u_char *
ngx_http_faas_v_init(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    return ctx->cold ? ngx_http_faas_v_us(p, ctx->lease.init_us) : NULL;
}


static u_char *
ngx_http_faas_v_duration(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    return ctx->measured ? ngx_http_faas_v_us(p, ctx->duration_us) : NULL;
}


static u_char *
ngx_http_faas_v_billed(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    return ctx->measured ? ngx_sprintf(p, "%uL", ctx->billed_ms) : NULL;
}


static u_char *
ngx_http_faas_v_memory(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    return ctx->function ? ngx_sprintf(p, "%ui", ctx->function->memory) : NULL;
}


static u_char *
ngx_http_faas_v_max_memory(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    faas_env_t  *env;

    if (ctx->started_us == 0 || ngx_http_faas_board.head == NULL) {
        return NULL;
    }

    env = &ngx_http_faas_board.envs[ctx->lease.env];

    if (env->generation != ctx->lease.generation || env->memory == 0) {
        return NULL;
    }

    return ngx_sprintf(p, "%uL", (env->memory + 1048575) / 1048576);
}


static u_char *
ngx_http_faas_v_queue(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    return ctx->started_us ? ngx_http_faas_v_us(p, ctx->queue_us) : NULL;
}


/* the gateway's words have fewer letters than a name may have */

static u_char *
ngx_http_faas_v_error(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    if (ctx->error.len == 0 && ctx->hit && ctx->hit->why) {
        return ngx_sprintf(p, "%s", ctx->hit->why);
    }

    return ngx_sprintf(p, "%V", &ctx->error);
}


/* the outcome in a word: what faas_status counts it as */

static u_char *
ngx_http_faas_v_status(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    const char         *text;
    static const char  *outcomes[FAAS_OUT_N] = {
        "success", "error", "error", "timeout", "crash"
    };

    if (ctx->counted) {
        text = outcomes[ctx->outcome];

    } else {
        text = ctx->error.len || (ctx->hit && ctx->hit->why) ? "refused"
                                                             : "none";
    }

    return ngx_sprintf(p, "%s", text);
}


/* empty with faas_pass, which has none of these */

static u_char *
ngx_http_faas_v_api(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    return ctx->hit && !ctx->hit->api->local
           ? ngx_sprintf(p, "%V", &ctx->hit->api->name) : NULL;
}


static u_char *
ngx_http_faas_v_route(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    return ctx->hit && ctx->hit->route
           ? ngx_sprintf(p, "%V", &ctx->hit->route->key) : NULL;
}


static u_char *
ngx_http_faas_v_stage(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    if (ctx->hit == NULL) {
        return NULL;
    }

    return ctx->hit->stage ? ngx_sprintf(p, "%V", &ctx->hit->stage->name)
                           : ngx_sprintf(p, "$default");
}
