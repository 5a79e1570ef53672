/*
 * What the files of the module share: configuration, the context of a request
 * and the functions that one file offers to the others.
 *
 * Everything here lives in nginx processes; what is shared with the
 * supervisor is in faas_board.h.
 */

#ifndef _NGX_HTTP_FAAS_H_INCLUDED_
#define _NGX_HTTP_FAAS_H_INCLUDED_


#include "ngx_http_faas_compat.h"
#include "ngx_http_faas_function.h"

#include "faas_answer.h"
#include "faas_board.h"
#include "faas_fcgi.h"
#include "faas_proto.h"


#define NGX_HTTP_FAAS_VERSION          "0.1.0"

/* stands for any text in the name of a file that nginx -t looks for */
#define NGX_HTTP_FAAS_ANY              '\1'

/* "Root=1-TIME-RANDOM" */
#define NGX_HTTP_FAAS_TRACE_LEN        (sizeof("Root=1-00000000-") - 1 + 24)


/* ngx_http_faas_api.h */
typedef struct ngx_http_faas_api_s    ngx_http_faas_api_t;
typedef struct ngx_http_faas_hit_s    ngx_http_faas_hit_t;
typedef struct ngx_http_faas_stage_s  ngx_http_faas_stage_t;

/* ngx_http_faas_lambda.h */
typedef struct ngx_http_faas_call_s   ngx_http_faas_call_t;
typedef struct ngx_http_faas_auth_s   ngx_http_faas_auth_t;

/* ngx_http_faas_verdict.h */
typedef struct ngx_http_faas_ask_s    ngx_http_faas_ask_t;

/* ngx_http_faas_tokens.c */
typedef struct ngx_http_faas_tokens_s ngx_http_faas_tokens_t;

/* ngx_http_faas_stream.h */
typedef struct ngx_http_faas_stream_s ngx_http_faas_stream_t;


/* faas_isolation; names as the manifest has them */

#define NGX_HTTP_FAAS_ISOLATION_REQUIRE  0
#define NGX_HTTP_FAAS_ISOLATION_PREFER   1
#define NGX_HTTP_FAAS_ISOLATION_NONE     2


typedef struct {
    ngx_str_t                  runtime;
    ngx_uint_t                 count;
} ngx_http_faas_blanks_t;


#define NGX_HTTP_FAAS_NONCE  16                 /* bytes */


typedef struct {
    ngx_str_t                  run_dir;
    ngx_str_t                  state_dir;
    ngx_str_t                  runtime_dir;
    ngx_uint_t                 max_functions;
    ngx_uint_t                 max_environments;
    ngx_flag_t                 external;        /* supervisor by others */
    ngx_str_t                  supervisor;      /* its socket, if external */
    ngx_array_t                blanks;          /* ngx_http_faas_blanks_t */
    ngx_array_t                functions;       /* ngx_http_faas_function_t * */
    ngx_array_t               *versions;        /* those with a qualifier */
    ngx_array_t                apis;            /* ngx_http_faas_api_t * */
    void                      *throttles;       /* NULL: there are none */
    ngx_http_faas_tokens_t    *tokens;          /* NULL: no authorizers */
    ngx_shm_zone_t            *verdicts;        /* NULL: none are kept */
    size_t                     verdicts_size;
    ngx_uint_t                 verdicts_used;
    u_char                     nonce[NGX_HTTP_FAAS_NONCE];
    ngx_array_t               *keys;            /* ngx_http_faas_keys_t * */
    void                      *quotas;          /* NULL: there are none */
    ngx_array_t                caches;          /* ngx_http_file_cache_t * */
    ngx_uint_t                 isolation;       /* ..._ISOLATION_... */
    ngx_uint_t                 uid_first;
    ngx_uint_t                 uid_last;
    ngx_array_t                deny;            /* of ngx_str_t */
    ngx_array_t                allow;           /* of ngx_str_t */
    size_t                     request_max;     /* the largest in use */
    size_t                     response_max;
    uint64_t                   generation;      /* init_module */
} ngx_http_faas_main_conf_t;


