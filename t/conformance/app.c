/*
 * The function of the conformance suite, in C on libfaas.  It knows no more of
 * JSON than the suite writes.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "faas_env.h"


extern char  **environ;

static int          calls;
static const char  *event;


static long
number(const char *name)
{
    char         key[32];
    const char  *p;

    (void) snprintf(key, sizeof(key), "\"%s\": ", name);
    p = strstr(event, key);

    return p != NULL ? strtol(p + strlen(key), NULL, 10) : 0;
}


static int
is(const char *name)
{
    char  text[64];

    (void) snprintf(text, sizeof(text), "\"do\": \"%s\"", name);

    return strstr(event, text) != NULL;
}


static int
respond(const char *format, ...)
{
    int      n;
    char     text[4096];
    va_list  args;

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    return faas_respond(text, (size_t) n);
}


static void
say(const char *format, ...)
{
    int      n;
    char     text[256];
    va_list  args;

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    faas_log(text, (size_t) n);
}


static void
nap(long ms)
{
    struct timespec  ts;

    ts.tv_sec = ms / 1000;
    ts.tv_nsec = ms % 1000 * 1000000;
    (void) nanosleep(&ts, NULL);
}


static long long
remaining(const faas_invocation_t *inv)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    return (long long) inv->deadline_ms - ts.tv_sec * 1000LL
           - ts.tv_nsec / 1000000;
}


static int
deep(int n)
{
    volatile char  room[512];

    room[0] = (char) n;

    return deep(n + 1) + room[0];
}


/* Bodies and everything else that was escaped come back as they are. */

static int
http(void)
{
    int          rc;
    char        *text;
    size_t       len;
    const char  *body, *end, *base64;

    body = strstr(event, "\"body\":\"");
    base64 = strstr(event, "\"isBase64Encoded\":");

    if (body == NULL || base64 == NULL) {
        return 1;
    }

    end = strchr(body + 8, '"');
    len = (size_t) (end - body);
    text = malloc(len + 256);

    rc = text == NULL ? 1
         : faas_respond(text, (size_t) sprintf(text, "{\"statusCode\":200,"
                        "\"headers\":{\"content-type\":"
                        "\"application/octet-stream\"},%.*s\","
                        "\"isBase64Encoded\":%.4s}", (int) len, body,
                        base64 + 18));
    free(text);

    return rc;
}


static int
env(void)
{
    int     i, n;
    char   *eq, text[16384];

    n = sprintf(text, "{");

    for (i = 0; environ[i] != NULL; i++) {
        eq = strchr(environ[i], '=');
        n += snprintf(text + n, sizeof(text) - (size_t) n, "%s\"%.*s\":\"%s\"",
                      i ? "," : "", (int) (eq - environ[i]), environ[i],
                      eq + 1);
    }

    n += sprintf(text + n, "}");

    return faas_respond(text, (size_t) n);
}


static int
context(const faas_invocation_t *inv)
{
    return respond("{\"id\":\"%s\",\"name\":\"%s\",\"version\":\"%s\","
                   "\"arn\":\"%s\",\"memory\":\"%s\",\"group\":\"%s\","
                   "\"stream\":\"%s\",\"custom\":%.*s}", inv->request_id,
                   getenv("AWS_LAMBDA_FUNCTION_NAME"),
                   getenv("AWS_LAMBDA_FUNCTION_VERSION"), inv->arn,
                   getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
                   getenv("AWS_LAMBDA_LOG_GROUP_NAME"),
                   getenv("AWS_LAMBDA_LOG_STREAM_NAME"),
                   (int) strlen(inv->client_context) - 11,
                   inv->client_context + 10);
}


static int
flood(void)
{
    long  n;
    char  line[10000];

    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\n';

    for (n = number("lines"); n > 0; n--) {
        faas_log(line, sizeof(line));
    }

    return respond("\"flooded\"");
}


static int
daemon_left(void)
{
    if (fork() == 0) {
        (void) execl("/bin/sleep", "sleep", "1000", (char *) NULL);
        _exit(1);
    }

    return respond("%d", calls);
}


static int
tmp(void)
{
    FILE         *f;
    struct stat   st;

    f = fopen("/tmp/kept", "a");

    if (f == NULL || fputc('x', f) == EOF || fclose(f) != 0
        || stat("/tmp/kept", &st) == -1)
    {
        return 1;
    }

    return respond("%ld", (long) st.st_size);
}


static int
stream(void)
{
    int   n;
    long  i;
    char  text[32];

    (void) faas_stream_begin("application/octet-stream");

    for (i = 0; i < number("n"); i++) {
        nap(number("ms"));
        n = sprintf(text, "%ld ", i);
        (void) faas_stream_write(text, (size_t) n);
    }

    return faas_stream_end();
}


static int
misbehave(void)
{
    char  *p;

    if (is("exit")) {
        exit((int) number("code"));
    }

    if (is("kill")) {
        *(volatile char *) 8 = 1;
    }

    while (is("loop")) {
        /* void */
    }

    while (is("memory")) {
        p = malloc(1 << 20);

        if (p != NULL) {
            memset(p, 1, 1 << 20);
        }
    }

    return is("stack") ? deep(0) : 1;
}


static int
handler(const faas_invocation_t *inv, void *data)
{
    long long    a;
    const char  *mark;

    (void) data;

    calls++;
    event = inv->event;

    if (strstr(event, "\"requestContext\"") != NULL) {
        return http();
    }

    if (strstr(event, "\"n\": ") != NULL && strstr(event, "\"do\"") == NULL) {
        return stream();
    }

    if (strstr(event, "\"do\"") == NULL) {
        return faas_respond(inv->event, inv->event_len);
    }

    if (is("throw")) {
        return faas_respond_error("{\"errorType\":\"Odd\",\"errorMessage\":"
                                  "\"an \\\"odd\\\" \xc3\xa9rror\"}", 54);
    }

    if (is("log")) {
        mark = strstr(event, "\"mark\": \"") + 9;
        say("err %.*s\n", (int) (strchr(mark, '"') - mark), mark);
        return respond("\"logged\"");
    }

    if (is("remaining")) {
        a = remaining(inv);
        nap(50);
        return respond("[%lld,%lld]", a, remaining(inv));
    }

    if (is("sleep")) {
        nap(number("ms"));
        return respond("[1,%d,%d]", calls, (int) getpid());
    }

    return is("env") ? env() : is("context") ? context(inv)
           : is("flood") ? flood() : is("daemon") ? daemon_left()
           : is("tmp") ? tmp() : misbehave();
}


int
main(void)
{
    return faas_main(handler, NULL);
}
