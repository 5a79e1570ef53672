/*
 * The run directory: folders, owners and modes as faas_proto.h has them, the
 * doorbell, the board; made good again when somebody removed them under us.
 *
 * Runs in the supervisor.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sup.h"


#define SUP_BELL_BATCH  64
#define SUP_BELL_MANY   4


static struct event  *sup_bell_ev;


const char *
sup_run_path(const char *name)
{
    static char  path[PATH_MAX];

    (void) snprintf(path, sizeof(path), "%s/%s", sup.run_dir, name);

    return path;
}


static int
sup_run_folder(const char *name, mode_t mode, uid_t uid, gid_t gid)
{
    const char   *path;
    struct stat   st;

    path = sup_run_path(name);

    if (mkdir(path, mode) == -1 && errno != EEXIST) {
        sup_log(SUP_LOG_CRIT, errno, "cannot create folder \"%s\"", path);
        return SUP_ERROR;
    }

    if (lstat(path, &st) == -1 || !S_ISDIR(st.st_mode)) {
        sup_log(SUP_LOG_CRIT, errno, "\"%s\" is not a folder", path);
        return SUP_ERROR;
    }

    /* the umask may have taken bits away; another run, another worker uid */

    if ((st.st_mode & 07777) != mode && chmod(path, mode) == -1) {
        sup_log(SUP_LOG_CRIT, errno, "cannot set mode of \"%s\"", path);
        return SUP_ERROR;
    }

    if ((st.st_uid != uid || st.st_gid != gid)
        && chown(path, uid, gid) == -1 && geteuid() == 0)
    {
        sup_log(SUP_LOG_CRIT, errno, "cannot set owner of \"%s\"", path);
        return SUP_ERROR;
    }

    return SUP_OK;
}


static int
sup_run_dirfd(const char *name, int old)
{
    int  fd;

    fd = open(sup_run_path(name), O_RDONLY|O_DIRECTORY|O_CLOEXEC|O_NOFOLLOW);

    if (fd == -1) {
        sup_log(SUP_LOG_CRIT, errno, "cannot open folder \"%s\"",
                sup_run_path(name));
        return -1;
    }

    if (old != -1) {
        (void) close(old);
    }

    return fd;
}


int
sup_run_folders(void)
{
    uid_t        me;
    gid_t        group;
    struct stat  st;

    me = geteuid();
    group = me == 0 ? sup.worker_gid : getegid();

    if (sup_run_folder(FAAS_RUN_LAYOUT, 0711, me, getegid()) != SUP_OK
        || sup_run_folder(SUP_RUN_VERSIONS, 0700, me, getegid()) != SUP_OK
        || sup_run_folder(FAAS_RUN_ENV, 0710, me, group) != SUP_OK
        || sup_run_folder(FAAS_RUN_LOG, 0700, me, getegid()) != SUP_OK
        || sup_run_folder(FAAS_RUN_WORKERS, 0700,
                          me == 0 ? sup.worker_uid : me, group) != SUP_OK)
    {
        return SUP_ERROR;
    }

    sup.env_dir = sup_run_dirfd(FAAS_RUN_ENV, sup.env_dir);
    sup.log_dir = sup_run_dirfd(FAAS_RUN_LOG, sup.log_dir);

    if (sup.env_dir == -1 || sup.log_dir == -1
        || fstat(sup.env_dir, &st) == -1)
    {
        return SUP_ERROR;
    }

    sup.env_ino = st.st_ino;

    return SUP_OK;
}


static int
sup_run_address(struct sockaddr_un *sun, const char *name)
{
    const char  *path;

    path = sup_run_path(name);

    memset(sun, 0, sizeof(struct sockaddr_un));
    sun->sun_family = AF_UNIX;

    if (strlen(path) >= sizeof(sun->sun_path)) {
        sup_log(SUP_LOG_EMERG, 0, "socket path \"%s\" is too long", path);
        return SUP_ERROR;
    }

    (void) strcpy(sun->sun_path, path);

    return SUP_OK;
}


static void
sup_run_bell(evutil_socket_t fd, short what, void *data)
{
    int          n, i;
    ssize_t      len;
    faas_bell_t  bells[SUP_BELL_BATCH];

    (void) what;
    (void) data;

    n = 0;

    while (n < SUP_BELL_BATCH) {
        len = recv(fd, &bells[n], sizeof(faas_bell_t), MSG_DONTWAIT);

        if (len == -1) {
            break;
        }

        if (len == (ssize_t) sizeof(faas_bell_t)) {
            n++;
        }
    }

    for (i = 0; i < n; i++) {
        sup_bell(&bells[i]);
    }

    /* the queue of a datagram socket is short: some may have been lost */

    if (n >= SUP_BELL_MANY) {
        sup_look_over();
    }
}


/* Bound under a temporary name and renamed: there is never a moment without
   a doorbell while an older supervisor's one is replaced. */

