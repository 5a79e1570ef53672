/*
 * SipHash-1-3: a hash of names that clients choose, with a key that they do
 * not know, so that they cannot choose names that have the same one.
 * See faas_hash.c.
 */

#ifndef FAAS_HASH_H
#define FAAS_HASH_H

#include <stddef.h>
#include <stdint.h>


/* of LEN bytes, which may be none; KEY is secret and random */
uint64_t faas_hash(const uint64_t key[2], const void *data, size_t len);


#endif /* FAAS_HASH_H */
