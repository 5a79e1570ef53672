/*
 * What a hostile function tries, one case a name.  Built as a program that
 * other runtimes execute (escape CASE [ARGUMENT]) and, with ESCAPE_FUNCTION, as
 * a function in C that takes them from the headers x-case and x-arg.
 *
 * A case says what came of it: the name of an errno, "ok", or "signal N".
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifdef ESCAPE_FUNCTION
#include "faas_env.h"
#endif

#include "escape.h"


static char  page[4096];


static long
opens(const char *path, int flags)
{
    int  fd;

    fd = open(path, flags, 0644);

    return fd == -1 ? -1 : close(fd);
}


static long
reads(const char *path)
{
    int   fd;
    char  c;
    long  n;

    fd = open(path, O_RDONLY);

    if (fd == -1) {
        return -1;
    }

    n = read(fd, &c, 1);
    (void) close(fd);

    return n == -1 ? -1 : 0;
}


static long
writes(const char *path, const char *text)
{
    int   fd;
    long  n;

    fd = open(path, O_WRONLY);

    if (fd == -1) {
        return -1;
    }

    n = write(fd, text, strlen(text));
    (void) close(fd);

    return n == -1 ? -1 : 0;
}


/* Sets an option of a socket; the numbers may be wider than the kernel's. */

static long
option(unsigned long level, unsigned long name)
{
    int  fd;
    int  value[2] = { 1, 1000 };

    fd = socket(AF_INET, SOCK_STREAM, 0);

    return fd == -1 ? -1
           : syscall(SYS_setsockopt, fd, level, name, value, sizeof(value));
}


static long
t_handle(const char *arg)
{
    struct {
        struct file_handle  h;
        char                space[128];
    } f;
    int  id;

    (void) arg;
    f.h.handle_bytes = sizeof(f.space);

    if (name_to_handle_at(AT_FDCWD, "/", &f.h, &id, 0) == 0) {
        return 0;
    }

    if (errno != EPERM) {
        return -1;
    }

    f.h.handle_bytes = 8;
    f.h.handle_type = 1;

    return open_by_handle_at(AT_FDCWD, &f.h, O_RDONLY);
}


static long
t_fifo(const char *arg)
{
    struct sched_param  param = { .sched_priority = 1 };

    (void) arg;

    return sched_setscheduler(0, SCHED_FIFO, &param);
}


static long
t_raise_nofile(const char *arg)
{
    struct rlimit  rl = { 4096, 4096 };

    (void) arg;

    return setrlimit(RLIMIT_NOFILE, &rl);
}


/* With 1 there is no core dump, and nobody who is asked to take one. */

static long
t_core(const char *arg)
{
    struct rlimit  none = { 0, 0 }, rl = { 0, 0 };

    (void) arg;

    if (setrlimit(RLIMIT_CORE, &none) == -1
        || syscall(SYS_prlimit64, 0, RLIMIT_CORE, &none, NULL) == -1
        || getrlimit(RLIMIT_CORE, &rl) == -1)
    {
        return -1;
    }

    errno = EPERM;

    return rl.rlim_cur == 1 && rl.rlim_max == 1 ? -1 : 0;
}


/* Calls of i386: the table with other numbers. */

static long
t_i386(const char *arg)
{
    (void) arg;
#if defined(__x86_64__)
    {
        long  rc;

        __asm__ volatile("int $0x80" : "=a"(rc) : "a"(20L) : "memory");
        return rc;
    }
#else
    return raise(SIGSYS);
#endif
}


static long
t_x32(const char *arg)
{
    (void) arg;
#if defined(__x86_64__)
    return syscall(0x40000000 + SYS_getpid);
#else
    return raise(SIGSYS);
#endif
}


/* Until no more can be made. */

static long
t_fork_bomb(const char *arg)
{
    int    n;
    pid_t  pid;

    (void) arg;

    for (n = 0; n < 3000; n++) {
        pid = fork();

        if (pid == 0) {
            for ( ;; ) {
                (void) pause();
            }
        }

        if (pid == -1) {
            break;
        }
    }

    return n < 3000 ? -1 : 0;
}


static long
t_fds(const char *arg)
{
    int  n;

    (void) arg;

    for (n = 0; n < 100000; n++) {
        if (dup(0) == -1) {
            return -1;
        }
    }

    return 0;
}


static long
t_sockets(const char *arg)
{
    int  n;

    (void) arg;

    for (n = 0; n < 100000; n++) {
        if (socket(AF_INET, SOCK_STREAM, 0) == -1) {
            return -1;
        }
    }

    return 0;
}


static long
t_inodes(const char *arg)
{
    int   n, fd;
    char  path[64];

    for (n = 0; n < 1000000; n++) {
        (void) snprintf(path, sizeof(path), "%s/n%d", arg, n);
        fd = open(path, O_WRONLY|O_CREAT, 0600);

        if (fd == -1) {
            return -1;
        }

        (void) close(fd);
    }

    return 0;
}


static long
t_zombies(const char *arg)
{
    int  n;

    (void) arg;

    for (n = 0; n < 3000; n++) {
        switch (fork()) {
        case -1:
            return -1;
        case 0:
            _exit(0);
        }
    }

    return 0;
}