int
sup_run_doorbell(void)
{
    int                 fd, size;
    char                path[PATH_MAX];
    struct stat         st;
    struct sockaddr_un  sun;

    fd = socket(AF_UNIX, SOCK_DGRAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);

    if (fd == -1
        || sup_run_address(&sun, FAAS_RUN_DOORBELL ".n") != SUP_OK)
    {
        sup_log(SUP_LOG_CRIT, errno, "cannot make the doorbell");
        goto failed;
    }

    (void) unlink(sun.sun_path);

    if (bind(fd, (struct sockaddr *) &sun, sizeof(sun)) == -1
        || chmod(sun.sun_path, 0660) == -1)
    {
        sup_log(SUP_LOG_CRIT, errno, "cannot bind \"%s\"", sun.sun_path);
        goto failed;
    }

    if (geteuid() == 0 && chown(sun.sun_path, 0, sup.worker_gid) == -1) {
        sup_log(SUP_LOG_CRIT, errno, "cannot set owner of \"%s\"",
                sun.sun_path);
        goto failed;
    }

    size = 65536;
    (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));

    (void) snprintf(path, sizeof(path), "%s",
                    sup_run_path(FAAS_RUN_DOORBELL));

    if (rename(sun.sun_path, path) == -1) {
        sup_log(SUP_LOG_CRIT, errno, "cannot rename \"%s\"", sun.sun_path);
        goto failed;
    }

    if (sup_bell_ev != NULL) {
        event_free(sup_bell_ev);
        (void) close(sup.doorbell);
    }

    sup.bell_ino = lstat(path, &st) == 0 ? st.st_ino : 0;
    sup.doorbell = fd;
    sup_bell_ev = sup_event(fd, EV_READ|EV_PERSIST, sup_run_bell, NULL);

    return sup_bell_ev != NULL ? SUP_OK : SUP_ERROR;

failed:

    if (fd != -1) {
        (void) close(fd);
    }

    return SUP_ERROR;
}


/* Wakes a worker; what it has to know is in the board. */

void
sup_ring(uint32_t worker)
{
    char                name[64];
    struct sockaddr_un  sun;

    if (worker >= sup.board.head->max_workers) {
        return;
    }

    (void) snprintf(name, sizeof(name), "%s/%u", FAAS_RUN_WORKERS, worker);

    if (sup_run_address(&sun, name) != SUP_OK) {
        return;
    }

    /* a full queue means that it is about to wake up anyway */

    (void) sendto(sup.bell_out, "", 1, MSG_DONTWAIT|MSG_NOSIGNAL,
                  (struct sockaddr *) &sun, sizeof(sun));
}


/*
 * Started by systemd we may be there before nginx: wait for its master to
 * make the board and the manifest.
 */

static int
sup_run_wait(void)
{
    int            fd;
    char           buf[4096];
    struct pollfd  pfd;

    fd = inotify_init1(IN_CLOEXEC|IN_NONBLOCK);

    if (fd == -1
        || inotify_add_watch(fd, sup_run_path(FAAS_RUN_LAYOUT),
                             IN_MOVED_TO|IN_CREATE|IN_CLOSE_WRITE) == -1)
    {
        sup_log(SUP_LOG_EMERG, errno, "cannot watch \"%s\"",
                sup_run_path(FAAS_RUN_LAYOUT));

        if (fd != -1) {
            (void) close(fd);
        }

        return SUP_ERROR;
    }

    while (access(sup_run_path(FAAS_RUN_BOARD), F_OK) == -1
           || access(sup_run_path(FAAS_RUN_MANIFEST), F_OK) == -1)
    {
        pfd.fd = fd;
        pfd.events = POLLIN;

        if (poll(&pfd, 1, -1) == 1 && read(fd, buf, sizeof(buf)) == -1) {
            break;
        }
    }

    (void) close(fd);

    return SUP_OK;
}


int
sup_run_board(void)
{
    int          rc;
    struct stat  st;

    if (sup.external && sup_run_wait() != SUP_OK) {
        return SUP_ERROR;
    }

    rc = faas_board_open(sup_run_path(FAAS_RUN_BOARD), &sup.board);

    if (rc != 0) {
        sup_log(SUP_LOG_EMERG, rc == -1 ? errno : 0, "cannot use scoreboard "
                "\"%s\"%s", sup_run_path(FAAS_RUN_BOARD),
                rc == -2 ? ": not one of this version" : "");
        return SUP_ERROR;
    }

    if (stat(sup_run_path(FAAS_RUN_BOARD), &st) == 0) {
        sup.board_ino = st.st_ino;
    }

    return SUP_OK;
}


/*
 * Is the run directory still ours?  The lock file may have been removed with
 * it: take the new one, so that no second supervisor starts beside us, and
 * give it to the watchdog, which holds it while there is no supervisor.
 *
 * When another one has it, nothing that is found by its path is ours any
 * more, neither below the run directory nor the cgroups, which have their
 * names from it.
 */

