/*
 * What the files that map results to answers share; see faas_answer.h.
 */

#ifndef _FAAS_ANSWER_CORE_H_INCLUDED_
#define _FAAS_ANSWER_CORE_H_INCLUDED_


#include "faas_answer.h"
#include "faas_json.h"


#define faas_answer_string(s)  { (unsigned char *) s, sizeof(s) - 1 }


typedef enum {
    FAAS_ANSWER_STATUS = 0,
    FAAS_ANSWER_FIELDS,                       /* "headers" */
    FAAS_ANSWER_COOKIES,
    FAAS_ANSWER_BODY,
    FAAS_ANSWER_BASE64,
    FAAS_ANSWER_MULTI,                        /* "multiValueHeaders" */
    FAAS_ANSWER_DESCRIPTION,
    FAAS_ANSWER_MEMBERS
} faas_answer_member_e;

typedef struct {
    unsigned char        *data;
    size_t                len;
} faas_answer_str_t;

typedef struct {
    faas_json_type_e      type;               /* BAD: absent */
    faas_answer_str_t     text;               /* without quotes */
} faas_answer_value_t;

typedef struct {
    faas_answer_str_t     name;
    faas_answer_str_t     value;
    unsigned              multi:1;            /* one of several */
} faas_answer_header_t;

typedef struct {
    faas_answer_format_e  format;
    unsigned              keep_base64:1;
    unsigned              prelude:1;          /* there is no body in it */
    faas_answer_t        *answer;
    faas_answer_value_t   result;
    faas_answer_value_t   members[FAAS_ANSWER_MEMBERS];
    unsigned              n;
    faas_answer_header_t  headers[FAAS_ANSWER_HEADERS];
} faas_answer_ctx_t;


/* faas_answer.c: the context has its first four members */

int faas_answer_run(faas_answer_ctx_t *c, unsigned char *json, size_t len,
    faas_answer_header_pt cb, void *ctx);

/* faas_answer_fields.c: 0, or -1 and the answer's error is set */

int faas_answer_headers(faas_answer_ctx_t *c);
int faas_answer_multi(faas_answer_ctx_t *c);
int faas_answer_cookies(faas_answer_ctx_t *c);
int faas_answer_bad(faas_answer_ctx_t *c, const char *error);


#endif /* _FAAS_ANSWER_CORE_H_INCLUDED_ */
