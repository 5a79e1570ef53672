/*
 * Base64, see faas_base64.h.  Runs in nginx workers, in environments and in
 * tests; takes no locks.
 */

#include "faas_base64.h"


#define X  0x80                               /* not of the alphabet */


static const unsigned char  faas_base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static const unsigned char  faas_base64_value[256] = {
     X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
     X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
     X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X, 62,  X, 62,  X, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61,  X,  X,  X,  X,  X,  X,
     X,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,  X,  X,  X,  X, 63,
     X, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,  X,  X,  X,  X,  X,
    [128 ... 255] = X
};


size_t
faas_base64_encoded_len(size_t n)
{
    return (n + 2) / 3 * 4;
}


unsigned char *
faas_base64_encode(unsigned char *dst, const unsigned char *src, size_t n)
{
    unsigned              v;
    const unsigned char  *abc;

    abc = faas_base64_alphabet;

    while (n >= 3) {
        v = (unsigned) src[0] << 16 | (unsigned) src[1] << 8 | src[2];

        dst[0] = abc[v >> 18];
        dst[1] = abc[v >> 12 & 0x3f];
        dst[2] = abc[v >> 6 & 0x3f];
        dst[3] = abc[v & 0x3f];

        dst += 4;
        src += 3;
        n -= 3;
    }

    if (n) {
        v = (unsigned) src[0] << 16 | (n == 2 ? (unsigned) src[1] << 8 : 0);

        dst[0] = abc[v >> 18];
        dst[1] = abc[v >> 12 & 0x3f];
        dst[2] = (unsigned char) (n == 2 ? abc[v >> 6 & 0x3f] : '=');
        dst[3] = '=';

        dst += 4;
    }

    return dst;
}


long
faas_base64_decode(unsigned char *dst, const unsigned char *src, size_t n)
{
    unsigned              a, b, c, d;
    unsigned char        *start;
    const unsigned char  *value;

    start = dst;
    value = faas_base64_value;

    /* padding counts only where it completes a group of four */

    if (n && n % 4 == 0 && src[n - 1] == '=') {
        n -= (src[n - 2] == '=') ? 2 : 1;
    }

    while (n >= 4) {
        a = value[src[0]];
        b = value[src[1]];
        c = value[src[2]];
        d = value[src[3]];

        if ((a | b | c | d) & X) {
            return -1;
        }

        /* all four are read: overwriting src is safe */

        dst[0] = (unsigned char) (a << 2 | b >> 4);
        dst[1] = (unsigned char) (b << 4 | c >> 2);
        dst[2] = (unsigned char) (c << 6 | d);

        dst += 3;
        src += 4;
        n -= 4;
    }

    if (n == 0) {
        return dst - start;
    }

    if (n == 1) {
        return -1;
    }

    a = value[src[0]];
    b = value[src[1]];
    c = (n == 3) ? value[src[2]] : 0;

    if ((a | b | c) & X) {
        return -1;
    }

    *dst++ = (unsigned char) (a << 2 | b >> 4);

    if (n == 3) {
        *dst++ = (unsigned char) (b << 4 | c >> 2);
    }

    return dst - start;
}
