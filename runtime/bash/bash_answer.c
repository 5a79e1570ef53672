/*
 * What a bash printed as the answer of an invocation: JSON as it is, any other
 * text as a string of JSON.
 *
 * Runs in faas-bash.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "bash.h"
#include "faas_json.h"


static int  bash_text(bash_result_t *r);
static int  bash_failed(bash_result_t *r);
static int  bash_raw(const faas_invocation_t *inv);


/* An error payload, to be freed; NULL without memory. */

char *
bash_error(const char *type, const char *text, size_t len, size_t *json_len)
{
    char           *json;
    size_t          size;
    unsigned char  *p;

    static const char  tail[] = "\",\"stackTrace\":[]}";

    size = faas_json_escaped_len((const unsigned char *) text, len)
           + strlen(type) + 100;
    json = malloc(size);

    if (json == NULL) {
        return NULL;
    }

    p = (unsigned char *) json;
    p += sprintf(json, "{\"errorType\":\"%s\",\"errorMessage\":\"", type);
    p = faas_json_escape(p, (const unsigned char *) text, len);
    memcpy(p, tail, sizeof(tail) - 1);

    *json_len = (size_t) ((char *) p - json) + sizeof(tail) - 1;

    return json;
}


/* Of an event that is no JSON the result is as it is, too. */

static int
bash_raw(const faas_invocation_t *inv)
{
    return inv->content_type_len
           && strcmp(inv->content_type, "application/json") != 0;
}


static int
bash_text(bash_result_t *r)
{
    int             rc;
    char           *json;
    size_t          len;
    unsigned char  *p, *out;

    out = (unsigned char *) r->out;

    for (len = r->len; len && out[len - 1] == '\n'; len--) { /* void */ }

    if (len == 0) {
        return faas_respond("null", 4);
    }

    if (faas_json_valid(out, len)) {
        return faas_respond(out, len);
    }

    json = malloc(faas_json_escaped_len(out, len) + 2);

    if (json == NULL) {
        return -1;
    }

    p = (unsigned char *) json;
    *p++ = '"';
    p = faas_json_escape(p, out, len);
    *p++ = '"';

    rc = faas_respond(json, (size_t) ((char *) p - json));

    free(json);

    return rc;
}


/* The last line that it wrote to standard error says most. */

static int
bash_failed(bash_result_t *r)
{
    int     rc;
    char   *json, text[BASH_LAST + 32];
    size_t  len, json_len;

    if (WIFEXITED(r->status)) {
        len = (size_t) snprintf(text, sizeof(text), "exit status %d",
                                WEXITSTATUS(r->status));
    } else {
        len = (size_t) snprintf(text, sizeof(text), "killed by signal %d",
                                WTERMSIG(r->status));
    }

    if (r->last_len) {
        len += (size_t) sprintf(text + len, ": ");
        memcpy(text + len, r->last, r->last_len);
        len += r->last_len;
    }

    json = bash_error("ExitError", text, len, &json_len);

    if (json == NULL) {
        return -1;
    }

    faas_log("[ERROR] ExitError: ", sizeof("[ERROR] ExitError: ") - 1);
    faas_log(text, len);
    faas_log("\n", 1);

    rc = faas_respond_error(json, json_len);

    free(json);

    return rc;
}


int
bash_answer(const faas_invocation_t *inv, bash_result_t *r)
{
    static const char  large[] =
        "{\"errorType\":\"Function.ResponseSizeTooLarge\",\"errorMessage\":"
        "\"Response payload size exceeded maximum allowed payload size.\"}";

    if (r->too_large) {
        return faas_respond_error(large, sizeof(large) - 1);
    }

    if (!WIFEXITED(r->status) || WEXITSTATUS(r->status) != 0) {
        return bash_failed(r);
    }

    return bash_raw(inv) ? faas_respond(r->out, r->len) : bash_text(r);
}
