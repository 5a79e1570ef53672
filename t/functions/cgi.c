/*
 * A FastCGI application on libfcgi, for the tests: what it does is named by
 * the request's path.
 */

#include <fcgiapp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


static void
say(FCGX_Request *r, const char *text)
{
    FCGX_FPrintF(r->out, "%s", text);
}


static const char *
param(FCGX_Request *r, const char *name)
{
    char  *value;

    value = FCGX_GetParam(name, r->envp);

    return value ? value : "(none)";
}


/* the values of the parameters named in the query string */

static void
params(FCGX_Request *r)
{
    char  *names, *name;

    say(r, "Content-Type: text/plain\r\n\r\n");

    names = strdup(param(r, "QUERY_STRING"));

    for (name = strtok(names, "&"); name; name = strtok(NULL, "&")) {
        FCGX_FPrintF(r->out, "%s=%s\n", name, param(r, name));
    }

    free(names);
}


static void
body(FCGX_Request *r)
{
    int            n;
    char           buf[8192];
    unsigned long  i, len, sum;

    len = 0;
    sum = 0;

    while ((n = FCGX_GetStr(buf, sizeof(buf), r->in)) > 0) {
        for (i = 0; i < (unsigned long) n; i++) {
            sum = (sum * 31 + (unsigned char) buf[i]) & 0xffffffff;
        }

        len += n;
    }

    FCGX_FPrintF(r->out, "Content-Type: text/plain\r\n\r\n%s %lu %lu",
                 param(r, "CONTENT_LENGTH"), len, sum);
}


static void
fill(FCGX_Request *r, long n)
{
    long  i;

    for (i = 0; i < n; i++) {
        FCGX_PutChar('a' + i % 26, r->out);
    }
}


static void
large(FCGX_Request *r, int with_length)
{
    long  n;

    n = atol(param(r, "QUERY_STRING"));

    say(r, "Content-Type: text/plain\r\n");

    if (with_length) {
        FCGX_FPrintF(r->out, "Content-Length: %ld\r\n", n);
    }

    say(r, "\r\n");
    fill(r, n);
}


/* a piece of the answer a record */

static void
pieces(FCGX_Request *r, const char *text)
{
    const char  *p;

    for (p = text; *p; p++) {
        FCGX_PutChar(*p, r->out);
        FCGX_FFlush(r->out);
        usleep(1000);
    }
}


static void
odd(FCGX_Request *r, const char *what)
{
    if (strcmp(what, "/pieces") == 0) {
        pieces(r, "Content-Type: text/plain\r\nX-One: 1\r\n\r\nin pieces");

    } else if (strcmp(what, "/later") == 0) {
        say(r, "Content-Type: text/plain\r\n\r\nfirst ");
        FCGX_FFlush(r->out);
        usleep(50000);
        say(r, "second ");
        FCGX_FFlush(r->out);
        usleep(50000);
        say(r, "third");

    } else if (strcmp(what, "/short") == 0) {
        say(r, "Content-Length: 10\r\n\r\nshort");

    } else if (strcmp(what, "/long") == 0) {
        say(r, "Content-Length: 4\r\n\r\nlonger");

    } else if (strcmp(what, "/none") == 0) {
        return;

    } else if (strcmp(what, "/cut") == 0) {
        say(r, "Content-Type: text/plain\r\n");

    } else if (strcmp(what, "/bad") == 0) {
        say(r, "X-Leak: 1\r\nSet-Cookie: leak=1\r\nno header\r\n\r\nbody");

    } else if (strcmp(what, "/bighead") == 0) {
        say(r, "X-Big: ");
        fill(r, 100000);
        say(r, "\r\n\r\nbody");

    } else if (strcmp(what, "/exit") == 0) {
        say(r, "Content-Type: text/plain\r\n\r\nbegin");
        FCGX_FFlush(r->out);
        _exit(3);

    } else if (strcmp(what, "/exitnow") == 0) {
        _exit(3);

    } else if (strcmp(what, "/sleep") == 0) {
        sleep(30);

    } else if (strcmp(what, "/beginsleep") == 0) {
        say(r, "Content-Type: text/plain\r\n\r\nbegin");
        FCGX_FFlush(r->out);
        sleep(30);

    } else {
        say(r, "Status: 404 Not Here\r\nContent-Type: text/plain\r\n"
               "X-One: 1\r\n\r\nnothing");
    }
}


static void
serve(FCGX_Request *r)
{
    const char  *what;

    what = param(r, "DOCUMENT_URI");

    if (strcmp(what, "/env") == 0) {
        params(r);

    } else if (strcmp(what, "/body") == 0) {
        body(r);

    } else if (strcmp(what, "/large") == 0) {
        large(r, 1);

    } else if (strcmp(what, "/open") == 0) {
        large(r, 0);

    } else if (strcmp(what, "/stderr") == 0) {
        FCGX_FPrintF(r->err, "one line\nanother ");
        FCGX_FFlush(r->err);
        FCGX_FPrintF(r->err, "line\nno end");
        say(r, "Content-Type: text/plain\r\n\r\nlogged");

    } else if (strcmp(what, "/head") == 0) {
        FCGX_FPrintF(r->out, "%s\r\n\r\n%s", param(r, "HTTP_X_HEADER"),
                     param(r, "QUERY_STRING"));

    } else if (strcmp(what, "/pid") == 0) {
        FCGX_FPrintF(r->out, "Content-Type: text/plain\r\n\r\n%d", getpid());

    } else {
        odd(r, what);
    }
}


int
main(void)
{
    FCGX_Request  request;

    FCGX_Init();
    FCGX_InitRequest(&request, 0, 0);

    while (FCGX_Accept_r(&request) == 0) {
        serve(&request);
        FCGX_Finish_r(&request);
    }

    return 0;
}
