/*
 * Names of functions as the Lambda API takes them (contract, section 5.2).
 *
 * Runs in workers.
 */

#include "ngx_http_faas_lambda.h"

#include "faas_path.h"


#define NGX_HTTP_FAAS_FNAME_MAX  256

#define NGX_HTTP_FAAS_FNAME_REGEX                                             \
    "(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?"\
    "-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_\\.]+)"             \
    "(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"


static ngx_uint_t
ngx_http_faas_word(ngx_str_t *s, const char *more)
{
    return s->len > 0 && ngx_http_faas_letters(s, more);
}


static ngx_uint_t
ngx_http_faas_digits(ngx_str_t *s, size_t n)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] < '0' || s->data[i] > '9') {
            return 0;
        }
    }

    return s->len == n;
}


#define ngx_http_faas_part_is(s, text)                                        \
    ((s)->len == sizeof(text) - 1                                             \
     && ngx_strncmp((s)->data, text, sizeof(text) - 1) == 0)


/* eu-west-1 */

static ngx_uint_t
ngx_http_faas_region(ngx_str_t *s)
{
    size_t      i;
    ngx_uint_t  dashes;

    if (s->len < 7 || s->data[s->len - 2] != '-'
        || s->data[s->len - 1] < '0' || s->data[s->len - 1] > '9')
    {
        return 0;
    }

    for (i = 0, dashes = 0; i < s->len - 1; i++) {

        if (s->data[i] == '-') {
            dashes++;

        } else if (s->data[i] < 'a' || s->data[i] > 'z') {
            return 0;
        }
    }

    return dashes >= 2;
}


/* The parts of an ARN before the region; their number, or NGX_DECLINED. */

static ngx_int_t
ngx_http_faas_arn_head(ngx_str_t *parts, ngx_uint_t n)
{
    if (n <= 3 || !ngx_http_faas_part_is(&parts[0], "arn")) {
        return 0;
    }

    if (parts[1].len < 3 || ngx_strncmp(parts[1].data, "aws", 3) != 0
        || !ngx_http_faas_part_is(&parts[2], "lambda")
        || n < 7 || !ngx_http_faas_part_is(&parts[5], "function")
        || !ngx_http_faas_region(&parts[3]))
    {
        return NGX_DECLINED;
    }

    return 3;
}


/* NGX_DECLINED: it is none. */

