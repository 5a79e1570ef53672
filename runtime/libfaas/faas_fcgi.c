/*
 * FastCGI 1.0 framing, see faas_fcgi.h.  Runs in nginx workers, in
 * environments and in tests; takes no locks.
 *
 * The reader's input comes from user code and is hostile: every record is
 * checked against what a responder may send at that point, and nothing the
 * peer says makes the reader store more than one head.
 */

#include <string.h>

#include "faas_fcgi.h"


typedef enum {
    FAAS_FCGI_ST_HEAD = 0,
    FAAS_FCGI_ST_CONTENT,                     /* of STDOUT or STDERR */
    FAAS_FCGI_ST_END_BODY,
    FAAS_FCGI_ST_PADDING,
    FAAS_FCGI_ST_DONE,
    FAAS_FCGI_ST_BAD
} faas_fcgi_state_e;


static int faas_fcgi_fill(faas_fcgi_reader_t *rd, unsigned char **pos,
    unsigned char *last);
static int faas_fcgi_begin_record(faas_fcgi_reader_t *rd);
static int faas_fcgi_begin_stream(faas_fcgi_reader_t *rd,
    const faas_fcgi_head_t *h);
static int faas_fcgi_slice(faas_fcgi_reader_t *rd, unsigned char **pos,
    unsigned char *last, unsigned char **data, size_t *len);
static void faas_fcgi_end_body(faas_fcgi_reader_t *rd);
static int faas_fcgi_end_record(faas_fcgi_reader_t *rd, unsigned char **pos,
    unsigned char *last);
static int faas_fcgi_bad(faas_fcgi_reader_t *rd, const char *error);
static unsigned char *faas_fcgi_put_len(unsigned char *p, size_t len);
static int faas_fcgi_get_len(const unsigned char **pos,
    const unsigned char *last, size_t *len);


int
faas_fcgi_get_head(const unsigned char *p, faas_fcgi_head_t *h)
{
    h->type = p[1];
    h->request_id = (uint16_t) (p[2] << 8 | p[3]);
    h->length = (uint16_t) (p[4] << 8 | p[5]);
    h->padding = p[6];

    return (p[0] == FAAS_FCGI_VERSION) ? 0 : -1;
}


unsigned char *
faas_fcgi_put_head(unsigned char *p, uint8_t type, uint16_t id,
    uint16_t length, uint8_t padding)
{
    *p++ = FAAS_FCGI_VERSION;
    *p++ = type;
    *p++ = (unsigned char) (id >> 8);
    *p++ = (unsigned char) id;
    *p++ = (unsigned char) (length >> 8);
    *p++ = (unsigned char) length;
    *p++ = padding;
    *p++ = 0;

    return p;
}


/* section 5.1 */

unsigned char *
faas_fcgi_put_begin(unsigned char *p, uint16_t id, uint8_t flags)
{
    p = faas_fcgi_put_head(p, FAAS_FCGI_BEGIN_REQUEST, id,
                           FAAS_FCGI_BODY_LEN, 0);

    memset(p, 0, FAAS_FCGI_BODY_LEN);
    p[1] = FAAS_FCGI_RESPONDER;
    p[2] = flags;

    return p + FAAS_FCGI_BODY_LEN;
}


int
faas_fcgi_get_begin(const faas_fcgi_head_t *h, const unsigned char *body,
    unsigned *keep)
{
    if (h->type != FAAS_FCGI_BEGIN_REQUEST || h->length != FAAS_FCGI_BODY_LEN
        || h->request_id == 0 || body[0] != 0
        || body[1] != FAAS_FCGI_RESPONDER)
    {
        return -1;
    }

    *keep = body[2] & FAAS_FCGI_KEEP_CONN;

    return 0;
}


/* section 5.5 */

unsigned char *
faas_fcgi_put_end(unsigned char *p, uint16_t id, uint32_t app_status,
    uint8_t protocol_status)
{
    p = faas_fcgi_put_head(p, FAAS_FCGI_END_REQUEST, id,
                           FAAS_FCGI_BODY_LEN, 0);

    memset(p, 0, FAAS_FCGI_BODY_LEN);
    p[0] = (unsigned char) (app_status >> 24);
    p[1] = (unsigned char) (app_status >> 16);
    p[2] = (unsigned char) (app_status >> 8);
    p[3] = (unsigned char) app_status;
    p[4] = protocol_status;

    return p + FAAS_FCGI_BODY_LEN;
}


size_t
faas_fcgi_param_len(size_t nlen, size_t vlen)
{
    return (nlen < 128 ? 1 : 4) + (vlen < 128 ? 1 : 4) + nlen + vlen;
}


unsigned char *
faas_fcgi_put_param(unsigned char *p, const void *name, size_t nlen,
    const void *value, size_t vlen)
{
    p = faas_fcgi_put_len(p, nlen);
    p = faas_fcgi_put_len(p, vlen);

    /* an empty string of nginx may have no address */

    if (nlen) {
        memcpy(p, name, nlen);
        p += nlen;
    }

    if (vlen) {
        memcpy(p, value, vlen);
        p += vlen;
    }

    return p;
}


