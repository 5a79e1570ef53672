/*
 * The path of a request as API Gateway sees it: in segments, before and after
 * percent-decoding.  No memory, no state, no locks; runs in nginx workers and
 * in tests.
 */

#ifndef _FAAS_PATH_H_INCLUDED_
#define _FAAS_PATH_H_INCLUDED_


#include <stddef.h>


/* as deep as the path of a route can be; what is below is in "rest" */
#define FAAS_PATH_SEGMENTS    64


typedef struct {
    const unsigned char  *raw;
    size_t                raw_len;
    const unsigned char  *text;               /* decoded */
    size_t                text_len;
} faas_segment_t;

typedef struct {
    const unsigned char  *raw;                /* the whole path, normalised */
    size_t                raw_len;
    const unsigned char  *text;
    size_t                text_len;
    unsigned              n;                  /* "/": 0; "/a/": 2, one empty */
    unsigned              deeper:1;           /* there are more segments */
    faas_segment_t        segments[FAAS_PATH_SEGMENTS];
} faas_path_t;


/* what faas_path_init() needs for a path of so many bytes */
#define faas_path_size(len)   (2 * ((len) + 2))


/*
 * Takes a path apart, as it is on the wire and without query.  Slashes at the
 * beginning are one; dot segments are resolved, also encoded ones, because
 * nginx has done so before it chose the location; all else is kept: empty
 * segments, a slash at the end, %2F in a segment.  A "%" that begins no code
 * stands for itself.
 *
 * buf has faas_path_size(len) bytes and lives as long as p.
 */
void faas_path_init(faas_path_t *p, const unsigned char *raw, size_t len,
    unsigned char *buf);

/* Percent-decoding; dst may be src.  Returns the position behind the output. */
unsigned char *faas_path_decode(unsigned char *dst, const unsigned char *src,
    size_t len);


#endif /* _FAAS_PATH_H_INCLUDED_ */
