/*
 * What the two halves of JSON, faas_json.c and faas_json_text.c, share: runs
 * of bytes that need no attention, crossed 16 at a time where SSE2 is there,
 * and UTF-8 sequences.
 */

#ifndef _FAAS_JSON_SCAN_H_INCLUDED_
#define _FAAS_JSON_SCAN_H_INCLUDED_


#include <stddef.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif


#ifdef __SSE2__

/* A bit for each byte that faas_json_plain() stops at. */

static inline unsigned
faas_json_stops(__m128i v)
{
    __m128i  stop;

    /* signed: bytes from 0x80 on are below 0x20 as well */

    stop = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
    stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
    stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));

    return (unsigned) _mm_movemask_epi8(stop);
}

#endif


/* The first byte that is a quote, a backslash, a control or not ASCII. */

static inline const unsigned char *
faas_json_plain(const unsigned char *s, const unsigned char *last)
{
    unsigned char  c;

#ifdef __SSE2__
    unsigned       stops;

    while (last - s >= 16) {
        stops = faas_json_stops(_mm_loadu_si128((const __m128i *) s));

        if (stops) {
            return s + __builtin_ctz(stops);
        }

        s += 16;
    }
#endif

    while (s < last) {
        c = *s;

        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') {
            break;
        }

        s++;
    }

    return s;
}


/*
 * The length of the sequence at s (a byte from 0x80 on), or, with *valid 0,
 * of its maximal subpart.
 */
unsigned faas_utf8_sequence(const unsigned char *s, const unsigned char *last,
    int *valid);

/* Four hexadecimal digits; above 0xffff if they are not. */
unsigned faas_json_code_unit(const unsigned char *p);


#endif /* _FAAS_JSON_SCAN_H_INCLUDED_ */
