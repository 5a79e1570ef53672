/*
 * The environment's side of the wire: what a function's process, or the
 * runtime of a language through its foreign-function interface, calls to get
 * invocations and to answer them.  The public header of libfaas.
 *
 * Descriptors an environment starts with: 0 the listening socket, 1 and 2 the
 * log, 3 the control socket of the supervisor.  faas_env_init() moves the
 * listening socket out of the way and makes 0 read /dev/null.
 *
 * One thread of the process calls these functions; faas_log() may be called
 * by any.
 */

#ifndef _FAAS_ENV_H_INCLUDED_
#define _FAAS_ENV_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


#ifdef __cplusplus
extern "C" {
#endif


#define FAAS_API  __attribute__((visibility("default")))

#define FAAS_ENV_OK           0
#define FAAS_ENV_ERROR       -1       /* errno says why */
#define FAAS_ENV_SHUTDOWN     1       /* the supervisor wants it to end */


/*
 * One invocation.  All strings end with a zero byte that is not counted;
 * what the request does not have is "" with length 0.  They are valid until
 * the invocation is answered.
 */

typedef struct {
    const char           *event;          /* usually JSON */
    size_t                event_len;
    const char           *request_id;
    size_t                request_id_len;
    const char           *arn;
    size_t                arn_len;
    const char           *trace_id;       /* X-Ray header value */
    size_t                trace_id_len;
    const char           *client_context; /* JSON */
    size_t                client_context_len;
    const char           *identity;       /* Cognito identity, JSON */
    size_t                identity_len;
    const char           *content_type;   /* "" is application/json */
    size_t                content_type_len;
    int64_t               deadline_ms;    /* epoch */
    int                   streaming;      /* a stream reaches the caller as
                                             it comes; else it is collected */
} faas_invocation_t;


typedef int (*faas_handler_pt)(const faas_invocation_t *inv, void *data);


/* Text that says which runtime this is, for logs; call it before others. */
FAAS_API void faas_env_version(const char *text);

/*
 * Tells the supervisor that this is a blank and waits until it is given a
 * function.  JSON gets the description of it (the layout is in faas_proto.h,
 * FAAS_CTL_INIT), which the caller may free().  FAAS_ENV_SHUTDOWN when the
 * supervisor went away or has no use for this blank: exit then.
 */
FAAS_API int faas_env_init(char **json, size_t *len);

/* The function is loaded, or was not and why: the error payload, JSON. */
FAAS_API int faas_env_ready(void);
FAAS_API int faas_env_error(const void *json, size_t len);

/*
 * Waits for the next invocation.  FAAS_ENV_SHUTDOWN when there will be none.
 */
FAAS_API int faas_next(faas_invocation_t *inv);

/*
 * Answers the current invocation, with its result or with an error payload.
 * That the other side has gone is not an error.
 */
FAAS_API int faas_respond(const void *data, size_t len);
FAAS_API int faas_respond_error(const void *json, size_t len);

/*
 * Answers the current invocation with a stream: begin, any number of writes,
 * and one of end and fail.  No part of it waits for another one: what is
 * written is sent before the call returns, which sleeps as long as the caller
 * does not read.  In place of faas_respond(), which answers EBUSY after begin.
 *
 * TYPE is the content type, 1 to 255 printable characters; NULL stands for
 * application/octet-stream.  With FAAS_STREAM_PRELUDE of faas_proto.h the data
 * begin with a JSON object of status and headers and eight zero bytes.
 *
 * write: FAAS_ENV_ERROR with EPIPE when nobody reads any more; the stream has
 * to be ended all the same.
 *
 * fail: the stream ends with an error; JSON is its payload, of which no more
 * than FAAS_STREAM_ERROR_MAX bytes count (EMSGSIZE).  Without begin it is
 * faas_respond_error().
 *
 * EPERM: there is no invocation; EBUSY: begin was called before; EINVAL: it
 * was not, or TYPE is none.
 */
FAAS_API int faas_stream_begin(const char *type);
FAAS_API int faas_stream_write(const void *data, size_t len);
FAAS_API int faas_stream_end(void);
FAAS_API int faas_stream_fail(const void *json, size_t len);

/*
 * Log text of the current invocation, as it is: no newline is added.  Outside
 * an invocation it goes to descriptor 2.
 */
FAAS_API void faas_log(const void *text, size_t len);

/* Sends what faas_log() has not sent yet; before a process ends itself. */
FAAS_API void faas_log_flush(void);

/*
 * The whole life of a C function: initialise, then call HANDLER for each
 * event until the supervisor ends it.  The handler answers by faas_respond()
 * or faas_respond_error(); when it does not, a return value of 0 answers
 * null and any other an error.  Returns the exit status for main().
 */
FAAS_API int faas_main(faas_handler_pt handler, void *data);


#ifdef __cplusplus
}
#endif


#endif /* _FAAS_ENV_H_INCLUDED_ */
