/*
 * HTTP/1.x answers of a program (RFC 9112): the header, and where the body
 * ends.  Plain functions of their input; no memory, no state but the caller's.
 * The program is hostile: whatever it sends, what comes out is one header
 * block of CGI (RFC 3875, section 6) with no more in it than one answer's.
 */

#ifndef _WEB_HTTP_H_INCLUDED_
#define _WEB_HTTP_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


#define WEB_HEAD_MAX   65536          /* bytes of a header, as it comes */

#define WEB_HTTP_OK     0
#define WEB_HTTP_AGAIN  1
#define WEB_HTTP_BAD   -1

/* how long a block may be that comes from a header of LEN bytes */
#define web_block_max(len)  (2 * (len) + 64)


typedef enum {
    WEB_BODY_NONE = 0,
    WEB_BODY_LENGTH,
    WEB_BODY_CHUNKED,
    WEB_BODY_CLOSE                    /* until the connection's end */
} web_body_e;


typedef enum {
    WEB_CHUNK_SIZE = 0,
    WEB_CHUNK_EXTENSION,
    WEB_CHUNK_DATA,
    WEB_CHUNK_AFTER,
    WEB_CHUNK_TRAILER,
    WEB_CHUNK_TRAILER_LINE,
    WEB_CHUNK_DONE
} web_chunk_e;


typedef struct {
    unsigned              status;
    web_body_e            body;
    uint64_t              left;       /* of the body, or of a chunk */
    web_chunk_e           chunk;
    unsigned              digits;     /* of the chunk's size */
    unsigned              trailer;    /* bytes of it */
    unsigned              headed:1;   /* the header was read */
    unsigned              some:1;     /* a byte was */
    unsigned              close:1;    /* the connection cannot be kept */
    const char           *error;
} web_answer_t;


/*
 * The header at the beginning of DATA, of which *USED bytes are taken.  TO, of
 * web_block_max(LEN) bytes, gets the block, *SIZE bytes, with an empty line at
 * its end.  HEAD: the request's method was HEAD.  UPGRADE: the request asks
 * for another protocol, so that 101 is an answer; other answers of 1xx are
 * taken without a trace (*SIZE is 0, and there is another header to come).
 *
 * WEB_HTTP_AGAIN: it is not complete.  WEB_HTTP_BAD: a->error says why.
 */
int web_http_head(web_answer_t *a, const char *data, size_t len, int head,
    int upgrade, char *to, size_t *size, size_t *used);

/*
 * What of [*POS, LAST) is body: moves *POS to where it begins and returns how
 * long it is, at least 1; 0 when all is taken, or the body is complete (see
 * web_http_done()), or it is malformed (a->error is set).
 */
size_t web_http_body(web_answer_t *a, const char **pos, const char *last);

int web_http_done(const web_answer_t *a);


#endif /* _WEB_HTTP_H_INCLUDED_ */
