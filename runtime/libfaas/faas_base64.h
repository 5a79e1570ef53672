/*
 * Base64 (RFC 4648): no memory, no state, no locks; runs in nginx workers,
 * in environments (libfaas.so) and in tests.
 */

#ifndef _FAAS_BASE64_H_INCLUDED_
#define _FAAS_BASE64_H_INCLUDED_


#include <stddef.h>


size_t faas_base64_encoded_len(size_t n);

/* Standard alphabet with padding.  Returns the position behind the output. */
unsigned char *faas_base64_encode(unsigned char *dst,
    const unsigned char *src, size_t n);

/*
 * Standard and URL-safe alphabet, padding optional but right where given;
 * anything else is an error, white space too.  The number of bytes written,
 * at most n / 4 * 3 + 2, or -1.  dst may equal src.
 */
long faas_base64_decode(unsigned char *dst, const unsigned char *src,
    size_t n);


#endif /* _FAAS_BASE64_H_INCLUDED_ */