int
faas_fcgi_get_param(const unsigned char **pos, const unsigned char *last,
    const unsigned char **name, size_t *nlen, const unsigned char **value,
    size_t *vlen)
{
    const unsigned char  *p;

    p = *pos;

    if (p == last) {
        return 0;
    }

    if (faas_fcgi_get_len(&p, last, nlen) == -1
        || faas_fcgi_get_len(&p, last, vlen) == -1)
    {
        return -1;
    }

    /* subtracting, as the sum could wrap where size_t has 32 bits */

    if (*nlen > (size_t) (last - p)
        || *vlen > (size_t) (last - p) - *nlen)
    {
        return -1;
    }

    *name = p;
    *value = p + *nlen;
    *pos = *value + *vlen;

    return 1;
}


/* section 3.4: one byte below 128, else four with the top bit set */

static unsigned char *
faas_fcgi_put_len(unsigned char *p, size_t len)
{
    if (len < 128) {
        *p++ = (unsigned char) len;
        return p;
    }

    *p++ = (unsigned char) (len >> 24 | 0x80);
    *p++ = (unsigned char) (len >> 16);
    *p++ = (unsigned char) (len >> 8);
    *p++ = (unsigned char) len;

    return p;
}


static int
faas_fcgi_get_len(const unsigned char **pos, const unsigned char *last,
    size_t *len)
{
    const unsigned char  *p;

    p = *pos;

    if (p == last) {
        return -1;
    }

    if (*p < 128) {
        *len = *p;
        *pos = p + 1;
        return 0;
    }

    if (last - p < 4) {
        return -1;
    }

    *len = (size_t) (p[0] & 0x7f) << 24 | (size_t) p[1] << 16
           | (size_t) p[2] << 8 | p[3];
    *pos = p + 4;

    return 0;
}


void
faas_fcgi_reader_init(faas_fcgi_reader_t *rd, uint16_t request_id)
{
    memset(rd, 0, sizeof(faas_fcgi_reader_t));

    rd->request_id = request_id;
}


int
faas_fcgi_read(faas_fcgi_reader_t *rd, unsigned char **pos,
    unsigned char *last, unsigned char **data, size_t *len)
{
    int  rc;

    for ( ;; ) {

        /* first, as padding of no bytes needs no input to be over */

        if (rd->state == FAAS_FCGI_ST_PADDING) {
            rc = faas_fcgi_end_record(rd, pos, last);

            if (rc == FAAS_FCGI_R_END) {
                return rc;
            }
        }

        if (rd->state == FAAS_FCGI_ST_BAD) {
            return FAAS_FCGI_R_BAD;
        }

        if (*pos == last) {
            return FAAS_FCGI_R_AGAIN;
        }

        switch (rd->state) {

        case FAAS_FCGI_ST_HEAD:

            if (faas_fcgi_fill(rd, pos, last) != 0) {
                return FAAS_FCGI_R_AGAIN;
            }

            rc = faas_fcgi_begin_record(rd);

            if (rc != FAAS_FCGI_R_AGAIN) {
                return rc;
            }

            break;

        case FAAS_FCGI_ST_CONTENT:
            return faas_fcgi_slice(rd, pos, last, data, len);

        case FAAS_FCGI_ST_END_BODY:

            if (faas_fcgi_fill(rd, pos, last) != 0) {
                return FAAS_FCGI_R_AGAIN;
            }

            faas_fcgi_end_body(rd);
            break;

        default:  /* FAAS_FCGI_ST_DONE */
            return faas_fcgi_bad(rd, "data after END_REQUEST");
        }
    }
}


/* Collects the 8 bytes of a head or of END_REQUEST; -1 if input ran out. */

static int
faas_fcgi_fill(faas_fcgi_reader_t *rd, unsigned char **pos,
    unsigned char *last)
{
    size_t  n;

    n = FAAS_FCGI_HEAD_LEN - rd->filled;

    if (n > (size_t) (last - *pos)) {
        n = (size_t) (last - *pos);
    }

    memcpy(rd->partial + rd->filled, *pos, n);

    *pos += n;
    rd->filled = (uint8_t) (rd->filled + n);

    if (rd->filled < FAAS_FCGI_HEAD_LEN) {
        return -1;
    }

    rd->filled = 0;

    return 0;
}


/*
 * A stream begins before there are data and fails behind them; -1 otherwise.
 */

static int
faas_fcgi_begin_stream(faas_fcgi_reader_t *rd, const faas_fcgi_head_t *h)
{
    if (h->length == 0) {
        return -1;
    }

    if (h->type == FAAS_FCGI_STREAM && rd->stream == FAAS_FCGI_STREAM_MAY
        && !rd->stdout_end)
    {
        rd->stream = FAAS_FCGI_STREAM_BEGUN;
        return 0;
    }

    if (h->type == FAAS_FCGI_STREAM_ERROR
        && rd->stream >= FAAS_FCGI_STREAM_BEGUN)
    {
        rd->stream = FAAS_FCGI_STREAM_FAILED;
        rd->stdout_end = 1;
        return 0;
    }

    return -1;
}


