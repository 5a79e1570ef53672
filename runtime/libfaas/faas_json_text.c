/*
 * Texts in JSON: escaping, unescaping, compacting and UTF-8, see faas_json.h.
 * Runs in nginx workers, in environments and in tests; takes no locks.
 */

#include <string.h>

#include "faas_json.h"
#include "faas_json_scan.h"


static const unsigned char  faas_json_hex[] = "0123456789abcdef";


static unsigned char *faas_json_copy_plain(unsigned char *dst,
    const unsigned char **s, const unsigned char *last);
static size_t faas_json_short(unsigned char c, unsigned char *letter);
static unsigned faas_json_escape_code(const unsigned char **s,
    const unsigned char *last);
static const unsigned char *faas_json_no_backslash(const unsigned char *s,
    const unsigned char *last);
static const unsigned char *faas_json_string_end(const unsigned char *s,
    const unsigned char *last);
static unsigned char *faas_json_put_utf8(unsigned char *p, unsigned code);


/*
 * The same and copies.  Storing 16 bytes before looking is safe: what is left
 * to write is never less than what is left to read.
 */

static unsigned char *
faas_json_copy_plain(unsigned char *dst, const unsigned char **s,
    const unsigned char *last)
{
    unsigned char         c;
    const unsigned char  *p;

#ifdef __SSE2__
    __m128i               v;
    unsigned              stops;
#endif

    p = *s;

#ifdef __SSE2__
    while (last - p >= 16) {
        v = _mm_loadu_si128((const __m128i *) p);
        stops = faas_json_stops(v);

        _mm_storeu_si128((__m128i *) dst, v);

        if (stops) {
            *s = p + __builtin_ctz(stops);
            return dst + __builtin_ctz(stops);
        }

        p += 16;
        dst += 16;
    }
#endif

    while (p < last) {
        c = *p;

        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') {
            break;
        }

        *dst++ = c;
        p++;
    }

    *s = p;

    return dst;
}


/* Unicode 15, table 3-7; maximal subparts: section 3.9 */

unsigned
faas_utf8_sequence(const unsigned char *s, const unsigned char *last,
    int *valid)
{
    unsigned       i, n;
    unsigned char  c, low, high;

    c = s[0];
    low = 0x80;
    high = 0xbf;

    *valid = 0;

    if (c < 0xc2 || c > 0xf4) {
        return 1;
    }

    if (c < 0xe0) {
        n = 2;

    } else if (c < 0xf0) {
        n = 3;

        if (c == 0xe0) {
            low = 0xa0;

        } else if (c == 0xed) {
            high = 0x9f;
        }

    } else {
        n = 4;

        if (c == 0xf0) {
            low = 0x90;

        } else if (c == 0xf4) {
            high = 0x8f;
        }
    }

    for (i = 1; i < n; i++) {

        if (last - s <= (ptrdiff_t) i || s[i] < low || s[i] > high) {
            return i;
        }

        low = 0x80;
        high = 0xbf;
    }

    *valid = 1;

    return n;
}


int
faas_utf8_valid(const unsigned char *s, size_t n)
{
    int                   valid;
    const unsigned char  *last;

    last = s + n;

    for ( ;; ) {
        s = faas_json_plain(s, last);

        if (s == last) {
            return 1;
        }

        if (*s < 0x80) {
            s++;
            continue;
        }

        s += faas_utf8_sequence(s, last, &valid);

        if (!valid) {
            return 0;
        }
    }
}


/* The length an ASCII byte takes escaped; 2: *letter follows the backslash. */

static size_t
faas_json_short(unsigned char c, unsigned char *letter)
{
    switch (c) {

    case '"':
    case '\\':
        *letter = c;
        return 2;

    case '\b':
        *letter = 'b';
        return 2;

    case '\f':
        *letter = 'f';
        return 2;

    case '\n':
        *letter = 'n';
        return 2;

    case '\r':
        *letter = 'r';
        return 2;

    case '\t':
        *letter = 't';
        return 2;

    default:
        *letter = 'u';
        return 6;
    }
}


size_t
faas_json_escaped_len(const unsigned char *s, size_t n)
{
    int                   valid;
    size_t                len;
    unsigned              seq;
    unsigned char         letter;
    const unsigned char  *p, *last;

    last = s + n;
    len = 0;

    for ( ;; ) {
        p = faas_json_plain(s, last);
        len += (size_t) (p - s);
        s = p;

        if (s == last) {
            return len;
        }

        if (*s < 0x80) {
            len += faas_json_short(*s++, &letter);
            continue;
        }

        do {
            seq = faas_utf8_sequence(s, last, &valid);
            len += valid ? seq : 3;
            s += seq;
        } while (s < last && *s >= 0x80);
    }
}


unsigned char *
faas_json_escape(unsigned char *dst, const unsigned char *s, size_t n)
{
    int                   valid;
    unsigned              seq;
    unsigned char         letter;
    const unsigned char  *last;

    last = s + n;

    for ( ;; ) {
        dst = faas_json_copy_plain(dst, &s, last);

        if (s == last) {
            return dst;
        }

        if (*s < 0x80) {
            *dst++ = '\\';

            if (faas_json_short(*s, &letter) == 2) {
                *dst++ = letter;

            } else {
                memcpy(dst, "u00", 3);
                dst[3] = faas_json_hex[*s >> 4];
                dst[4] = faas_json_hex[*s & 0xf];
                dst += 5;
            }

            s++;
            continue;
        }

        do {
            seq = faas_utf8_sequence(s, last, &valid);

            if (valid) {
                memcpy(dst, s, seq);
                dst += seq;

            } else {
                dst = faas_json_put_utf8(dst, 0xfffd);
            }

            s += seq;
        } while (s < last && *s >= 0x80);
    }
}