ngx_int_t
ngx_http_faas_fname(ngx_http_faas_fname_t *f, ngx_str_t *text)
{
    u_char      *p, *end, *last;
    ngx_int_t    head;
    ngx_str_t    parts[8];
    ngx_uint_t   n, i;

    last = text->data + text->len;

    for (n = 0, p = text->data; p <= last; p = end + 1) {
        end = ngx_strlchr(p, last, ':');
        end = end ? end : last;

        if (n == 8) {
            return NGX_DECLINED;
        }

        parts[n].data = p;
        parts[n++].len = end - p;
    }

    head = ngx_http_faas_arn_head(parts, n);

    if (head == NGX_DECLINED) {
        return NGX_DECLINED;
    }

    i = head;

    if (i < n && ngx_http_faas_region(&parts[i])) {
        f->region = parts[i++];
    }

    if (i < n && ngx_http_faas_digits(&parts[i], 12) && i + 1 < n) {
        f->account = parts[i++];
    }

    if (f->region.len && f->account.len == 0) {
        return NGX_DECLINED;
    }

    if (i + 1 < n && ngx_http_faas_part_is(&parts[i], "function")) {
        i++;
    }

    if (i == n || !ngx_http_faas_word(&parts[i], "-_.")) {
        return NGX_DECLINED;
    }

    f->name = parts[i++];

    if (i < n) {
        f->qualifier = parts[i++];

        if (!ngx_http_faas_word(&f->qualifier, "-_$.")) {
            return NGX_DECLINED;
        }
    }

    return i == n ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_faas_fname_invalid(ngx_http_request_t *r, ngx_str_t *value,
    ngx_http_faas_lambda_error_t *e)
{
    u_char  *p;

    e->status = 400;
    e->type = "ValidationException";

    p = ngx_pnalloc(r->pool, value->len + 512);
    if (p == NULL) {
        return NGX_ERROR;
    }

    e->message.data = p;

    p = ngx_sprintf(p, "1 validation error detected: Value '%V' at "
                    "'functionName' failed to satisfy constraint: ", value);

    if (value->len > NGX_HTTP_FAAS_FNAME_MAX) {
        p = ngx_sprintf(p, "Member must have length less than or equal to %d",
                        NGX_HTTP_FAAS_FNAME_MAX);

    } else {
        p = ngx_sprintf(p, "Member must satisfy regular expression pattern: "
                        "%s", NGX_HTTP_FAAS_FNAME_REGEX);
    }

    e->message.len = p - e->message.data;

    return NGX_DECLINED;
}


/* "Qualifier" of the query, decoded; empty: there is none. */

static ngx_int_t
ngx_http_faas_query_qualifier(ngx_http_request_t *r, ngx_str_t *value)
{
    u_char  *p;

    if (r->args.len == 0
        || ngx_http_arg(r, (u_char *) "Qualifier", 9, value) != NGX_OK)
    {
        ngx_str_null(value);
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, value->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value->len = faas_path_decode(p, value->data, value->len) - p;
    value->data = p;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_call_qualifier(ngx_http_request_t *r,
    ngx_http_faas_call_t *call, ngx_http_faas_lambda_error_t *e)
{
    ngx_str_t  value;

    if (ngx_http_faas_query_qualifier(r, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (value.len == 0) {
        return NGX_OK;
    }

    if (value.len > 128 || !ngx_http_faas_word(&value, "$_-")) {
        e->status = 400;
        e->type = "ValidationException";
        ngx_str_set(&e->message, "1 validation error detected: Value at "
                    "'qualifier' failed to satisfy constraint: Member must "
                    "satisfy regular expression pattern: [a-zA-Z0-9$_-]+");
        return NGX_DECLINED;
    }

    if (call->fname.qualifier.len
        && (call->fname.qualifier.len != value.len
            || ngx_memcmp(call->fname.qualifier.data, value.data, value.len)
               != 0))
    {
        e->status = 400;
        e->type = "InvalidParameterValueException";
        ngx_str_set(&e->message, "The derived qualifier from the function "
                    "name does not match the specified qualifier.");
        return NGX_DECLINED;
    }

    call->fname.qualifier = value;

    return NGX_OK;
}


/* The ARN that was asked for, of a function that there need not be. */

static ngx_int_t
ngx_http_faas_call_arn(ngx_http_request_t *r, ngx_http_faas_call_t *call)
{
    u_char                     *p;
    ngx_str_t                   region, account;
    ngx_http_faas_fname_t      *f;
    ngx_http_faas_function_t   *fn;
    ngx_http_faas_main_conf_t  *fmcf;

    f = &call->fname;
    fmcf = ngx_http_get_module_main_conf(r, ngx_http_faas_module);
    fn = call->function;

    ngx_str_set(&region, "us-east-1");
    ngx_str_set(&account, "000000000000");

    /* what there is not has the ARN that it would have beside the others */

    if (fn == NULL && fmcf->functions.nelts) {
        fn = ((ngx_http_faas_function_t **) fmcf->functions.elts)[0];
    }

    if (fn) {
        region = fn->region;
        account = fn->account;
    }

    if (call->function == NULL) {
        region = f->region.len ? f->region : region;
        account = f->account.len ? f->account : account;
    }

    p = ngx_pnalloc(r->pool, sizeof("arn:aws:lambda:::function::") + region.len
                             + account.len + f->name.len + f->qualifier.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    call->arn.data = p;
    p = ngx_sprintf(p, "arn:aws:lambda:%V:%V:function:%V", &region, &account,
                    &f->name);

    if (f->qualifier.len) {
        p = ngx_sprintf(p, ":%V", &f->qualifier);
    }

    call->arn.len = p - call->arn.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_call_unknown(ngx_http_request_t *r, ngx_http_faas_call_t *call,
    ngx_http_faas_lambda_error_t *e)
{
    u_char                 *p;
    ngx_http_faas_fname_t  *f;

    f = &call->fname;

    e->status = 404;
    e->type = "ResourceNotFoundException";

    p = ngx_pnalloc(r->pool, call->arn.len + f->region.len + 128);
    if (p == NULL) {
        return NGX_ERROR;
    }

    e->message.data = p;

    if (call->function && f->region.len
        && (f->region.len != call->function->region.len
            || ngx_memcmp(f->region.data, call->function->region.data,
                          f->region.len)
               != 0))
    {
        p = ngx_sprintf(p, "Functions from '%V' are not reachable in this "
                        "region ('%V')", &f->region, &call->function->region);

    } else {
        p = ngx_sprintf(p, "Function not found: %V%s", &call->arn,
                        f->qualifier.len == 0
                        && call->op <= NGX_HTTP_FAAS_OP_STREAM
                        ? ":$LATEST" : "");
    }

    e->message.len = p - e->message.data;

    return NGX_DECLINED;
}


/* The emulator's name for the function, whatever it is called: section 5.8. */

static ngx_http_faas_function_t *
ngx_http_faas_call_only(ngx_http_faas_main_conf_t *fmcf,
    ngx_http_faas_call_t *call)
{
    ngx_http_faas_function_t  *fn;

    if (fmcf->functions.nelts != 1
        || !ngx_http_faas_part_is(&call->fname.name, "function"))
    {
        return NULL;
    }

    fn = *(ngx_http_faas_function_t **) fmcf->functions.elts;

    if (call->fname.qualifier.len
        && ngx_http_faas_qualified(fmcf, &fn->lambda_name,
                                   &call->fname.qualifier)
           == NULL)
    {
        return NULL;
    }

    call->emulator = 1;
    call->fname.name = fn->lambda_name;

    return fn;
}


/* call->function, or NGX_DECLINED. */

ngx_int_t
ngx_http_faas_call_function(ngx_http_request_t *r,
    ngx_http_faas_call_t *call, ngx_http_faas_lambda_error_t *e)
{
    ngx_int_t                   rc;
    ngx_http_faas_fname_t      *f;
    ngx_http_faas_function_t   *fn;
    ngx_http_faas_main_conf_t  *fmcf;

    f = &call->fname;

    if (call->target.len > NGX_HTTP_FAAS_FNAME_MAX
        || ngx_http_faas_fname(f, &call->target) != NGX_OK)
    {
        return ngx_http_faas_fname_invalid(r, &call->target, e);
    }

    rc = ngx_http_faas_call_qualifier(r, call, e);

    if (rc != NGX_OK) {
        return rc;
    }

    fmcf = ngx_http_get_module_main_conf(r, ngx_http_faas_module);
    fn = ngx_http_faas_qualified(fmcf, &f->name, &f->qualifier);

    if (fn == NULL) {
        fn = ngx_http_faas_call_only(fmcf, call);
    }

    call->function = fn;

    if (ngx_http_faas_call_arn(r, call) != NGX_OK) {
        return NGX_ERROR;
    }

    if (fn == NULL || ngx_http_faas_is_cgi(fn)
        || (f->region.len
            && (f->region.len != fn->region.len
                || ngx_memcmp(f->region.data, fn->region.data, f->region.len)
                   != 0)))
    {
        return ngx_http_faas_call_unknown(r, call, e);
    }

    if (f->account.len && ngx_memcmp(f->account.data, fn->account.data, 12))
    {
        e->status = 403;
        e->type = "AccessDeniedException";
        ngx_str_set(&e->message, "User is not authorized to perform this "
                                 "operation on a function of another account");
        return NGX_DECLINED;
    }

    return NGX_OK;
}
