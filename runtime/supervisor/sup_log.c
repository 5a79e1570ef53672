/*
 * The supervisor's own log lines, in the format of nginx's error log and
 * normally in the same file; and the text of environments made safe for it.
 *
 * Runs in the watchdog and in the supervisor.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sup.h"


static const char *const  sup_levels[] = {
    "stderr", "emerg", "alert", "crit", "error", "warn", "notice", "info",
    "debug"
};

static int    sup_log_fd = STDERR_FILENO;
static int    sup_log_level = SUP_LOG_NOTICE;
static char   sup_log_path[4096];
static dev_t  sup_log_dev;
static ino_t  sup_log_ino;


void
sup_log(int level, int err, const char *fmt, ...)
{
    int        n;
    char       buf[4096];
    size_t     len;
    time_t     now;
    va_list    args;
    struct tm  tm;

    if (level > sup_log_level) {
        return;
    }

    now = time(NULL);
    (void) localtime_r(&now, &tm);

    len = strftime(buf, sizeof(buf), "%Y/%m/%d %H:%M:%S ", &tm);
    len += snprintf(buf + len, sizeof(buf) - len, "[%s] %d#%d: faas: ",
                    sup_levels[level], (int) getpid(), (int) getpid());

    va_start(args, fmt);
    n = vsnprintf(buf + len, sizeof(buf) - len - 200, fmt, args);
    va_end(args);

    if (n < 0) {
        return;
    }

    len += n;
    if (len > sizeof(buf) - 201) {
        len = sizeof(buf) - 201;
    }

    if (err) {
        len += snprintf(buf + len, sizeof(buf) - len, " (%d: %s)", err,
                        strerror(err));
    }

    buf[len++] = '\n';

    /* one write per line: O_APPEND keeps lines of all processes whole */
    if (write(sup_log_fd, buf, len) == -1) {
        return;
    }
}


void
sup_log_set_level(const char *name)
{
    size_t  i;

    for (i = 1; i < sizeof(sup_levels) / sizeof(sup_levels[0]); i++) {
        if (strcmp(sup_levels[i], name) == 0) {
            sup_log_level = (int) i;
            return;
        }
    }

    if (strncmp(name, "debug", 5) == 0) {
        sup_log_level = SUP_LOG_DEBUG;
    }
}


static int
sup_log_open_file(const char *path, int flags)
{
    int          fd;
    struct stat  st;

    fd = open(path, O_WRONLY|O_APPEND|O_CLOEXEC|flags, 0644);
    if (fd == -1) {
        return -1;
    }

    if (fstat(fd, &st) == 0) {
        sup_log_dev = st.st_dev;
        sup_log_ino = st.st_ino;
    }

    if (sup_log_fd != STDERR_FILENO) {
        (void) close(sup_log_fd);
    }

    sup_log_fd = fd;

    return 0;
}


/* An empty path is standard error. */

void
sup_log_open(const char *path)
{
    if (path == NULL || strcmp(path, sup_log_path) == 0) {
        return;
    }

    if (path[0] == '\0' || strlen(path) >= sizeof(sup_log_path)) {

        if (sup_log_fd != STDERR_FILENO) {
            (void) close(sup_log_fd);
            sup_log_fd = STDERR_FILENO;
        }

        sup_log_path[0] = '\0';
        return;
    }

    if (sup_log_open_file(path, O_CREAT) == -1) {
        sup_log(SUP_LOG_ALERT, errno, "cannot open log file \"%s\"", path);
        return;
    }

    (void) strcpy(sup_log_path, path);
}


/*
 * Takes up the new file after a rotation.  As long as nobody has made one the
 * old file is written on, as nginx does.
 */

void
sup_log_reopen(int create)
{
    struct stat  st;

    if (sup_log_path[0] == '\0') {
        return;
    }

    if (!create) {
        if (stat(sup_log_path, &st) == -1
            || (st.st_dev == sup_log_dev && st.st_ino == sup_log_ino))
        {
            return;
        }
    }

    if (sup_log_open_file(sup_log_path, create ? O_CREAT : 0) == -1) {
        sup_log(SUP_LOG_ALERT, errno, "cannot reopen log file \"%s\"",
                sup_log_path);
    }
}


/*
 * Bytes of an environment as one harmless printable line: a forged newline or
 * escape sequence must not look like a line of ours.  Valid UTF-8 passes.
 */

static size_t
sup_utf8_len(const u_char *p, size_t len)
{
    size_t  i, n;

    if (p[0] < 0x80) {
        return (p[0] >= 0x20 && p[0] != 0x7f) || p[0] == '\t' ? 1 : 0;
    }

    if (p[0] >= 0xc3 && p[0] <= 0xdf) {
        n = 2;                           /* c2: C1 control characters too */

    } else if (p[0] == 0xc2) {
        n = len > 1 && p[1] >= 0xa0 ? 2 : 0;

    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;

    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;

    } else {
        return 0;
    }

    if (n == 0 || n > len) {
        return 0;
    }

    for (i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }

    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f)
        || (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
    {
        return 0;
    }

    return n;
}


size_t
sup_escape(char *dst, size_t size, const char *src, size_t len)
{
    char          *p, *last;
    size_t         n;
    const u_char  *s, *end;

    p = dst;
    last = dst + size - 5;
    s = (const u_char *) src;
    end = s + len;

    while (s < end && p < last) {
        n = sup_utf8_len(s, end - s);

        if (n == 0) {
            p += sprintf(p, "\\x%02X", *s++);
            continue;
        }

        memcpy(p, s, n);
        p += n;
        s += n;
    }

    *p = '\0';

    return p - dst;
}
