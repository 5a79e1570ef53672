/*
 * The program: where it listens, its process, its end.
 *
 * Runs in faas-web's one thread; no locks.  faas-web is the first process of
 * the environment's pid namespace: it reaps whatever the program leaves.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faas_exit.h"
#include "faas_json.h"
#include "web.h"


#define WEB_PF_EXITING  0x4           /* proc(5): flags of the kernel */
#define WEB_NOFILE  1024


extern char  **environ;


static int
web_app_unix(const char *path)
{
    struct sockaddr_un  *un;

    un = (struct sockaddr_un *) &web.address;
    web.address_len = sizeof(struct sockaddr_un);

    if (strlen(path) >= sizeof(un->sun_path)) {
        errno = ENAMETOOLONG;
        return WEB_ERROR;
    }

    un->sun_family = AF_UNIX;
    (void) strcpy(un->sun_path, path);

    return WEB_OK;
}


/* A port that nobody has on any address. */

static int
web_app_free_port(struct sockaddr_in *in)
{
    int        fd, rc;
    socklen_t  len;

    len = sizeof(struct sockaddr_in);
    fd = socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0);

    rc = fd != -1 && bind(fd, (struct sockaddr *) in, len) == 0
         && getsockname(fd, (struct sockaddr *) in, &len) == 0
         ? WEB_OK : WEB_ERROR;

    if (fd != -1) {
        (void) close(fd);
    }

    return rc;
}


/*
 * With a network of its own the program has all ports.  Else it is told one
 * that is free, or has said which one it takes: by the configuration, or by
 * its variable PORT, as on other platforms.
 */

int
web_app_address(void)
{
    char                 port[8], *end;
    unsigned long        n;
    const char          *text;
    struct sockaddr_in  *in;

    text = web.listen ? web.listen : getenv("PORT");

    if (text != NULL && strncmp(text, "unix:", 5) == 0) {
        return web_app_unix(text + 5);
    }

    in = (struct sockaddr_in *) &web.address;
    web.address_len = sizeof(struct sockaddr_in);
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(web.own ? FAAS_OWN_ADDRESS(getuid())
                                        : INADDR_LOOPBACK);

    n = text != NULL ? strtoul(text, &end, 10) : 0;

    if (text != NULL && (n == 0 || n > 65535 || *end != '\0')) {
        errno = EINVAL;
        return WEB_ERROR;
    }

    in->sin_port = htons((uint16_t) n);

    if (n == 0 && web_app_free_port(in) != WEB_OK) {
        return WEB_ERROR;
    }

    (void) snprintf(port, sizeof(port), "%u", ntohs(in->sin_port));

    return setenv("PORT", port, 1) == 0 ? WEB_OK : WEB_ERROR;
}


static void
web_app_error(const char *type, const char *text, const char *more)
{
    char            *p;
    size_t           len;
    unsigned char    json[8192];

    p = (char *) json + snprintf((char *) json, sizeof(json),
                                 "{\"errorType\":\"Runtime.%s\","
                                 "\"errorMessage\":\"%s", type, text);

    len = strnlen(more, 512);
    p = (char *) faas_json_escape((unsigned char *) p,
                                  (const unsigned char *) more, len);
    p += snprintf(p, 4, "\"}");

    (void) faas_env_error(json, p - (char *) json);
}


/*
 * The program begins with as many descriptors as everywhere, we have a
 * connection of a worker as well for each of its requests.
 */

static void
web_app_limit(int program)
{
    struct rlimit  rl;

    if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
        rl.rlim_cur = program && rl.rlim_max > WEB_NOFILE ? WEB_NOFILE
                                                          : rl.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &rl);
    }
}


/* Its output is the log; it leads a process group of its own. */

int
web_app_start(char *const *argv)
{
    int                rc;
    char               text[128];
    sigset_t           all, none;
    posix_spawnattr_t  attr;

    (void) sigfillset(&all);
    (void) sigemptyset(&none);

    if (posix_spawnattr_init(&attr) != 0) {
        return WEB_ERROR;
    }

    (void) posix_spawnattr_setsigdefault(&attr, &all);
    (void) posix_spawnattr_setsigmask(&attr, &none);
    (void) posix_spawnattr_setpgroup(&attr, 0);
    (void) posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF
                                           |POSIX_SPAWN_SETSIGMASK
                                           |POSIX_SPAWN_SETPGROUP);

    web_app_limit(1);
    rc = posix_spawn(&web.pid, argv[0], NULL, &attr, argv, environ);
    web_app_limit(0);
    (void) posix_spawnattr_destroy(&attr);

    if (rc == 0) {
        return WEB_OK;
    }

    web.pid = 0;
    (void) snprintf(text, sizeof(text), "%s: ",
                    rc == ENOEXEC ? "exec format error"
                                  : strerrordesc_np(rc));
    web_app_error("InvalidEntrypoint", text, argv[0]);

    return WEB_ERROR;
}


static void
web_app_ended(int status)
{
    char  how[96];

    if (web.ending) {
        web_exit(0);
    }

    if (!web.ready) {
        faas_exit_text(how, sizeof(how), WIFEXITED(status)
                                         ? WEXITSTATUS(status)
                                         : -WTERMSIG(status));
        web_app_error("ExitError", "The program ended before it was ready: ",
                      how);
        web_exit(1);
    }

    web_exit(faas_env_exit_code(status));
}


/*
 * Is the program about to end?  A process closes its connections before it can
 * be waited for, and who asked it is to learn how it ended rather than get an
 * answer of ours; nor is anybody else to be sent here.
 */

int
web_app_dying(void)
{
    int        fd;
    char       path[64], text[512], state, *p;
    ssize_t    n;
    unsigned   flags;

    if (web.pid == 0) {
        return 1;
    }

    (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) web.pid);
    fd = open(path, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return 0;                        /* no /proc at this level */
    }

    n = read(fd, text, sizeof(text) - 1);
    (void) close(fd);
    text[n > 0 ? n : 0] = '\0';

    /* the name, in parentheses, may have any character */

    p = strrchr(text, ')');

    return p != NULL
           && sscanf(p + 1, " %c %*d %*d %*d %*d %*d %u", &state, &flags) == 2
           && (state == 'Z' || (flags & WEB_PF_EXITING));
}


void
web_app_reap(void)
{
    int    status;
    pid_t  pid;

    for ( ;; ) {
        pid = waitpid(-1, &status, WNOHANG);

        if (pid <= 0) {
            return;
        }

        if (pid == web.pid) {
            web.pid = 0;
            web_app_ended(status);
        }
    }
}