/*
 * Resolves the escape at *s and steps behind it.  Returns a code point, never
 * a surrogate.
 */

static unsigned
faas_json_escape_code(const unsigned char **s, const unsigned char *last)
{
    unsigned              code, low;
    const unsigned char  *p;

    p = *s + 1;
    *s = p + 1;

    switch (*p) {

    case 'b':
        return '\b';

    case 'f':
        return '\f';

    case 'n':
        return '\n';

    case 'r':
        return '\r';

    case 't':
        return '\t';

    case 'u':
        break;

    default:
        return *p;
    }

    code = faas_json_code_unit(p + 1);
    p += 5;
    *s = p;

    if (code < 0xd800 || code > 0xdfff) {
        return code;
    }

    if (code > 0xdbff || last - p < 6 || p[0] != '\\' || p[1] != 'u') {
        return 0xfffd;
    }

    low = faas_json_code_unit(p + 2);

    /* not its partner: that one is resolved on its own */

    if (low < 0xdc00 || low > 0xdfff) {
        return 0xfffd;
    }

    *s = p + 6;

    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}


size_t
faas_json_unescape(unsigned char *s, size_t n)
{
    size_t                len;
    unsigned char        *dst;
    const unsigned char  *p, *next, *last;

    p = s;
    last = s + n;

    next = memchr(p, '\\', n);

    if (next == NULL) {
        return n;
    }

    dst = s + (next - p);
    p = next;

    /* no escape is shorter than what it stands for: dst stays below p */

    while (p < last) {

        if (*p == '\\') {
            dst = faas_json_put_utf8(dst, faas_json_escape_code(&p, last));
            continue;
        }

        next = faas_json_no_backslash(p, last);
        len = (size_t) (next - p);

        memmove(dst, p, len);

        dst += len;
        p = next;
    }

    return (size_t) (dst - s);
}


/* Escapes are dense where there are any: cheaper than memchr() per run. */

static const unsigned char *
faas_json_no_backslash(const unsigned char *s, const unsigned char *last)
{
#ifdef __SSE2__
    unsigned  stops;
    __m128i   v;

    while (last - s >= 16) {
        v = _mm_loadu_si128((const __m128i *) s);
        v = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
        stops = (unsigned) _mm_movemask_epi8(v);

        if (stops) {
            return s + __builtin_ctz(stops);
        }

        s += 16;
    }
#endif

    while (s < last && *s != '\\') {
        s++;
    }

    return s;
}


int
faas_json_key_is(const unsigned char *key, size_t klen, const char *name,
    size_t nlen)
{
    size_t                len;
    unsigned char         utf8[4];
    const unsigned char  *last;

    if (memchr(key, '\\', klen) == NULL) {
        return klen == nlen && memcmp(key, name, nlen) == 0;
    }

    last = key + klen;

    while (key < last) {

        if (*key == '\\') {
            len = (size_t) (faas_json_put_utf8(utf8,
                                        faas_json_escape_code(&key, last))
                            - utf8);

        } else {
            utf8[0] = *key++;
            len = 1;
        }

        if (nlen < len || memcmp(utf8, name, len) != 0) {
            return 0;
        }

        name += len;
        nlen -= len;
    }

    return nlen == 0;
}


size_t
faas_json_compact(unsigned char *p, size_t n)
{
    size_t                len;
    unsigned char        *dst;
    const unsigned char  *s, *end, *last;

    dst = p;
    s = p;
    last = p + n;

    while (s < last) {

        if (*s == ' ' || *s == '\n' || *s == '\r' || *s == '\t') {
            s++;
            continue;
        }

        if (*s != '"') {
            *dst++ = *s++;
            continue;
        }

        end = faas_json_string_end(s + 1, last);
        len = (size_t) (end - s);

        if (dst != s) {
            memmove(dst, s, len);
        }

        dst += len;
        s = end;
    }

    return (size_t) (dst - p);
}


/* Behind the closing quote; the document was checked. */

static const unsigned char *
faas_json_string_end(const unsigned char *s, const unsigned char *last)
{
    while (s < last) {
        s = faas_json_plain(s, last);

        if (s == last) {
            break;
        }

        if (*s == '"') {
            return s + 1;
        }

        s += (*s == '\\' && last - s > 1) ? 2 : 1;
    }

    return last;
}


unsigned
faas_json_code_unit(const unsigned char *p)
{
    unsigned       i, v;
    unsigned char  c;

    v = 0;

    for (i = 0; i < 4; i++) {
        c = p[i];

        if (c >= '0' && c <= '9') {
            v = v << 4 | (unsigned) (c - '0');
            continue;
        }

        c |= 0x20;

        if (c < 'a' || c > 'f') {
            return 0x10000;
        }

        v = v << 4 | (unsigned) (c - 'a' + 10);
    }

    return v;
}


static unsigned char *
faas_json_put_utf8(unsigned char *p, unsigned code)
{
    if (code < 0x80) {
        *p++ = (unsigned char) code;
        return p;
    }

    if (code < 0x800) {
        *p++ = (unsigned char) (0xc0 | code >> 6);

    } else {

        if (code < 0x10000) {
            *p++ = (unsigned char) (0xe0 | code >> 12);

        } else {
            *p++ = (unsigned char) (0xf0 | code >> 18);
            *p++ = (unsigned char) (0x80 | (code >> 12 & 0x3f));
        }

        *p++ = (unsigned char) (0x80 | (code >> 6 & 0x3f));
    }

    *p++ = (unsigned char) (0x80 | (code & 0x3f));

    return p;
}
