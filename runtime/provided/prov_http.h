/*
 * HTTP/1.1, a server's side: request heads, bodies by length and in chunks,
 * trailers.  Works in place on a buffer that the caller fills; no memory, no
 * sockets, no state beyond the caller's.  All input is a function's, and so
 * hostile.
 */

#ifndef _PROV_HTTP_H_INCLUDED_
#define _PROV_HTTP_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


#define PROV_HEAD_MAX     (2 * 1024 * 1024)   /* a value may have 1 MiB */
#define PROV_HEADERS_MAX  1024                /* lines */


typedef enum {
    PROV_GET = 0,
    PROV_POST,
    PROV_PUT,
    PROV_OTHER
} prov_method_e;


/* the headers and trailers that mean something to us */

typedef enum {
    PROV_H_ERROR_TYPE = 0,
    PROV_H_XRAY_CAUSE,
    PROV_H_RESPONSE_MODE,
    PROV_H_CONTENT_TYPE,
    PROV_H_EXT_NAME,
    PROV_H_EXT_ID,
    PROV_H_EXT_ERROR,
    PROV_H_EXT_FEATURE,
    PROV_T_ERROR_TYPE,
    PROV_T_ERROR_BODY,
    PROV_H_MAX
} prov_header_e;


typedef enum {
    PROV_CHUNK_SIZE = 0,
    PROV_CHUNK_EXT,
    PROV_CHUNK_DATA,
    PROV_CHUNK_DATA_END,
    PROV_CHUNK_TRAILER,
    PROV_CHUNK_DONE
} prov_chunk_e;


typedef struct {
    size_t          off;                      /* in the buffer */
    size_t          len;
} prov_span_t;


/*
 * The buffer: head, decoded body (from "body" to "body_end"), trailers as they
 * came (to "trailer_end"), what is not decoded yet (from "pos" on).
 */

typedef struct {
    prov_method_e   method;
    prov_span_t     path;
    prov_span_t     h[PROV_H_MAX];
    uint64_t        left;                     /* of the body or of a chunk */
    uint64_t        total;                    /* of the body, kept or not */
    size_t          scanned;                  /* no end of head before this */
    size_t          head_len;
    size_t          body;
    size_t          body_end;
    size_t          trailer_end;
    size_t          pos;
    prov_chunk_e    chunk;
    unsigned        keep:1;
    unsigned        chunked:1;
    unsigned        length:1;
    unsigned        expect:1;
    unsigned        digits:1;
} prov_http_t;


#define PROV_HTTP_AGAIN   0
#define PROV_HTTP_DONE    1
#define PROV_HTTP_BAD    -1
#define PROV_HTTP_LARGE  -2


void prov_http_init(prov_http_t *h);

/* The head of the request at the front of BUF, when all of it is there. */
int prov_http_head(prov_http_t *h, char *buf, size_t len);

/*
 * Takes what there is of the body.  *LEN becomes shorter as what frames it is
 * removed.  Of a body of more than MAX bytes no more is kept; h->total counts
 * all of it.
 */
int prov_http_body(prov_http_t *h, char *buf, size_t *len, uint64_t max);


#endif /* _PROV_HTTP_H_INCLUDED_ */
