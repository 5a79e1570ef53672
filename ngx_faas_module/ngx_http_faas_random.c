/*
 * Request ids and trace ids: not secrets, but they must not repeat between
 * workers, so each worker seeds its generator (xoshiro256**) from the kernel.
 *
 * Runs in workers.
 */

#include "ngx_http_faas.h"

#include <sys/random.h>


static uint64_t  ngx_http_faas_seed[4];

static const char  ngx_http_faas_hex[] = "0123456789abcdef";


void
ngx_http_faas_random_init(void)
{
    ngx_uint_t  i;

    if (getrandom(ngx_http_faas_seed, sizeof(ngx_http_faas_seed),
                  GRND_NONBLOCK)
        == sizeof(ngx_http_faas_seed))
    {
        return;
    }

    /* so early in the machine's life that there is no entropy yet */

    for (i = 0; i < 4; i++) {
        ngx_http_faas_seed[i] = (faas_now_us() + i)
                                * 0x9e3779b97f4a7c15ULL
                                ^ (uint64_t) ngx_pid << 32
                                ^ (uint64_t) ngx_random();
    }
}


static uint64_t
ngx_http_faas_rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}


static uint64_t
ngx_http_faas_next(void)
{
    uint64_t  *s, result, t;

    s = ngx_http_faas_seed;

    result = ngx_http_faas_rotl(s[1] * 5, 7) * 9;
    t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = ngx_http_faas_rotl(s[3], 45);

    return result;
}


u_char *
ngx_http_faas_random_hex(u_char *dst, size_t n)
{
    size_t    i;
    uint64_t  v;

    v = 0;

    for (i = 0; i < n; i++) {
        if (i % 16 == 0) {
            v = ngx_http_faas_next();
        }

        *dst++ = ngx_http_faas_hex[v & 15];
        v >>= 4;
    }

    return dst;
}


/* A version 4 UUID in lower case: 36 characters, not terminated. */

void
ngx_http_faas_uuid(u_char *dst)
{
    (void) ngx_http_faas_random_hex(dst, 36);

    dst[8] = '-';
    dst[13] = '-';
    dst[14] = '4';
    dst[18] = '-';
    dst[19] = ngx_http_faas_hex[8 | (dst[19] & 3)];
    dst[23] = '-';
}