typedef struct {
    ngx_http_upstream_conf_t   upstream;        /* while a request waits */
    ngx_http_upstream_conf_t   running;         /* once the event was sent */
    ngx_http_upstream_conf_t   failed;          /* for the gateway's errors */

    ngx_http_faas_function_t  *function;        /* faas_pass with a name */
    ngx_http_complex_value_t  *name;            /* faas_pass with variables */
    ngx_flag_t                 status;          /* faas_status */

    ngx_http_faas_api_t       *api;             /* faas_api_pass, faas_route */
    ngx_str_t                  stage;
    ngx_http_faas_stage_t     *fixed;           /* of that name */
    ngx_str_t                  base;            /* base_path */
    ngx_http_faas_place_t      api_place;

    ngx_flag_t                 lambda;          /* faas_lambda_api */
    ngx_http_faas_place_t      lambda_place;
    ngx_http_faas_auth_t      *auth;            /* unset: NGX_CONF_UNSET_PTR */

    ngx_flag_t                 ignore_abort;
    size_t                     request_max;
    size_t                     response_max;

    ngx_flag_t                 streaming;       /* unset: the function's */
    off_t                      stream_max;
    size_t                     stream_rate;     /* bytes a second; 0: any */
    size_t                     stream_burst;

#if (NGX_HTTP_CACHE)
    ngx_http_complex_value_t   cache_key;
#endif
} ngx_http_faas_loc_conf_t;


/* an answer the gateway gives itself */

typedef struct {
    ngx_uint_t                 status;          /* lambda profile */
    ngx_uint_t                 cgi_status;      /* cgi profile */
    char                      *error;           /* $faas_error */
} ngx_http_faas_error_t;


/*
 * A connection to an application that serves no other one as long as it is
 * there: it is let go when another worker needs the environment.
 */

typedef struct {
    ngx_queue_t                queue;
    ngx_connection_t          *connection;      /* NULL: not in the list */
    uint32_t                   env;
    uint32_t                   generation;
} ngx_http_faas_single_t;


typedef struct {
    ngx_queue_t                queue;           /* mail, or post mortem */
    ngx_http_faas_single_t     single;

    ngx_http_request_t        *request;
    ngx_http_faas_loc_conf_t  *flcf;
    ngx_http_faas_function_t  *function;
    ngx_http_faas_hit_t       *hit;             /* NULL: faas_pass */
    ngx_http_faas_call_t      *call;            /* of the Lambda API */
    ngx_http_faas_ask_t       *ask;             /* of an authorizer */

    uint32_t                   ticket;          /* FAAS_NIL: none */
    faas_lease_t               lease;
    ngx_connection_t          *waiting;         /* stands in for the peer */
    ngx_connection_t          *stand_in;        /* its memory, used again */
    ngx_event_t                timer;           /* of waiting, then running */

    uint64_t                   arrived_us;
    uint64_t                   started_us;
    uint64_t                   duration_us;
    uint64_t                   queue_us;
    uint64_t                   bytes_in;
    uint64_t                   bytes_out;
    uint64_t                   billed_ms;
    faas_outcome_e             outcome;         /* once counted */

    faas_fcgi_reader_t         reader;
    ngx_http_faas_stream_t    *stream;          /* NULL: it is none */
    ngx_http_faas_error_t     *failure;         /* to be answered instead */
    ngx_str_t                  error;           /* $faas_error */
    ngx_chain_t               *request_chain;
    ngx_str_t                  event;           /* lambda profile */
    ngx_str_t                  trace;

    u_char                    *deadline;        /* digits in the request */
    u_char                    *text;            /* answer so far, unframed */
    u_char                    *text_last;
    ngx_uint_t                 retries;
    ngx_uint_t                 log_lines;
    uint32_t                   answered;        /* of the environment, when
                                                   the request began */
    off_t                      rest;            /* of the cgi body, -1: open */
    ngx_str_t                  log_line;        /* unfinished stderr line */

    ngx_str_t                  peer_name;
    u_char                     peer_text[FAAS_NAME_MAX + 24];
    u_char                     request_id[FAAS_REQUEST_ID_LEN];

    unsigned                   cgi:1;
    unsigned                   running:1;       /* event is being sent */
    unsigned                   ended:1;         /* END_REQUEST was read */
    unsigned                   counted:1;       /* the lease is over */
    unsigned                   measured:1;      /* duration_us is final */
    unsigned                   cold:1;
    unsigned                   header_done:1;
    unsigned                   guessed:1;       /* where a cgi script is */
    unsigned                   unwanted:1;      /* the cgi body is */
    unsigned                   mailed:1;        /* is in the queue */
    unsigned                   post_mortem:1;   /* waits for a reason */
    unsigned                   yielded:1;       /* not to be kept */
    unsigned                   reconnect:1;     /* on the same lease */
    unsigned                   streaming:1;     /* the caller takes streams */
    unsigned                   flowing:1;       /* and has the header of one */
    unsigned                   tunnel:1;        /* 101 was answered */
} ngx_http_faas_ctx_t;