/* A head is in rd->partial.  FAAS_FCGI_R_AGAIN: go on with its content. */

static int
faas_fcgi_begin_record(faas_fcgi_reader_t *rd)
{
    faas_fcgi_head_t  h;

    if (faas_fcgi_get_head(rd->partial, &h) != 0) {
        return faas_fcgi_bad(rd, "unsupported protocol version");
    }

    if (h.type != FAAS_FCGI_STDOUT && h.type != FAAS_FCGI_STDERR
        && h.type != FAAS_FCGI_END_REQUEST
        && faas_fcgi_begin_stream(rd, &h) != 0)
    {
        return faas_fcgi_bad(rd, "unexpected record type");
    }

    if (h.request_id != rd->request_id) {
        return faas_fcgi_bad(rd, "unexpected request id");
    }

    rd->type = h.type;
    rd->left = h.length;
    rd->padding = h.padding;

    if (h.type == FAAS_FCGI_END_REQUEST) {

        if (h.length != FAAS_FCGI_BODY_LEN) {
            return faas_fcgi_bad(rd, "wrong length of END_REQUEST");
        }

        rd->state = FAAS_FCGI_ST_END_BODY;
        return FAAS_FCGI_R_AGAIN;
    }

    if (h.length) {

        if (h.type == FAAS_FCGI_STDOUT && rd->stdout_end) {
            return faas_fcgi_bad(rd, "STDOUT data after the end of stream");
        }

        if (h.type == FAAS_FCGI_STDOUT
            && rd->stream == FAAS_FCGI_STREAM_MAY)
        {
            rd->stream = FAAS_FCGI_STREAM_NEVER;
        }

        rd->state = FAAS_FCGI_ST_CONTENT;
        return FAAS_FCGI_R_AGAIN;
    }

    /* section 3.3: an empty record ends a stream; again is no harm */

    rd->state = FAAS_FCGI_ST_PADDING;

    if (h.type == FAAS_FCGI_STDERR || rd->stdout_end) {
        return FAAS_FCGI_R_AGAIN;
    }

    rd->stdout_end = 1;

    return FAAS_FCGI_R_STDOUT_END;
}


static int
faas_fcgi_slice(faas_fcgi_reader_t *rd, unsigned char **pos,
    unsigned char *last, unsigned char **data, size_t *len)
{
    size_t  n;

    n = (size_t) (last - *pos);

    if (n >= rd->left) {
        n = rd->left;
        rd->state = FAAS_FCGI_ST_PADDING;
    }

    *data = *pos;
    *len = n;
    *pos += n;
    rd->left -= (uint32_t) n;

    switch (rd->type) {

    case FAAS_FCGI_STDOUT:
        return FAAS_FCGI_R_STDOUT;

    case FAAS_FCGI_STDERR:
        return FAAS_FCGI_R_STDERR;

    case FAAS_FCGI_STREAM:
        return FAAS_FCGI_R_STREAM;

    default:  /* FAAS_FCGI_STREAM_ERROR */
        return FAAS_FCGI_R_STREAM_ERROR;
    }
}


void
faas_fcgi_unread(faas_fcgi_reader_t *rd, unsigned char **pos, size_t n)
{
    if (n) {
        *pos -= n;
        rd->left += (uint32_t) n;
        rd->state = FAAS_FCGI_ST_CONTENT;
    }
}


/* section 5.5 */

static void
faas_fcgi_end_body(faas_fcgi_reader_t *rd)
{
    rd->app_status = (uint32_t) rd->partial[0] << 24
                     | (uint32_t) rd->partial[1] << 16
                     | (uint32_t) rd->partial[2] << 8
                     | rd->partial[3];
    rd->protocol_status = rd->partial[4];
    rd->reserved = rd->partial[5];
    rd->state = FAAS_FCGI_ST_PADDING;

    if (rd->app_status == 0 && rd->stream == FAAS_FCGI_STREAM_FAILED) {
        (void) faas_fcgi_bad(rd, "success after an error");
    }
}


/*
 * Skips padding.  END only when that of END_REQUEST is complete: the
 * connection is used again and must not start with left-over bytes.
 */

static int
faas_fcgi_end_record(faas_fcgi_reader_t *rd, unsigned char **pos,
    unsigned char *last)
{
    size_t  n;

    n = (size_t) (last - *pos);

    if (n < rd->padding) {
        rd->padding = (uint8_t) (rd->padding - n);
        *pos = last;
        return FAAS_FCGI_R_AGAIN;
    }

    *pos += rd->padding;
    rd->padding = 0;

    if (rd->type == FAAS_FCGI_END_REQUEST) {
        rd->state = FAAS_FCGI_ST_DONE;
        return FAAS_FCGI_R_END;
    }

    rd->state = FAAS_FCGI_ST_HEAD;

    return FAAS_FCGI_R_AGAIN;
}


static int
faas_fcgi_bad(faas_fcgi_reader_t *rd, const char *error)
{
    rd->state = FAAS_FCGI_ST_BAD;
    rd->error = error;

    return FAAS_FCGI_R_BAD;
}