static long
t_signals(const char *arg)
{
    int           n;
    union sigval  value = { 0 };
    sigset_t      set;

    (void) arg;
    (void) sigemptyset(&set);
    (void) sigaddset(&set, SIGRTMIN);
    (void) sigprocmask(SIG_BLOCK, &set, NULL);

    for (n = 0; n < 1000000; n++) {
        if (sigqueue(getpid(), SIGRTMIN, value) == -1) {
            return -1;
        }
    }

    return 0;
}


static long
t_clone_user(const char *arg)
{
    long  pid;

    (void) arg;
    pid = syscall(SYS_clone, CLONE_NEWUSER|SIGCHLD, 0, 0, 0, 0);

    if (pid == 0) {
        _exit(0);
    }

    return pid == -1 ? -1 : 0;
}


static long
t_su(const char *arg)
{
    int    status;
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        (void) close(2);
        (void) execl(arg, arg, "-c", "exit 77", (char *) NULL);
        _exit(errno == ENOENT ? 76 : 1);
    }

    (void) waitpid(pid, &status, 0);
    errno = EACCES;

    return WIFEXITED(status) && WEXITSTATUS(status) == 77 ? 0 : -1;
}


static long
t_link(const char *arg)
{
    (void) unlink("/tmp/linked");

    return link(arg, "/tmp/linked");
}


static long
t_symlink(const char *arg)
{
    (void) unlink("/tmp/way");

    return symlink(arg, "/tmp/way") == -1 ? -1 : reads("/tmp/way");
}


#include "escape_calls.h"


typedef struct {
    const char  *name;
    case_pt      run;
} escape_t;


static const escape_t  cases[] = {
#define X(name)  { #name, t_##name },
    CASES(X)
#undef X
    { NULL, NULL }
};


static void
here(const escape_t *c, const char *arg, char *out, size_t size)
{
    long  rc;

    errno = 0;
    rc = c->run(arg);

    if (rc == -1) {
        (void) snprintf(out, size, "%s", strerrorname_np(errno));

    } else if (strcmp(c->name, "listen") == 0) {
        (void) snprintf(out, size, "%ld", rc);    /* the port */

    } else {
        (void) snprintf(out, size, "ok");
    }
}


/* In a process of its own, unless what it leaves open is to stay. */

static void
attempt(const char *name, const char *arg, int apart, char *out, size_t size)
{
    int    i, pipes[2], status;
    pid_t  pid;

    for (i = 0; cases[i].name && strcmp(cases[i].name, name) != 0; i++) {
        /* void */
    }

    if (cases[i].name == NULL) {
        (void) snprintf(out, size, "no case");
        return;
    }

    if (!apart) {
        here(&cases[i], arg, out, size);
        return;
    }

    if (pipe(pipes) == -1 || (pid = fork()) == -1) {
        (void) snprintf(out, size, "no process");
        return;
    }

    if (pid == 0) {
        (void) setpgid(0, 0);
        attempt(name, arg, 0, out, size);
        (void) !write(pipes[1], out, strlen(out));
        (void) fflush(stdout);
        _exit(0);
    }

    (void) close(pipes[1]);
    memset(out, 0, size);
    (void) waitpid(pid, &status, 0);

    /* what it has forked is its group */
    (void) kill(-pid, SIGKILL);

    if (WIFSIGNALED(status)) {
        (void) snprintf(out, size, "signal %d", WTERMSIG(status));

    } else if (read(pipes[0], out, size - 1) < 0) {
        (void) snprintf(out, size, "nothing");
    }

    (void) close(pipes[0]);

    while (waitpid(-pid, NULL, 0) > 0) {
        /* void */
    }
}


#ifdef ESCAPE_FUNCTION

/* A header of the request, as the event has it. */

static void
header(const faas_invocation_t *inv, const char *name, char *out, size_t size)
{
    char         quoted[32];
    const char  *p;

    (void) snprintf(quoted, sizeof(quoted), "\"%s\":\"", name);
    out[0] = '\0';
    p = strstr(inv->event, quoted);

    if (p != NULL) {
        p += strlen(quoted);
        (void) snprintf(out, size, "%.*s", (int) strcspn(p, "\""), p);
    }
}


static int
handler(const faas_invocation_t *inv, void *data)
{
    char  name[64], arg[256], apart[8], out[128], answer[256];

    (void) data;
    header(inv, "x-case", name, sizeof(name));
    header(inv, "x-arg", arg, sizeof(arg));
    header(inv, "x-apart", apart, sizeof(apart));

    attempt(name, arg, apart[0] != '0', out, sizeof(out));
    (void) snprintf(answer, sizeof(answer), "\"%s\"", out);

    return faas_respond(answer, strlen(answer));
}


int
main(void)
{
    return faas_main(handler, NULL);
}

#else

int
main(int argc, char **argv)
{
    char  out[128];

    if (argc < 2) {
        return 2;
    }

    attempt(argv[1], argc > 2 ? argv[2] : "", 1, out, sizeof(out));
    (void) printf("%s\n", out);

    return 0;
}

#endif
