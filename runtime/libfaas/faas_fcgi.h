/*
 * FastCGI 1.0 framing: record heads, parameters and an incremental reader of
 * what an environment answers.  No memory, no state beyond the caller's, no
 * locks; runs in nginx workers, in environments (libfaas.so) and in tests.
 * Section numbers are those of the FastCGI Specification 1.0.
 */

#ifndef _FAAS_FCGI_H_INCLUDED_
#define _FAAS_FCGI_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


/* record types, section 8 */

#define FAAS_FCGI_BEGIN_REQUEST       1
#define FAAS_FCGI_ABORT_REQUEST       2
#define FAAS_FCGI_END_REQUEST         3
#define FAAS_FCGI_PARAMS              4
#define FAAS_FCGI_STDIN               5
#define FAAS_FCGI_STDOUT              6
#define FAAS_FCGI_STDERR              7
#define FAAS_FCGI_DATA                8
#define FAAS_FCGI_GET_VALUES          9
#define FAAS_FCGI_GET_VALUES_RESULT   10
#define FAAS_FCGI_UNKNOWN_TYPE        11

/* ours: a streamed answer, see faas_proto.h */

#define FAAS_FCGI_STREAM              64
#define FAAS_FCGI_STREAM_ERROR        65

#define FAAS_FCGI_RESPONDER           1       /* role, section 5.1 */
#define FAAS_FCGI_KEEP_CONN           1       /* flag, section 5.1 */

/* protocolStatus, section 5.5 */

#define FAAS_FCGI_REQUEST_COMPLETE    0
#define FAAS_FCGI_CANT_MPX_CONN       1
#define FAAS_FCGI_OVERLOADED          2
#define FAAS_FCGI_UNKNOWN_ROLE        3

#define FAAS_FCGI_VERSION             1
#define FAAS_FCGI_HEAD_LEN            8
#define FAAS_FCGI_BODY_LEN            8       /* of BEGIN and END_REQUEST */
#define FAAS_FCGI_MAX_LEN             65535   /* contentLength, section 3.3 */


typedef struct {
    uint8_t               type;
    uint8_t               padding;
    uint16_t              request_id;
    uint16_t              length;
} faas_fcgi_head_t;


/* 0, or -1 if the version is not 1.  Reads FAAS_FCGI_HEAD_LEN bytes. */
int faas_fcgi_get_head(const unsigned char *p, faas_fcgi_head_t *h);

/* Each put function returns the position behind what it wrote. */

unsigned char *faas_fcgi_put_head(unsigned char *p, uint8_t type, uint16_t id,
    uint16_t length, uint8_t padding);

/* A whole record of 16 bytes, role RESPONDER. */
unsigned char *faas_fcgi_put_begin(unsigned char *p, uint16_t id,
    uint8_t flags);

/* A whole record of 16 bytes. */
unsigned char *faas_fcgi_put_end(unsigned char *p, uint16_t id,
    uint32_t app_status, uint8_t protocol_status);

/*
 * Is the record, whose content is at BODY, the beginning of a request for a
 * responder?  0, and the flag FAAS_FCGI_KEEP_CONN or 0 in *KEEP; -1: it is not.
 */
int faas_fcgi_get_begin(const faas_fcgi_head_t *h, const unsigned char *body,
    unsigned *keep);

/* Name-value pairs, section 3.4; lengths must be below 2^31. */

size_t faas_fcgi_param_len(size_t nlen, size_t vlen);
unsigned char *faas_fcgi_put_param(unsigned char *p, const void *name,
    size_t nlen, const void *value, size_t vlen);

/* 1: got one and *pos is behind it, 0: end, -1: malformed. */
int faas_fcgi_get_param(const unsigned char **pos, const unsigned char *last,
    const unsigned char **name, size_t *nlen, const unsigned char **value,
    size_t *vlen);


/*
 * The gateway's reader.  Input may be cut anywhere; a slice of payload points
 * into the input, nothing is copied.  One reader reads one answer.
 */

#define FAAS_FCGI_R_AGAIN             0       /* all input consumed */
#define FAAS_FCGI_R_STDOUT            1       /* *data, *len: never empty */
#define FAAS_FCGI_R_STDERR            2
#define FAAS_FCGI_R_STDOUT_END        3       /* at most once; may be missing */
#define FAAS_FCGI_R_END               4       /* *pos is behind END_REQUEST */
#define FAAS_FCGI_R_BAD               5       /* final; rd->error says why */
#define FAAS_FCGI_R_STREAM            6       /* *data, *len: never empty; */
#define FAAS_FCGI_R_STREAM_ERROR      7       /* rd->left: what follows */

/* of rd->stream; the first is what a reader begins with */

#define FAAS_FCGI_STREAM_NEVER        0
#define FAAS_FCGI_STREAM_MAY          1       /* set it to allow streams */
#define FAAS_FCGI_STREAM_BEGUN        2
#define FAAS_FCGI_STREAM_FAILED       3

typedef struct {
    unsigned char         partial[FAAS_FCGI_BODY_LEN];
    uint32_t              app_status;         /* valid after R_END */
    uint32_t              left;               /* of content */
    uint16_t              request_id;
    uint8_t               padding;            /* of padding */
    uint8_t               filled;             /* bytes in partial */
    uint8_t               state;
    uint8_t               type;
    uint8_t               stdout_end;
    uint8_t               protocol_status;    /* valid after R_END */
    uint8_t               reserved;           /* the first; likewise */
    uint8_t               stream;
    const char           *error;
} faas_fcgi_reader_t;


void faas_fcgi_reader_init(faas_fcgi_reader_t *rd, uint16_t request_id);

int faas_fcgi_read(faas_fcgi_reader_t *rd, unsigned char **pos,
    unsigned char *last, unsigned char **data, size_t *len);

/* Gives back the last N bytes of the slice that was just read. */
void faas_fcgi_unread(faas_fcgi_reader_t *rd, unsigned char **pos, size_t n);


#endif /* _FAAS_FCGI_H_INCLUDED_ */
