/*
 * faas-supervisor: the command line.  One executable is both the watchdog,
 * which nginx or systemd starts, and the supervisor proper, which the watchdog
 * starts with --supervise.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sup.h"


sup_t  sup;

static char   *sup_argv[16];
static int     sup_supervise;
static int     sup_drain_first;
static char   *sup_probed;
static int     sup_probe_egress;


static int
sup_usage(void)
{
    (void) fprintf(stderr,
                   "usage: faas-supervisor --run-dir DIR [--lock-fd N] "
                   "[--life-fd N] [--external] [--log PATH]\n"
                   "       faas-supervisor --probe FIRST-LAST [--egress]\n");

    return SUP_EXIT_ERROR;
}


static int
sup_fd_option(const char *text)
{
    long   n;
    char  *end;

    errno = 0;
    n = strtol(text, &end, 10);

    if (errno || *end != '\0' || end == text || n < 3 || n > INT_MAX
        || fcntl((int) n, F_GETFD) == -1)
    {
        return -1;
    }

    return (int) n;
}


static int
sup_fd_set(int *fd, const char *name, const char *text)
{
    *fd = sup_fd_option(text);

    if (*fd == -1) {
        (void) fprintf(stderr, "faas-supervisor: --%s \"%s\" is not an open "
                       "descriptor\n", name, text);
        return -1;
    }

    return 0;
}


static const struct option  sup_long_options[] = {
    { "run-dir",   required_argument, NULL, 'r' },
    { "lock-fd",   required_argument, NULL, 'k' },
    { "life-fd",   required_argument, NULL, 'l' },
    { "external",  no_argument,       NULL, 'e' },
    { "log",       required_argument, NULL, 'o' },
    { "supervise", no_argument,       NULL, 's' },
    { "status-fd", required_argument, NULL, 't' },
    { "drain",     no_argument,       NULL, 'd' },
    { "probe",     required_argument, NULL, 'p' },
    { "egress",    no_argument,       NULL, 'n' },
    { NULL, 0, NULL, 0 }
};


static int
sup_option(int c)
{
    switch (c) {

    case 'r':
        sup.run_dir = optarg;
        return 0;

    case 'k':
        return sup_fd_set(&sup.lock_fd, "lock-fd", optarg);

    case 'l':
        return sup_fd_set(&sup.life_fd, "life-fd", optarg);

    case 't':
        return sup_fd_set(&sup.status_fd, "status-fd", optarg);

    case 'e':
        sup.external = 1;
        return 0;

    case 'o':
        sup.log_option = optarg;
        return 0;

    case 's':
        sup_supervise = 1;
        return 0;

    case 'd':
        sup_drain_first = 1;
        return 0;

    case 'p':
        sup_probed = optarg;
        return 0;

    case 'n':
        sup_probe_egress = 1;
        return 0;

    default:
        return -1;
    }
}


static int
sup_options(int argc, char **argv)
{
    int  c;

    while ((c = getopt_long(argc, argv, "", sup_long_options, NULL)) != -1) {
        if (sup_option(c) == -1) {
            return -1;
        }
    }

    return optind == argc && (sup.run_dir != NULL || sup_probed != NULL)
           ? 0 : -1;
}


/* The options another process of ours is started with. */

static void
sup_arguments(char *name)
{
    int          n;
    static char  lock[16], life[16];

    n = 0;
    sup_argv[n++] = name;
    sup_argv[n++] = "--run-dir";
    sup_argv[n++] = sup.run_dir;

    if (sup.lock_fd != -1) {
        (void) snprintf(lock, sizeof(lock), "%d", sup.lock_fd);
        sup_argv[n++] = "--lock-fd";
        sup_argv[n++] = lock;
    }

    if (sup.life_fd != -1) {
        (void) snprintf(life, sizeof(life), "%d", sup.life_fd);
        sup_argv[n++] = "--life-fd";
        sup_argv[n++] = life;
    }

    if (sup.external) {
        sup_argv[n++] = "--external";
    }

    if (sup.log_option != NULL) {
        sup_argv[n++] = "--log";
        sup_argv[n++] = sup.log_option;
    }

    sup_argv[n] = NULL;
}


