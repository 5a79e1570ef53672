/*
 * JSON (RFC 8259): writing strings, a strict pull reader over a complete
 * buffer, UTF-8.  No memory, no recursion, no state beyond the caller's, no
 * locks; runs in nginx workers, in environments (libfaas.so) and in tests.
 */

#ifndef _FAAS_JSON_H_INCLUDED_
#define _FAAS_JSON_H_INCLUDED_


#include <stddef.h>


#define FAAS_JSON_DEPTH       512             /* arrays and objects nested */


/* --- writing --- */

/* The exact length of what faas_json_escape() writes; never below n. */
size_t faas_json_escaped_len(const unsigned char *s, size_t n);

/*
 * Writes the content of a JSON string, without quotes.  Valid UTF-8 is copied
 * as it is, each maximal subpart of an invalid sequence becomes U+FFFD.  dst
 * must not overlap s.  Returns the position behind the output.
 */
unsigned char *faas_json_escape(unsigned char *dst, const unsigned char *s,
    size_t n);

int faas_utf8_valid(const unsigned char *s, size_t n);


/* --- reading --- */

/*
 *  faas_json_init(&js, p, len);
 *
 *  if (faas_json_enter(&js, FAAS_JSON_OBJECT) != 0) { ... bad }
 *
 *  while ((rc = faas_json_member(&js, &key, &klen)) == 1) {
 *      type = faas_json_peek(&js);
 *      if (faas_json_skip(&js, &value, &vlen) != 0) { ... bad }
 *  }
 *
 *  if (rc != 0 || faas_json_end(&js) != 0) { ... bad }
 *
 * Reading changes nothing in the buffer.  Keys and strings come as they are
 * written; faas_json_unescape() turns them into text, in place.  After an
 * error the reader must not be used again; js.error says what was wrong.
 */

typedef enum {
    FAAS_JSON_BAD = -1,                       /* no value begins here */
    FAAS_JSON_OBJECT = 0,
    FAAS_JSON_ARRAY,
    FAAS_JSON_STRING,
    FAAS_JSON_NUMBER,
    FAAS_JSON_TRUE,
    FAAS_JSON_FALSE,
    FAAS_JSON_NULL
} faas_json_type_e;

typedef struct {
    unsigned char        *pos;
    unsigned char        *last;
    unsigned              depth;              /* containers entered */
    unsigned              first;              /* just behind [ or { */
    const char           *error;              /* static */
} faas_json_t;


void faas_json_init(faas_json_t *js, unsigned char *p, size_t len);

/* The type of the value that comes next, by its first byte. */
faas_json_type_e faas_json_peek(faas_json_t *js);

/* Steps into the object or array that must come next.  0 or -1. */
int faas_json_enter(faas_json_t *js, faas_json_type_e type);

/*
 * 1: the reader is before the next member's value (element); 0: the object
 * (array) was left; -1: malformed.
 */
int faas_json_member(faas_json_t *js, unsigned char **key, size_t *klen);
int faas_json_element(faas_json_t *js);

/*
 * Checks the whole value that comes next and steps over it.  *value, *len is
 * its text, of a string without the quotes.  0 or -1.
 */
int faas_json_skip(faas_json_t *js, unsigned char **value, size_t *len);

/* 0 if nothing but white space is left, else -1. */
int faas_json_end(faas_json_t *js);

int faas_json_valid(const unsigned char *p, size_t len);


/* --- texts of checked documents --- */

/*
 * Resolves the escapes of a string's content in place and returns the new
 * length.  A surrogate without its partner becomes U+FFFD.
 */
size_t faas_json_unescape(unsigned char *s, size_t n);

/* Whether a key, as written, means NAME. */
int faas_json_key_is(const unsigned char *key, size_t klen, const char *name,
    size_t nlen);

/* Removes white space outside strings, in place.  Returns the new length. */
size_t faas_json_compact(unsigned char *p, size_t n);


#endif /* _FAAS_JSON_H_INCLUDED_ */
