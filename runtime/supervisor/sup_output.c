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


/* Looks at the clock once for all that was read at a time. */

static void
sup_output_clock(sup_env_t *env)
{
    uint64_t  now;

    now = faas_now_ms();

    if (now - env->rate_ms >= 1000) {
        env->rate_ms = now;
        env->rate_lines = 0;
        sup_output_report_dropped(env);
    }
}


/* The last line, kept as it came: it is escaped when somebody asks for it. */

static void
sup_output_keep(sup_env_t *env, const char *p, size_t len)
{
    env->last_len = len < sizeof(env->last_raw) ? len : sizeof(env->last_raw);
    memcpy(env->last_raw, p, env->last_len);
}


static void
sup_output_last(sup_env_t *env)
{
    char  text[sizeof(env->last_raw) * 4 + 8];

    if (env->last_len == 0) {
        return;
    }

    (void) sup_escape(text, sizeof(text), env->last_raw, env->last_len);
    (void) snprintf(env->last, sizeof(env->last), "%s", text);
    env->last_len = 0;
}


static void
sup_output_line(sup_env_t *env, int cut)
{
    char  text[SUP_LINE_MAX + 512];

    if (env->line_len == 0) {
        return;
    }

    sup_output_keep(env, env->line, env->line_len);

    if (env->rate_lines >= SUP_OUTPUT_LINES) {
        env->dropped++;
        env->line_len = 0;
        return;
    }

    env->rate_lines++;
    (void) sup_escape(text, sizeof(text), env->line, env->line_len);
    env->line_len = 0;

    sup_log(SUP_LOG_NOTICE, 0, "%s: %s%s", sup_env_text(env), text,
            cut ? " ..." : "");
}


/*
 * When the second has had its lines: all whole lines are counted, not looked
 * at, so that a flood costs little more than reading it.  What is left is the
 * beginning of the next line.
 */

static const char *
sup_output_skip(sup_env_t *env, const char *p, size_t len)
{
    size_t       i;
    uint32_t     n;
    const char  *end, *line;

    end = memrchr(p, '\n', len);

    if (end == NULL) {
        return p;
    }

    len = end - p;
    line = memrchr(p, '\n', len);

    if (line != NULL) {
        sup_output_keep(env, line + 1, end - line - 1);
    }

    n = env->line_len > 0 || len > 0;

    for (i = 0; i < len; i++) {
        n += p[i] == '\n';
    }

    env->dropped += n;
    env->line_len = 0;
    env->cut = 0;

    return end + 1;
}


/* Bytes of a line; more than a line may have is cut off. */

static void
sup_output_add(sup_env_t *env, const char *p, size_t n)
{
    size_t  room;

    if (env->cut) {
        return;
    }

    room = SUP_LINE_MAX - env->line_len;
    memcpy(env->line + env->line_len, p, n < room ? n : room);
    env->line_len += n < room ? n : room;

    if (n > room) {
        sup_output_line(env, 1);
        env->cut = 1;
    }
}


static void
sup_output_bytes(sup_env_t *env, const char *p, size_t len)
{
    const char  *nl, *end;

    if (env->line == NULL) {
        env->line = malloc(SUP_LINE_MAX);
        if (env->line == NULL) {
            return;
        }
    }

    sup_output_clock(env);
    end = p + len;

    while (p < end) {

        if (env->rate_lines >= SUP_OUTPUT_LINES) {
            p = sup_output_skip(env, p, end - p);
            sup_output_add(env, p, end - p);
            return;
        }

        nl = memchr(p, '\n', end - p);
        sup_output_add(env, p, (nl ? nl : end) - p);

        if (nl == NULL) {
            return;
        }

        if (!env->cut) {
            sup_output_line(env, 0);
        }

        env->cut = 0;
        p = nl + 1;
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
    sup_output_last(env);
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