int
sup_run_ours(void)
{
    int          fd;
    struct stat  ours, theirs;

    if (sup.expelled) {
        return 0;
    }

    fd = open(sup_run_path(FAAS_RUN_LOCK), O_RDWR|O_CREAT|O_CLOEXEC, 0600);

    if (fd == -1) {
        return 1;                        /* the folder is gone: later */
    }

    if (sup.lock_fd == -1 || fstat(sup.lock_fd, &ours) == -1
        || fstat(fd, &theirs) == -1
        || (ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev))
    {
        (void) close(fd);
        return 1;
    }

    if (flock(fd, LOCK_EX|LOCK_NB) == -1) {
        sup_log(SUP_LOG_ALERT, 0, "another supervisor serves \"%s\" now",
                sup.run_dir);
        (void) close(fd);
        sup.expelled = 1;
        return 0;
    }

    if (sup_watchdog_lock(fd) != SUP_OK) {
        sup_log(SUP_LOG_ALERT, errno, "the new lock file cannot be given to "
                "the watchdog");
    }

    (void) dup3(fd, sup.lock_fd, O_CLOEXEC);
    (void) close(fd);

    return 1;
}


/* Once a second: is everything still where the workers look for it? */

void
sup_run_check(void)
{
    struct stat  st;

    if (!sup_run_ours()) {
        sup_drain(SUP_EXIT_OK);
        return;
    }

    if (stat(sup_run_path(FAAS_RUN_ENV), &st) == 0
        && st.st_ino == sup.env_ino
        && stat(sup_run_path(FAAS_RUN_DOORBELL), &st) == 0)
    {
        if (stat(sup_run_path(FAAS_RUN_BOARD), &st) == 0
            && st.st_ino != sup.board_ino)
        {
            sup_log(SUP_LOG_NOTICE, 0, "nginx made a new scoreboard, "
                    "starting over");
            sup_drain(SUP_EXIT_RESTART);
        }

        return;
    }

    sup_log(SUP_LOG_ALERT, 0, "\"%s\" was removed, making it again; "
            "environments are replaced",
            sup_run_path(FAAS_RUN_LAYOUT));

    if (mkdir(sup.run_dir, 0755) == -1 && errno != EEXIST) {
        sup_log(SUP_LOG_CRIT, errno, "cannot create \"%s\"", sup.run_dir);
        return;
    }

    if (sup_run_folders() != SUP_OK || sup_run_doorbell() != SUP_OK) {
        return;
    }

    sup_saved_write_all();
    sup_pool_lost_sockets();
}


static void
sup_run_empty(int at, const char *name)
{
    int             fd;
    DIR            *dir;
    struct dirent  *de;

    fd = openat(at, name, O_RDONLY|O_DIRECTORY|O_CLOEXEC|O_NOFOLLOW);

    if (fd == -1) {
        return;
    }

    dir = fdopendir(fd);

    if (dir == NULL) {
        (void) close(fd);
        return;
    }

    while ((de = readdir(dir)) != NULL) {
        if (de->d_name[0] != '.') {
            (void) unlinkat(fd, de->d_name, 0);
        }
    }

    (void) closedir(dir);
}


/* Sockets and FIFOs of slots that nobody has any more. */

void
sup_run_sweep(void)
{
    sup_run_empty(sup.env_dir, ".");
    sup_run_empty(sup.log_dir, ".");
}


/* Somebody has put another one there; none at all is as good as ours. */

static int
sup_run_foreign(const char *name, ino_t ino)
{
    struct stat  st;

    return lstat(sup_run_path(name), &st) == 0 && st.st_ino != ino;
}


/*
 * The end.  The board goes only when nobody is left who has it mapped and its
 * totals are safe in the ledger; and nothing goes that another supervisor has
 * put into the place of what was ours.
 */

void
sup_run_remove(int all)
{
    if (!sup_run_ours()) {
        return;
    }

    sup_run_sweep();

    if (!sup_run_foreign(FAAS_RUN_DOORBELL, sup.bell_ino)) {
        (void) unlink(sup_run_path(FAAS_RUN_DOORBELL));
    }

    if (!all || sup_run_foreign(FAAS_RUN_BOARD, sup.board_ino)) {
        return;
    }

    sup_run_empty(AT_FDCWD, sup_run_path(FAAS_RUN_WORKERS));
    (void) rmdir(sup_run_path(FAAS_RUN_WORKERS));
    (void) rmdir(sup_run_path(FAAS_RUN_ENV));
    (void) rmdir(sup_run_path(FAAS_RUN_LOG));
    sup_run_empty(AT_FDCWD, sup_run_path(SUP_RUN_VERSIONS));
    (void) rmdir(sup_run_path(SUP_RUN_VERSIONS));
    (void) unlink(sup_run_path(FAAS_RUN_MANIFEST));
    (void) unlink(sup_run_path(FAAS_RUN_BOARD));
}