/*
 * The path we were started from rather than /proc/self/exe: after a package
 * upgrade the next process is to run the new file.
 */

static void
sup_find_self(void)
{
    ssize_t      n;
    static char  path[PATH_MAX];

    sup.self = "/proc/self/exe";

    n = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (n <= 0) {
        return;
    }

    path[n] = '\0';

    if (access(path, X_OK) == 0) {
        sup.self = path;
    }
}


void
sup_inherit(int cloexec)
{
    int  flags;

    flags = cloexec ? FD_CLOEXEC : 0;

    if (sup.lock_fd != -1) {
        (void) fcntl(sup.lock_fd, F_SETFD, flags);
    }

    if (sup.life_fd != -1) {
        (void) fcntl(sup.life_fd, F_SETFD, flags);
    }
}


/*
 * The watchdog died.  Exec keeps our pid and our children: as the watchdog we
 * go on reaping them, and start a supervisor that adopts them.
 */

void
sup_become_watchdog(void)
{
    sigset_t  mask;

    sup_log(SUP_LOG_ALERT, 0, "watchdog died, process %d takes its place",
            (int) getpid());

    (void) sigemptyset(&mask);
    (void) sigprocmask(SIG_SETMASK, &mask, NULL);
    sup_find_self();
    sup_inherit(0);

    (void) execv(sup.self, sup_argv);
    sup_log(SUP_LOG_ALERT, errno, "cannot execute \"%s\"", sup.self);
    sup_inherit(1);
}


/* Started by systemd: nobody has taken the lock for us. */

static int
sup_take_lock(void)
{
    char  path[PATH_MAX];

    (void) snprintf(path, sizeof(path), "%s/%s", sup.run_dir,
                    FAAS_RUN_LAYOUT);

    if ((mkdir(sup.run_dir, 0755) == -1 && errno != EEXIST)
        || (mkdir(path, 0711) == -1 && errno != EEXIST))
    {
        (void) fprintf(stderr, "faas-supervisor: cannot create \"%s\": %s\n",
                       path, strerror(errno));
        return -1;
    }

    (void) snprintf(path, sizeof(path), "%s/%s", sup.run_dir, FAAS_RUN_LOCK);

    sup.lock_fd = open(path, O_RDWR|O_CREAT|O_CLOEXEC|O_NOFOLLOW, 0600);

    if (sup.lock_fd == -1) {
        (void) fprintf(stderr, "faas-supervisor: cannot open \"%s\": %s\n",
                       path, strerror(errno));
        return -1;
    }

    if (flock(sup.lock_fd, LOCK_EX|LOCK_NB) == -1) {
        (void) fprintf(stderr, "faas-supervisor: another supervisor is "
                       "running on \"%s\"\n", sup.run_dir);
        return -1;
    }

    return 0;
}


int
main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--unpack") == 0) {
        return sup_unpack(argc, argv);
    }

    if (argc > 1 && strcmp(argv[1], "--layers") == 0) {
        return sup_layers(argc, argv);
    }

    if (argc > 1 && strcmp(argv[1], "--image") == 0) {
        return sup_image(argc, argv);
    }

    sup.lock_fd = -1;
    sup.life_fd = -1;
    sup.status_fd = -1;

    if (sup_options(argc, argv) == -1) {
        return sup_usage();
    }

    /* a container may have left us even less: what fails will say so */

    if (sup_caps_supervisor() != SUP_OK) {
        (void) fprintf(stderr, "faas-supervisor: privileges that are not "
                       "needed cannot be given up: %s\n", strerror(errno));
    }

    if (sup_probed != NULL) {
        return sup_probe(sup_probed, sup_probe_egress);
    }

    sup_find_self();
    sup_log_open(sup.log_option);

    if (sup.lock_fd == -1 && !sup_supervise && sup_take_lock() == -1) {
        return SUP_EXIT_ERROR;
    }

    sup_arguments(argv[0]);
    sup_inherit(1);

    if (!sup_supervise) {
        return sup_watchdog(sup_argv);
    }

    if (sup.status_fd != -1) {
        (void) fcntl(sup.status_fd, F_SETFD, FD_CLOEXEC);
    }

    return sup_serve(sup_drain_first);
}
