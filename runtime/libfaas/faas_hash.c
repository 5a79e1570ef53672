/*
 * SipHash (Aumasson and Bernstein, 2012) with one round for each word and
 * three at the end, as hash tables of Rust, Ruby and Python have it.
 *
 * No state, no locks.
 */

#include "faas_hash.h"

#include <endian.h>
#include <string.h>


static inline uint64_t
faas_hash_rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}


static inline void
faas_hash_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = faas_hash_rotl(v[1], 13) ^ v[0];
    v[0] = faas_hash_rotl(v[0], 32);
    v[2] += v[3];
    v[3] = faas_hash_rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = faas_hash_rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = faas_hash_rotl(v[1], 17) ^ v[2];
    v[2] = faas_hash_rotl(v[2], 32);
}


static inline void
faas_hash_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    faas_hash_round(v);
    v[0] ^= word;
}


uint64_t
faas_hash(const uint64_t key[2], const void *data, size_t len)
{
    size_t                n;
    uint64_t              v[4], word;
    const unsigned char  *p;

    v[0] = key[0] ^ 0x736f6d6570736575ULL;
    v[1] = key[1] ^ 0x646f72616e646f6dULL;
    v[2] = key[0] ^ 0x6c7967656e657261ULL;
    v[3] = key[1] ^ 0x7465646279746573ULL;

    p = data;

    for (n = len; n >= 8; n -= 8, p += 8) {
        memcpy(&word, p, 8);
        faas_hash_word(v, le64toh(word));
    }

    /* what is left, and the length in the last byte */

    word = 0;

    if (n) {
        memcpy(&word, p, n);
    }

    faas_hash_word(v, le64toh(word) | (uint64_t) len << 56);

    v[2] ^= 0xff;
    faas_hash_round(v);
    faas_hash_round(v);
    faas_hash_round(v);

    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
