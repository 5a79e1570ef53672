/*
 * A faas_function block as it was read, and what the files have in common that
 * read and check it.
 *
 * Made and used in the master while it reads a configuration; workers only
 * look at it.
 */

#ifndef _NGX_HTTP_FAAS_FUNCTION_H_INCLUDED_
#define _NGX_HTTP_FAAS_FUNCTION_H_INCLUDED_


#include "ngx_http_faas_compat.h"


/* Lambda's, contract, section 6.5 */
#define NGX_HTTP_FAAS_LAYERS   5

/* what a web server takes at a time, unless it is configured */
#define NGX_HTTP_FAAS_WEB_REQUESTS  100


typedef enum {
    NGX_HTTP_FAAS_PYTHON = 0,
    NGX_HTTP_FAAS_NODE,
    NGX_HTTP_FAAS_JAVA,
    NGX_HTTP_FAAS_MONO,
    NGX_HTTP_FAAS_NATIVE,
    NGX_HTTP_FAAS_FASTCGI,
    NGX_HTTP_FAAS_PROVIDED,
    NGX_HTTP_FAAS_WEB,             /* HTTP, behind faas-web's FastCGI */
    NGX_HTTP_FAAS_LANG             /* of the table in ..._check_lang.c */
} ngx_http_faas_runtime_e;


/* has the cgi profile: is a FastCGI application, or looks like one */

#define ngx_http_faas_is_cgi(fn)                                              \
    ((fn)->kind == NGX_HTTP_FAAS_FASTCGI || (fn)->kind == NGX_HTTP_FAAS_WEB)


/* the path is not a script's: all of it is for the program */

#define ngx_http_faas_path_info(fn)                                           \
    ((fn)->path_info || (fn)->kind == NGX_HTTP_FAAS_WEB)


/* what a function may talk to; names as the manifest has them */

typedef enum {
    NGX_HTTP_FAAS_EGRESS = 0,
    NGX_HTTP_FAAS_NO_NETWORK,
    NGX_HTTP_FAAS_HOST_NETWORK
} ngx_http_faas_network_e;


/* what code and layers may be */

typedef enum {
    NGX_HTTP_FAAS_FOLDER = 0,
    NGX_HTTP_FAAS_ZIP,
    NGX_HTTP_FAAS_SINGLE,          /* any other file, code only */
    NGX_HTTP_FAAS_INLINE,          /* one that is text here, code only */
    NGX_HTTP_FAAS_IMAGE            /* of a container, in the place of code */
} ngx_http_faas_form_e;


/* "mount": a folder of the host in an environment */

typedef struct {
    ngx_str_t                  source;
    ngx_str_t                  target;
    unsigned                   write:1;
} ngx_http_faas_mount_t;


/* where a setting was read */

typedef struct {
    ngx_str_t                  file;
    ngx_uint_t                 line;
} ngx_http_faas_place_t;


/* a faas_function block; lives in the cycle pool */

typedef struct {
    ngx_str_t                  name;
    ngx_str_t                  runtime;
    ngx_http_faas_runtime_e    kind;
    ngx_str_t                  handler;
    ngx_str_t                  code;
    ngx_str_t                  text;            /* of code_inline */
    ngx_str_t                  image;
    ngx_http_faas_form_e       form;            /* of the code */
    ngx_array_t               *layers;          /* of ngx_str_t; or NULL */
    ngx_array_t               *command;         /* of ngx_str_t */
    ngx_str_t                  listen;          /* web: PORT, unix:PATH */
    ngx_str_t                  readiness;       /* web: a URI */
    ngx_array_t               *environment;     /* of ngx_keyval_t */
    ngx_msec_t                 timeout;
    ngx_uint_t                 memory;          /* MB */
    ngx_int_t                  concurrency;     /* unset: unreserved */
    ngx_uint_t                 per_environment;
    ngx_uint_t                 provisioned;
    ngx_uint_t                 queue;
    ngx_msec_t                 queue_timeout;
    ngx_uint_t                 max_requests;
    ngx_msec_t                 max_age;
    ngx_msec_t                 idle_timeout;
    ngx_uint_t                 tmp;             /* MB */
    ngx_uint_t                 network;         /* ngx_http_faas_network_e */
    ngx_int_t                  cpu;             /* thousandths; 0: a share */
    ngx_array_t               *seccomp;         /* of ngx_str_t */
    ngx_array_t               *mounts;          /* ngx_http_faas_mount_t */
    ngx_str_t                  account;
    ngx_str_t                  region;
    ngx_str_t                  lambda_name;     /* what AWS would call it */
    ngx_str_t                  version;         /* "$LATEST", or a number */
    ngx_array_t               *aliases;         /* of ngx_str_t; or NULL */
    ngx_str_t                  arn;             /* with a number at its end, */
    ngx_str_t                  base_arn;        /* without */
    ngx_flag_t                 official_client;
    ngx_flag_t                 keep_conn;       /* fastcgi: stays open */
    ngx_flag_t                 path_info;       /* fastcgi: the request's path
                                                   is no script */
    ngx_flag_t                 reload_on_change;
    ngx_flag_t                 streaming;

    ngx_str_t                  file;            /* where it is configured, */
    ngx_uint_t                 line;            /* or where first named */
    ngx_http_faas_place_t     *places;          /* by setting; temp_pool */
    unsigned                   defined:1;

    uint32_t                   index;           /* in the scoreboard */
} ngx_http_faas_function_t;


#endif /* _NGX_HTTP_FAAS_FUNCTION_H_INCLUDED_ */
