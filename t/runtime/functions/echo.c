/*
 * A function in C for the tests: what it does is said by the event.
 *
 *   "log N"     logs N bytes, answers null
 *   "error"     answers an error payload
 *   "return"    returns an error without an answer
 *   "silent"    returns success without an answer
 *   "context"   answers all members of the invocation, one a line
 *   "crash"     logs, then ends the process
 *   "hang"      logs, then sleeps for good
 *   "clone"     a child asks for an event, made by the system call
 *   other       answers the event
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faas_env.h"


static int echo_handler(const faas_invocation_t *inv, void *data);
static int echo_context(const faas_invocation_t *inv);
static int echo_clone(void);
static int echo_log(size_t n);


int
main(void)
{
    faas_env_version("echo");

    return faas_main(echo_handler, NULL);
}


static int
echo_handler(const faas_invocation_t *inv, void *data)
{
    (void) data;

    if (strcmp(inv->event, "error") == 0) {
        return faas_respond_error("{\"errorType\":\"E\"}", 17);
    }

    if (strcmp(inv->event, "return") == 0) {
        return 1;
    }

    if (strcmp(inv->event, "silent") == 0) {
        return 0;
    }

    if (strcmp(inv->event, "context") == 0) {
        return echo_context(inv);
    }

    if (strncmp(inv->event, "log ", 4) == 0) {
        return echo_log(strtoul(inv->event + 4, NULL, 10));
    }

    if (strcmp(inv->event, "clone") == 0) {
        return echo_clone();
    }

    if (strcmp(inv->event, "crash") == 0) {
        faas_log("last words\n", 11);
        faas_log_flush();
        _exit(3);
    }

    if (strcmp(inv->event, "hang") == 0) {
        faas_log("going to hang\n", 14);

        for ( ;; ) {
            (void) pause();
        }
    }

    return faas_respond(inv->event, inv->event_len);
}


static int
echo_context(const faas_invocation_t *inv)
{
    int   n;
    char  text[4096];

    n = snprintf(text, sizeof(text), "%s\n%s\n%s\n%s\n%s\n%s\n%lld\n",
                 inv->request_id, inv->arn, inv->trace_id,
                 inv->client_context, inv->identity, inv->content_type,
                 (long long) inv->deadline_ms);

    return faas_respond(text, n);
}


/* Around all that the C library does at fork(). */

static int
echo_clone(void)
{
    int                n, status;
    char               text[64];
    pid_t              pid;
    faas_invocation_t  inv;

    pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (pid == 0) {
        _exit(faas_next(&inv) == FAAS_ENV_ERROR ? errno : 0);
    }

    if (pid == -1 || waitpid(pid, &status, 0) != pid) {
        return 1;
    }

    n = snprintf(text, sizeof(text), "%d %s",
                 WIFEXITED(status) && WEXITSTATUS(status) == EPERM,
                 faas_next(&inv) == FAAS_ENV_ERROR && errno == EBUSY
                 ? "busy" : "not busy");

    return faas_respond(text, n);
}


static int
echo_log(size_t n)
{
    size_t  i;
    char   *text;

    text = malloc(n + 1);

    if (text == NULL) {
        return 1;
    }

    for (i = 0; i < n; i++) {
        text[i] = 'a' + i % 26;
    }

    faas_log(text, n);
    free(text);

    return 0;
}
