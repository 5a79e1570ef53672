/*
 * API keys and their usage plans: what a file named by "api_keys" makes of a
 * configuration.  Lives in the cycle pool; read only once it is complete.
 */

#ifndef _NGX_HTTP_FAAS_KEYS_H_INCLUDED_
#define _NGX_HTTP_FAAS_KEYS_H_INCLUDED_


#include "ngx_http_faas_api.h"

#include <jansson.h>
#include <openssl/sha.h>


/* so many requests in a period: contract, section 7.8 */

typedef enum {
    NGX_HTTP_FAAS_QUOTA_NONE = 0,
    NGX_HTTP_FAAS_QUOTA_DAY,
    NGX_HTTP_FAAS_QUOTA_WEEK,
    NGX_HTTP_FAAS_QUOTA_MONTH
} ngx_http_faas_period_e;


typedef struct {
    ngx_str_t                  name;
    ngx_http_faas_throttle_t   throttle;        /* of each of its keys */
    ngx_uint_t                 period;          /* ngx_http_faas_period_e */
    uint64_t                   limit;
    uint64_t                   offset;          /* of the first period */
} ngx_http_faas_plan_t;


struct ngx_http_faas_api_key_s {
    ngx_str_t                  id;
    u_char                     digest[SHA256_DIGEST_LENGTH];   /* of it */
    ngx_http_faas_plan_t      *plan;
    ngx_http_faas_throttle_t   throttle;        /* with a bucket of its own */
    ngx_uint_t                 quota;           /* its number, if it has one */
    unsigned                   enabled:1;
};


struct ngx_http_faas_keys_s {
    ngx_str_t                  path;
    ngx_array_t                keys;            /* ..._api_key_t, by digest */
};


/* ngx_http_faas_keys.c: requests */

ngx_int_t ngx_http_faas_api_key_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

/* ngx_http_faas_keys_file.c: the file */

ngx_http_faas_keys_t *ngx_http_faas_keys_load(ngx_conf_t *cf,
    ngx_str_t *name);

/* ngx_http_faas_auth_file.c: JSON of which only the owner may know */

json_t *ngx_http_faas_secret_read(ngx_conf_t *cf, const char *directive,
    ngx_str_t *path);

/* ngx_http_faas_quota.c: how often a key was used */

ngx_int_t ngx_http_faas_quotas_add(ngx_conf_t *cf,
    ngx_http_faas_api_key_t *key);
ngx_int_t ngx_http_faas_quotas_open(ngx_cycle_t *cycle,
    ngx_http_faas_main_conf_t *fmcf);
ngx_uint_t ngx_http_faas_quota(ngx_http_request_t *r,
    ngx_http_faas_api_key_t *key);


#endif /* _NGX_HTTP_FAAS_KEYS_H_INCLUDED_ */
