/*
 * Raw output of environments and zygotes: what they write to descriptors 1
 * and 2 outside of an invocation's own log stream.  Read from the FIFO of the
 * slot, cut into lines, bounded in length and rate, logged with the name of
 * the function.
 *
 * Runs in the supervisor.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sup.h"


#define SUP_OUTPUT_LINES     200     /* a second and environment */
#define SUP_OUTPUT_TURN      65536   /* bytes read before others have a turn */


static void
sup_output_report_dropped(sup_env_t *env)
{
    if (env->dropped == 0) {
        return;
    }

    sup_log(SUP_LOG_WARN, 0, "%s wrote too much: %u lines were dropped",
            sup_env_text(env), env->dropped);

    env->dropped = 0;
}


static int
sup_output_allowed(sup_env_t *env)
{
    uint64_t  now;

    now = faas_now_ms();

    if (now - env->rate_ms >= 1000) {
        env->rate_ms = now;
        env->rate_lines = 0;
        sup_output_report_dropped(env);
    }

    if (env->rate_lines >= SUP_OUTPUT_LINES) {
        env->dropped++;
        return 0;
    }

    env->rate_lines++;

    return 1;
}


static void
sup_output_line(sup_env_t *env, int cut)
{
    char  text[SUP_LINE_MAX + 512];

    if (env->line_len == 0) {
        return;
    }

    (void) sup_escape(text, sizeof(text), env->line, env->line_len);
    (void) snprintf(env->last, sizeof(env->last), "%.*s",
                    (int) sizeof(env->last) - 1, text);

    env->line_len = 0;

    if (!sup_output_allowed(env)) {
        return;
    }

    sup_log(SUP_LOG_NOTICE, 0, "%s: %s%s", sup_env_text(env), text,
            cut ? " ..." : "");
}


static void
sup_output_bytes(sup_env_t *env, const char *p, size_t len)
{
    char    *nl;
    size_t   n;

    if (env->line == NULL) {
        env->line = malloc(SUP_LINE_MAX);
        if (env->line == NULL) {
            return;
        }
    }

    while (len) {
        nl = memchr(p, '\n', len);
        n = nl ? (size_t) (nl - p) : len;

        if (!env->cut) {

            if (n > SUP_LINE_MAX - env->line_len) {
                memcpy(env->line + env->line_len, p,
                       SUP_LINE_MAX - env->line_len);
                env->line_len = SUP_LINE_MAX;
                sup_output_line(env, 1);
                env->cut = 1;

            } else {
                memcpy(env->line + env->line_len, p, n);
                env->line_len += n;
            }
        }

        if (nl == NULL) {
            return;
        }

        if (!env->cut) {
            sup_output_line(env, 0);
        }

        env->cut = 0;
        n++;
        p += n;
        len -= n;
    }
}


void
sup_output_read(evutil_socket_t fd, short what, void *data)
{
    char        buf[16384];
    ssize_t     n;
    size_t      total;
    sup_env_t  *env = data;

    (void) what;

    for (total = 0; total < SUP_OUTPUT_TURN; total += n) {
        n = read(fd, buf, sizeof(buf));

        if (n <= 0) {
            /*
             * The end of a FIFO means that nobody has it open for writing:
             * there is nothing to wait for until the slot is used again.
             */
            if (n == 0 && env->log_ev != NULL) {
                (void) event_del(env->log_ev);
            }

            return;
        }

        sup_output_bytes(env, buf, n);
    }
}


/* The process is gone: what is in the FIFO is all there will be. */

void
sup_output_finish(sup_env_t *env)
{
    if (env->log == -1) {
        return;
    }

    sup_output_read(env->log, 0, env);
    sup_output_line(env, 0);
    sup_output_report_dropped(env);

    if (env->log_ev != NULL) {
        event_free(env->log_ev);
        env->log_ev = NULL;
    }

    (void) close(env->log);
    env->log = -1;
    free(env->line);
    env->line = NULL;
    env->line_len = 0;
    env->cut = 0;
}


/* A zygote's output is its own trouble only: one bounded piece a turn. */

void
sup_output_zygote(evutil_socket_t fd, short what, void *data)
{
    char           buf[1024], text[2048], *p, *nl;
    ssize_t        n;
    sup_zygote_t  *z = data;

    (void) what;

    n = read(fd, buf, sizeof(buf) - 1);

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) {
            (void) event_del(z->log_ev);
        }

        return;
    }

    buf[n] = '\0';

    for (p = buf; *p != '\0'; p = nl + 1) {
        nl = strchr(p, '\n');

        if (nl == NULL) {
            nl = p + strlen(p);
        }

        if (nl != p) {
            (void) sup_escape(text, sizeof(text), p, nl - p);
            sup_log(SUP_LOG_WARN, 0, "zygote %s (pid %d): %s", z->name,
                    (int) z->pid, text);
        }

        if (*nl == '\0') {
            break;
        }
    }
}
