/*
 * Paths of requests in segments, see faas_path.h.  Runs in nginx workers and
 * in tests; takes no locks.
 */

#include <string.h>

#include "faas_path.h"


static int
faas_path_hex(unsigned char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    ch |= 0x20;

    return (ch >= 'a' && ch <= 'f') ? ch - 'a' + 10 : -1;
}


unsigned char *
faas_path_decode(unsigned char *dst, const unsigned char *src, size_t len)
{
    int                   high, low;
    const unsigned char  *last;

    last = src + len;

    while (src < last) {

        if (*src == '%' && last - src > 2) {
            high = faas_path_hex(src[1]);
            low = faas_path_hex(src[2]);

            if (high >= 0 && low >= 0) {
                *dst++ = (unsigned char) (high << 4 | low);
                src += 3;
                continue;
            }
        }

        *dst++ = *src++;
    }

    return dst;
}


/* 1: ".", 2: "..", however they are encoded; else 0 */

static unsigned
faas_path_dots(const unsigned char *p, size_t len)
{
    unsigned  dots;

    for (dots = 0; len > 0; dots++) {

        if (*p == '.') {
            p++;
            len--;

        } else if (len > 2 && p[0] == '%' && p[1] == '2'
                   && (p[2] | 0x20) == 'e')
        {
            p += 3;
            len -= 3;

        } else {
            return 0;
        }
    }

    return dots <= 2 ? dots : 0;
}


/*
 * The path without dot segments in DST, of which the result is the end.  Only
 * what is not decoded shows where segments end.
 */

static unsigned char *
faas_path_normalise(unsigned char *dst, const unsigned char *p, size_t len)
{
    size_t                n;
    unsigned              dots;
    unsigned char        *start;
    const unsigned char  *last, *end;

    start = dst;
    last = p + len;

    while (p < last && *p == '/') {
        p++;
    }

    *dst++ = '/';

    while (p < last) {
        end = memchr(p, '/', (size_t) (last - p));
        n = (size_t) ((end ? end : last) - p);
        dots = faas_path_dots(p, n);

        if (dots == 2 && dst - start > 1) {
            dst--;

            while (dst[-1] != '/') {
                dst--;
            }

        } else if (dots == 0) {
            memcpy(dst, p, n);
            dst += n;

            if (end) {
                *dst++ = '/';
            }
        }

        p += n + 1;
    }

    return dst;
}


void
faas_path_init(faas_path_t *p, const unsigned char *raw, size_t len,
    unsigned char *buf)
{
    unsigned char        *text;
    faas_segment_t       *s, rest;
    const unsigned char  *at, *end, *last;

    last = faas_path_normalise(buf, raw, len);
    text = buf + len + 2;

    p->raw = buf;
    p->raw_len = (size_t) (last - buf);
    p->text = text;
    p->n = 0;
    p->deeper = 0;

    *text++ = '/';

    if (p->raw_len == 1) {
        p->text_len = 1;
        return;
    }

    for (at = buf + 1; /* void */ ; at = end + 1) {
        end = memchr(at, '/', (size_t) (last - at));
        end = end ? end : last;

        s = (p->n < FAAS_PATH_SEGMENTS) ? &p->segments[p->n] : &rest;

        s->raw = at;
        s->raw_len = (size_t) (end - at);
        s->text = text;

        text = faas_path_decode(text, at, s->raw_len);

        s->text_len = (size_t) (text - s->text);

        if (s == &rest) {
            p->deeper = 1;

        } else {
            p->n++;
        }

        if (end == last) {
            break;
        }

        *text++ = '/';
    }

    p->text_len = (size_t) (text - p->text);
}
