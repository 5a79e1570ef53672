/*
 * From what a function returned to an HTTP answer, by the rules of a payload
 * format (contract, sections 7.1 to 7.3 and 7.12).  Works in place: no memory,
 * no state, no locks; runs in nginx workers and in tests.
 */

#ifndef _FAAS_ANSWER_H_INCLUDED_
#define _FAAS_ANSWER_H_INCLUDED_


#include <stddef.h>


#define FAAS_ANSWER_OK         0
#define FAAS_ANSWER_BAD       -1              /* a->error says why */
#define FAAS_ANSWER_ABORT     -2              /* the callback wanted it */

#define FAAS_ANSWER_HEADERS    256            /* headers and cookies, most */


/*
 * Called per header, and per cookie with the name "set-cookie", once the
 * whole result is known to be good.  Strings live in the input or, if the
 * function did not write them, in constants: they must not be written to.
 * Non-zero ends the mapping with FAAS_ANSWER_ABORT.
 */
typedef int (*faas_answer_header_pt)(void *ctx, unsigned char *name,
    size_t nlen, unsigned char *value, size_t vlen);

typedef enum {
    FAAS_ANSWER_V2 = 0,                       /* HTTP API */
    FAAS_ANSWER_URL,                          /* function URL */
    FAAS_ANSWER_V1,                           /* HTTP API, payload 1.0 */
    FAAS_ANSWER_REST,
    FAAS_ANSWER_ALB,
    FAAS_ANSWER_ALB_MULTI
} faas_answer_format_e;

typedef struct {
    unsigned              status;
    unsigned char        *body;               /* in the input */
    size_t                body_len;
    unsigned              has_content_type:1; /* given by the function */
    unsigned              inferred:1;         /* the result is the body */
    unsigned              bad_base64:1;       /* that is the error */
    const char           *error;              /* static, for the log */
} faas_answer_t;


/*
 * Payload format 2.0 of HTTP APIs.
 *
 * An object with "statusCode" is an answer:
 *   statusCode       integer 200..599, or a string of one
 *   headers          object of strings, numbers, booleans, or null; names are
 *                    equal without regard to case and the last one wins
 *   cookies          array of strings, or null
 *   body             string or null; absent is empty
 *   isBase64Encoded  boolean or null
 * Other members are ignored, of equal ones the last wins.  A content-type of
 * "text/plain;charset=UTF-8" is reported if headers has none.  What belongs
 * to the connection is not the function's: connection, content-length,
 * keep-alive, proxy-connection, te, trailer, transfer-encoding and upgrade
 * are dropped.  A name that is no token or a value with a control character
 * (tab apart) makes the answer bad; white space around a value is removed.
 *
 * Any other result is the body of a 200 of type application/json: a string
 * without its quotes, else the JSON text without white space.
 *
 * json is overwritten.  On BAD nothing was reported.
 */
int faas_answer_v2(unsigned char *json, size_t len, faas_answer_t *a,
    faas_answer_header_pt cb, void *ctx);

/*
 * The others differ in this:
 *
 * URL        application/json if headers has no content-type
 * V1, REST   only an object is an answer; statusCode is 200 when absent;
 *            multiValueHeaders, an object of arrays, gives each value a header
 *            of its own, before the one of the same name in headers; no
 *            cookies
 * REST       application/json by default; members that are not among these
 *            make the answer bad; authorization, connection, content-length,
 *            content-md5, date, server and www-authenticate are reported as
 *            x-amzn-Remapped-...
 * ALB        only an object with statusCode is an answer; no content-type by
 *            default, no cookies; headers counts, multiValueHeaders not
 * ALB_MULTI  the other way round
 *
 * With keep_base64 an encoded body stays as it is: a REST API decodes what the
 * client accepts as binary.
 */
int faas_answer(faas_answer_format_e format, int keep_base64,
    unsigned char *json, size_t len, faas_answer_t *a,
    faas_answer_header_pt cb, void *ctx);


/*
 * The head of a stream (contract, section 1.6): a JSON object with
 * "statusCode", "headers" and "cookies", for V1 and REST "multiValueHeaders"
 * beside these, all of them optional; other members are ignored.  Then eight
 * zero bytes, then the body.  The status is 200 by default, the content-type
 * application/octet-stream.  body and body_len are not set.
 */
int faas_answer_prelude(faas_answer_format_e format, unsigned char *json,
    size_t len, faas_answer_t *a, faas_answer_header_pt cb, void *ctx);

/*
 * Where the zero bytes end in DATA, which comes in pieces of any size; each
 * byte is looked at once.  0: they are not all there yet; -1: there is a zero
 * byte in the object.  *ZEROS, 0 at the beginning, is how many there are so
 * far.
 */
long faas_answer_prelude_end(unsigned *zeros, const unsigned char *data,
    size_t len);


#endif /* _FAAS_ANSWER_H_INCLUDED_ */