extern ngx_module_t  ngx_http_faas_module;

/* the scoreboard, mapped once per process tree; head is NULL without one */
extern faas_board_t  ngx_http_faas_board;


/* ngx_http_faas_conf.c: configuration structures */

void *ngx_http_faas_create_main_conf(ngx_conf_t *cf);
char *ngx_http_faas_init_main_conf(ngx_conf_t *cf, void *conf);
void *ngx_http_faas_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_faas_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child);

/* ngx_http_faas_directive.c: setters of directives */

char *ngx_http_faas_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_faas_dir(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_faas_blanks(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_faas_supervisor(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_faas_num(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_faas_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_faas_off(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_faas_msec(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_faas_bufs(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_faas_num_bounds(ngx_conf_t *cf, void *post, void *data);

/* ngx_http_faas_function.c: faas_function and what is in it */

char *ngx_http_faas_function(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_http_faas_function_t *ngx_http_faas_reference(ngx_conf_t *cf,
    ngx_str_t *name);
char *ngx_http_faas_check_references(ngx_conf_t *cf,
    ngx_http_faas_main_conf_t *fmcf);
void ngx_http_faas_sort(ngx_http_faas_main_conf_t *fmcf);
ngx_http_faas_function_t *ngx_http_faas_find(ngx_http_faas_main_conf_t *fmcf,
    u_char *name, size_t len);

/* ngx_http_faas_setting.c: what stands in a faas_function block */

char *ngx_http_faas_block(ngx_conf_t *cf, ngx_command_t *dummy, void *conf);
ngx_int_t ngx_http_faas_places(ngx_conf_t *cf, ngx_http_faas_function_t *fn);
void ngx_http_faas_place(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    const char *setting);

/* ngx_http_faas_environment.c: environment variables in the block */

char *ngx_http_faas_set_environment(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *value, ngx_uint_t n);

/* ngx_http_faas_sandbox.c: what an environment may do, in and out of it */

char *ngx_http_faas_set_network(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *value, ngx_uint_t n);
char *ngx_http_faas_set_cpu(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n);
char *ngx_http_faas_set_seccomp(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *value, ngx_uint_t n);
char *ngx_http_faas_set_mount(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n);
char *ngx_http_faas_set_inline(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n);
char *ngx_http_faas_set_listen(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n);
char *ngx_http_faas_set_image(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n);
char *ngx_http_faas_set_layers(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n);
char *ngx_http_faas_uids(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_faas_addresses(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_faas_sandbox_defaults(ngx_conf_t *cf,
    ngx_http_faas_main_conf_t *fmcf);
char *ngx_http_faas_check_mounts(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn);

/*
 * ngx_http_faas_zip.c: NGX_OK: the archive has one of the names;
 * NGX_DECLINED: it has none; NGX_ERROR: it is none, with errno or 0 in *err
 */

ngx_uint_t ngx_http_faas_match(ngx_str_t *pattern, u_char *name, size_t len);
ngx_int_t ngx_http_faas_zip_has(u_char *path, ngx_str_t *names,
    ngx_uint_t n, ngx_err_t *err);

/* ngx_http_faas_cache.c: the faas_cache directives; conditional requests */

ngx_str_t *ngx_http_faas_method(ngx_http_request_t *r);
ngx_uint_t ngx_http_faas_conditional(u_char *name, size_t len);
ngx_uint_t ngx_http_faas_revalidate(ngx_http_request_t *r,
    ngx_str_t *modified_since, ngx_str_t *none_match);

#if (NGX_HTTP_CACHE)
ngx_uint_t ngx_http_faas_cache_instead(ngx_http_request_t *r,
    ngx_uint_t status);
char *ngx_http_faas_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_faas_cache_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_faas_cache_merge(ngx_conf_t *cf,
    ngx_http_faas_loc_conf_t *prev, ngx_http_faas_loc_conf_t *conf);
ngx_int_t ngx_http_faas_create_key(ngx_http_request_t *r);
#endif

/* ngx_http_faas_process.c: cycles and processes */

ngx_int_t ngx_http_faas_init_module(ngx_cycle_t *cycle);
ngx_int_t ngx_http_faas_init_process(ngx_cycle_t *cycle);
void ngx_http_faas_exit_process(ngx_cycle_t *cycle);
void ngx_http_faas_exit_master(ngx_cycle_t *cycle);

/* ngx_http_faas_run.c: the run directory and the scoreboard's file */

ngx_int_t ngx_http_faas_run_dir(ngx_cycle_t *cycle,
    ngx_http_faas_main_conf_t *fmcf);
ngx_int_t ngx_http_faas_board_attach(ngx_cycle_t *cycle,
    ngx_http_faas_main_conf_t *fmcf, ngx_fd_t lock);
ngx_int_t ngx_http_faas_path(u_char *buf, size_t size, ngx_str_t *dir,
    const char *name);

/* ngx_http_faas_manifest.c: the configuration for the supervisor */

void ngx_http_faas_index(ngx_cycle_t *cycle,
    ngx_http_faas_main_conf_t *fmcf);
ngx_int_t ngx_http_faas_manifest(ngx_cycle_t *cycle,
    ngx_http_faas_main_conf_t *fmcf);

/* ngx_http_faas_spawn.c: the supervisor's process */

ngx_int_t ngx_http_faas_spawn(ngx_cycle_t *cycle,
    ngx_http_faas_main_conf_t *fmcf, ngx_fd_t lock, ngx_fd_t life);

/* ngx_http_faas_probe.c: NGX_ERROR: "faas_isolation require" cannot be */

ngx_int_t ngx_http_faas_probe(ngx_cycle_t *cycle,
    ngx_http_faas_main_conf_t *fmcf);

/* ngx_http_faas_worker.c: this worker in the scoreboard, doorbells, tickets */

void ngx_http_faas_bell_to(ngx_http_faas_main_conf_t *fmcf);
ngx_int_t ngx_http_faas_worker_init(ngx_cycle_t *cycle,
    ngx_http_faas_main_conf_t *fmcf);
void ngx_http_faas_worker_exit(ngx_cycle_t *cycle);
uint32_t ngx_http_faas_ticket_take(ngx_http_faas_ctx_t *ctx);
void ngx_http_faas_ticket_free(uint32_t ticket);
ngx_http_faas_ctx_t *ngx_http_faas_ticket_ctx(uint32_t ticket);
void ngx_http_faas_wake(uint32_t worker);
void ngx_http_faas_ring(uint32_t type, uint32_t arg);
ngx_str_t *ngx_http_faas_run_path(void);
void ngx_http_faas_let_go(void);
void ngx_http_faas_watch(ngx_http_faas_ctx_t *ctx);
void ngx_http_faas_unwatch(ngx_http_faas_ctx_t *ctx);

/* ngx_http_faas_conn.c: kept connections to environments */

ngx_int_t ngx_http_faas_conn_init(ngx_cycle_t *cycle);
ngx_connection_t *ngx_http_faas_conn_get(uint32_t env, uint32_t generation);
ngx_uint_t ngx_http_faas_conn_spare(void);
ngx_int_t ngx_http_faas_conn_keep(ngx_connection_t *c, uint32_t env,
    uint32_t generation, ngx_uint_t single);
void ngx_http_faas_single_add(ngx_http_faas_single_t *single,
    ngx_connection_t *c, uint32_t env, uint32_t generation);
void ngx_http_faas_single_remove(ngx_http_faas_single_t *single);
void ngx_http_faas_singles_yield(uint32_t worker);

/* ngx_http_faas_peer.c: leases and connections for ngx_http_upstream */

ngx_int_t ngx_http_faas_peer_init(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);
void ngx_http_faas_granted(ngx_http_faas_ctx_t *ctx);
void ngx_http_faas_stand_in_drop(ngx_http_faas_ctx_t *ctx);

/* ngx_http_faas_io.c: what is read from and written to an environment */

ssize_t ngx_http_faas_recv(ngx_connection_t *c, u_char *buf, size_t size);
ngx_chain_t *ngx_http_faas_send_chain(ngx_connection_t *c, ngx_chain_t *in,
    off_t limit);
ssize_t ngx_http_faas_recv_failure(ngx_connection_t *c, u_char *buf,
    size_t size);
ngx_uint_t ngx_http_faas_autopsy(ngx_http_faas_ctx_t *ctx);
void ngx_http_faas_post_mortem(ngx_http_faas_ctx_t *ctx);

/* ngx_http_faas_lease.c: the invocation's beginning and end */

ngx_http_faas_ctx_t *ngx_http_faas_get_ctx(ngx_http_request_t *r);
ngx_http_faas_ctx_t *ngx_http_faas_create_ctx(ngx_http_request_t *r);
void ngx_http_faas_lease_start(ngx_http_faas_ctx_t *ctx);
void ngx_http_faas_lease_end(ngx_http_faas_ctx_t *ctx, faas_outcome_e outcome,
    uint32_t why, int32_t counter);
void ngx_http_faas_lease_void(ngx_http_faas_ctx_t *ctx);
void ngx_http_faas_give_up(ngx_http_faas_ctx_t *ctx, int32_t counter);
void ngx_http_faas_finalize(ngx_http_request_t *r, ngx_int_t rc);
void ngx_http_faas_abort(ngx_http_request_t *r);
void ngx_http_faas_timer_handler(ngx_event_t *ev);

/* ngx_http_faas_error.c: the gateway's own answers */

extern ngx_http_faas_error_t  ngx_http_faas_err_throttled;
extern ngx_http_faas_error_t  ngx_http_faas_err_queue_full;
extern ngx_http_faas_error_t  ngx_http_faas_err_queue_timeout;
extern ngx_http_faas_error_t  ngx_http_faas_err_capacity;
extern ngx_http_faas_error_t  ngx_http_faas_err_unavailable;
extern ngx_http_faas_error_t  ngx_http_faas_err_gone;
extern ngx_http_faas_error_t  ngx_http_faas_err_init;
extern ngx_http_faas_error_t  ngx_http_faas_err_init_timeout;
extern ngx_http_faas_error_t  ngx_http_faas_err_timeout;
extern ngx_http_faas_error_t  ngx_http_faas_err_crashed;
extern ngx_http_faas_error_t  ngx_http_faas_err_oom;
extern ngx_http_faas_error_t  ngx_http_faas_err_protocol;
extern ngx_http_faas_error_t  ngx_http_faas_err_bad_answer;
extern ngx_http_faas_error_t  ngx_http_faas_err_bad_base64;
extern ngx_http_faas_error_t  ngx_http_faas_err_too_large;
extern ngx_http_faas_error_t  ngx_http_faas_err_function;
extern ngx_http_faas_error_t  ngx_http_faas_err_internal;

void ngx_http_faas_fail(ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_error_t *error);
void ngx_http_faas_fail_now(ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_error_t *error);
void ngx_http_faas_died(ngx_http_faas_ctx_t *ctx, uint32_t why,
    int32_t code);
void ngx_http_faas_init_failed(ngx_http_faas_ctx_t *ctx);
void ngx_http_faas_wait_failed(ngx_http_faas_ctx_t *ctx);
ngx_int_t ngx_http_faas_failure_answer(ngx_http_faas_ctx_t *ctx);

/* ngx_http_faas_reply.c: what the gateway says before there is an upstream */

ngx_int_t ngx_http_faas_refuse(ngx_http_request_t *r, ngx_uint_t status);
u_char *ngx_http_faas_extended_id(ngx_http_faas_ctx_t *ctx, u_char *p);

/* ngx_http_faas_handler.c: the content handler of faas_pass */

ngx_int_t ngx_http_faas_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_faas_invoke(ngx_http_request_t *r,
    ngx_http_faas_loc_conf_t *flcf, ngx_http_faas_function_t *fn,
    ngx_http_faas_hit_t *hit);
ngx_int_t ngx_http_faas_upstream(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx);
ngx_uint_t ngx_http_faas_usable(ngx_http_faas_function_t *fn);

/* ngx_http_faas_request.c: what is sent to an environment */

ngx_int_t ngx_http_faas_create_request(ngx_http_request_t *r);
ngx_int_t ngx_http_faas_reinit_request(ngx_http_request_t *r);
ngx_int_t ngx_http_faas_trace(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx);
ngx_chain_t **ngx_http_faas_chain_add(ngx_pool_t *pool, ngx_chain_t **ll,
    u_char *p, size_t len);

/* ngx_http_faas_event.c: the event of payload format 2.0 */

ngx_int_t ngx_http_faas_event(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, size_t before, size_t after, ngx_buf_t **out);

/* ngx_http_faas_cgi.c: parameters of the cgi profile */

ngx_int_t ngx_http_faas_cgi_request(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx);
void ngx_http_faas_cgi_settle(ngx_http_faas_ctx_t *ctx);

/* ngx_http_faas_body.c: the request's body in one piece */

off_t ngx_http_faas_body_length(ngx_http_request_t *r);
ngx_int_t ngx_http_faas_body_copy(ngx_http_request_t *r, u_char *dst);

/* ngx_http_faas_answer.c: what comes back, up to the response header */

ngx_int_t ngx_http_faas_process_header(ngx_http_request_t *r);
ngx_int_t ngx_http_faas_header(ngx_http_request_t *r, u_char *name,
    size_t nlen, u_char *value, size_t vlen);

/* ngx_http_faas_cgi_answer.c: header block of the cgi profile and of cached
   answers */


ngx_int_t ngx_http_faas_cgi_header(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx);
ngx_int_t ngx_http_faas_parse_block(ngx_http_request_t *r, ngx_buf_t *b);

/* ngx_http_faas_filter.c: response bodies */

ngx_int_t ngx_http_faas_filter_init(void *data);
void ngx_http_faas_cgi_end(ngx_http_faas_ctx_t *ctx, ngx_uint_t clean);

/* ngx_http_faas_tunnel.c; NGX_DECLINED: the answer is malformed */
ngx_int_t ngx_http_faas_web_uri(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_str_t *uri);
ngx_uint_t ngx_http_faas_may_upgrade(ngx_http_request_t *r);
ngx_int_t ngx_http_faas_tunnel(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx);
void ngx_http_faas_tunnel_end(ngx_http_faas_ctx_t *ctx);
void ngx_http_faas_tunnel_heard(ngx_http_faas_ctx_t *ctx);
ngx_uint_t ngx_http_faas_alive(ngx_http_faas_ctx_t *ctx);
ngx_int_t ngx_http_faas_filter(void *data, ssize_t bytes);
ngx_int_t ngx_http_faas_pipe_filter(ngx_event_pipe_t *p, ngx_buf_t *buf);

/* ngx_http_faas_log.c: the function's log text */

void ngx_http_faas_log_text(ngx_http_faas_ctx_t *ctx, u_char *p, size_t len);
void ngx_http_faas_log_flush(ngx_http_faas_ctx_t *ctx);

/* ngx_http_faas_variable.c, ngx_http_faas_claims.c */

ngx_int_t ngx_http_faas_add_variables(ngx_conf_t *cf);
ngx_int_t ngx_http_faas_add_auth_variables(ngx_conf_t *cf);

/* ngx_http_faas_status.c, ngx_http_faas_status_html.c */

ngx_int_t ngx_http_faas_status_handler(ngx_http_request_t *r);
char *ngx_http_faas_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* ngx_http_faas_random.c: request and trace ids */

void ngx_http_faas_random_init(void);
void ngx_http_faas_uuid(u_char *dst);
u_char *ngx_http_faas_random_hex(u_char *dst, size_t n);


#endif /* _NGX_HTTP_FAAS_H_INCLUDED_ */
