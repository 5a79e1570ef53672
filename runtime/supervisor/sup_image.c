/*
 * Unpacks a container image into a folder of the store: "rootfs" and
 * "config.json".  Its children, which have no privileges, read it: one says
 * what it is, another one writes it; what they made becomes root's here.
 *
 * A process of its own, as the unpacker is; it may block.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sup_image.h"


#define SUP_IMAGE_SOURCE  4              /* descriptors of the children */
#define SUP_IMAGE_OUT     5

#define SUP_IMAGE_LINKED  32768          /* files with several names */


typedef struct {
    int      source;                     /* the folder or the archive */
    int      folder;
    uid_t    uid;
    char     id[SUP_DIGEST_LEN + 1];
    char    *settings;
} sup_image_job_t;


/* --- the children --- */


static void
sup_image_enter(const sup_image_job_t *job, int out, int dir, pid_t parent)
{
    int  null, source;

    (void) prctl(PR_SET_NAME, "faas-extract", 0, 0, 0);
    (void) setlocale(LC_CTYPE, "C.UTF-8");

    null = open("/dev/null", O_RDWR);
    source = fcntl(job->source, F_DUPFD, 10);
    out = out == -1 ? null : out;
    out = fcntl(out, F_DUPFD, 10);

    if (null == -1 || source == -1 || out == -1
        || (dir != -1 && fchdir(dir) == -1) || dup2(null, 0) == -1
        || dup2(null, 1) == -1 || dup2(null, 2) == -1
        || dup2(source, SUP_IMAGE_SOURCE) == -1
        || dup2(out, SUP_IMAGE_OUT) == -1)
    {
        (void) sup_zip_say("cannot be unpacked: no descriptors", NULL);
        _exit(1);
    }

    (void) close_range(SUP_IMAGE_OUT + 1, ~0U, 0);

    if (sup_drop(job->uid, parent, SUP_IMAGE_UNPACKED, SUP_IMAGE_CPU) == -1) {
        (void) sup_zip_say("cannot be unpacked without privileges:",
                           strerror(errno));
        _exit(1);
    }
}


/* Never returns.  DIR -1: says what it is; else writes it there. */

static void
sup_image_child(const sup_image_job_t *job, int out, int dir, pid_t parent)
{
    int                 root;
    char               *text;
    size_t              len;
    sup_image_parts_t   parts;

    static sup_image_t  img;

    sup_image_enter(job, out, dir, parent);

    img.fd = SUP_IMAGE_SOURCE;
    img.folder = job->folder;

    if (sup_image_find(&img, &parts) == -1) {
        _exit(1);
    }

    if (dir == -1) {
        text = sup_image_settings(&parts);
        len = text != NULL ? strlen(text) : 0;

        _exit(text != NULL
              && write(SUP_IMAGE_OUT, parts.id, SUP_DIGEST_LEN)
                 == SUP_DIGEST_LEN
              && write(SUP_IMAGE_OUT, text, len) == (ssize_t) len ? 0 : 1);
    }

    if (strcmp(parts.id, job->id) != 0) {
        (void) sup_zip_say("has changed while it was unpacked", NULL);
        _exit(1);
    }

    root = open(".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    _exit(root != -1 && sup_image_layers(&img, &parts, root) == 0 ? 0 : 1);
}


static int
sup_image_wait(pid_t pid)
{
    int   status;
    char  text[64];

    while (waitpid(pid, &status, 0) == -1 && errno == EINTR) {
        /* void */
    }

    if (WIFSIGNALED(status)) {
        (void) snprintf(text, sizeof(text), "cannot be unpacked: its "
                        "unpacker was killed by signal %d", WTERMSIG(status));
        return sup_zip_say(text, NULL);
    }

    return WEXITSTATUS(status) == 0 ? 0 : -1;
}


/* ID and settings, as a child has read them. */

static int
sup_image_look(sup_image_job_t *job)
{
    int      fds[2];
    pid_t    pid, parent;
    size_t   len;
    ssize_t  n;

    static char  buf[SUP_DIGEST_LEN + SUP_IMAGE_CONFIG + 1];

    parent = getpid();

    if (pipe2(fds, O_CLOEXEC) == -1 || (pid = fork()) == -1) {
        return sup_zip_say("cannot be unpacked:", strerror(errno));
    }

    if (pid == 0) {
        sup_image_child(job, fds[1], -1, parent);
    }

    (void) close(fds[1]);
    len = 0;

    while (len < sizeof(buf) - 1
           && (n = read(fds[0], buf + len, sizeof(buf) - 1 - len)) > 0)
    {
        len += (size_t) n;
    }

    (void) close(fds[0]);

    if (sup_image_wait(pid) == -1) {
        return -1;
    }

    if (len <= SUP_DIGEST_LEN
        || strspn(buf, "0123456789abcdef") < SUP_DIGEST_LEN)
    {
        return sup_zip_say("cannot be unpacked", NULL);
    }

    (void) memcpy(job->id, buf, SUP_DIGEST_LEN);
    job->settings = buf + SUP_DIGEST_LEN;

    return 0;
}


/* --- what was written becomes ours --- */


/*
 * With a file there may be several names for it; one that is root's already
 * has been made so a moment ago, or is not of this tree at all.
 */

static struct {
    ino_t   *inodes;
    size_t   n;
} sup_sealed;


static int
sup_image_sealed(ino_t inode, int add)
{
    size_t   i;
    ino_t   *more;

    for (i = 0; i < sup_sealed.n; i++) {
        if (sup_sealed.inodes[i] == inode) {
            return 1;
        }
    }

    if (!add || sup_sealed.n == SUP_IMAGE_LINKED) {
        return 0;
    }

    if ((sup_sealed.n & 1023) == 0) {
        more = realloc(sup_sealed.inodes,
                       (sup_sealed.n + 1024) * sizeof(ino_t));

        if (more == NULL) {
            return 0;
        }

        sup_sealed.inodes = more;
    }

    sup_sealed.inodes[sup_sealed.n++] = inode;

    return 1;
}


static int
sup_image_own(int at, const char *name, const struct stat *st, uid_t uid)
{
    if (uid == 0 || (st->st_nlink > 1 && S_ISREG(st->st_mode)
                     && st->st_uid == 0
                     && sup_image_sealed(st->st_ino, 0)))
    {
        return 0;
    }

    if (st->st_uid != uid) {
        errno = EPERM;
        return -1;
    }

    if (st->st_nlink > 1 && S_ISREG(st->st_mode)
        && !sup_image_sealed(st->st_ino, 1))
    {
        errno = ENOMEM;
        return -1;
    }

    return fchownat(at, name, 0, 0, AT_SYMLINK_NOFOLLOW);
}


/* Takes over FD. */

static int
sup_image_seal(int fd, uid_t uid, int depth)
{
    int             rc, sub;
    DIR            *dir;
    struct stat     st;
    struct dirent  *de;

    dir = depth <= SUP_ZIP_DEPTH * 2 ? fdopendir(fd) : NULL;

    if (dir == NULL) {
        return sup_zip_say("refused: too deep", NULL);
    }

    rc = 0;

    while (rc == 0 && (de = readdir(dir)) != NULL) {

        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0) {
            continue;
        }

        if (fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1
            || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)
                && !S_ISLNK(st.st_mode))
            || sup_image_own(fd, de->d_name, &st, uid) == -1
            || (!S_ISLNK(st.st_mode)
                && fchmodat(fd, de->d_name, st.st_mode & 0755, 0) == -1))
        {
            rc = sup_zip_say("refused: it is not a file of its:", de->d_name);
            break;
        }

        if (S_ISDIR(st.st_mode)) {
            sub = openat(fd, de->d_name,
                         O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
            rc = sub == -1 ? sup_zip_say(strerror(errno), de->d_name)
                           : sup_image_seal(sub, uid, depth + 1);
        }
    }

    (void) closedir(dir);

    return rc;
}


static int
sup_image_root(const sup_image_job_t *job, int root)
{
    int     fd;
    pid_t   pid, parent;
    uid_t   uid;

    uid = job->uid;
    parent = getpid();

    if (sup_zip_own(root, &uid) == -1 || (pid = fork()) == -1) {
        return sup_zip_say("cannot be unpacked:", strerror(errno));
    }

    if (pid == 0) {
        sup_image_child(job, -1, root, parent);
    }

    if (sup_image_wait(pid) == -1) {
        return -1;
    }

    /* the top first, so that nobody who is left gets in again */

    fd = dup(root);

    if (fd == -1 || (uid != 0 && fchown(root, 0, 0) == -1)
        || fchmod(root, 0700) == -1)
    {
        return sup_zip_say(strerror(errno), NULL);
    }

    if (sup_image_seal(fd, uid, 0) == -1) {
        return -1;
    }

    return fchmod(root, 0755) == 0 ? 0 : sup_zip_say(strerror(errno), NULL);
}


static int
sup_image_fill(const sup_image_job_t *job, int dir)
{
    int     root, fd, rc;
    size_t  len;

    root = mkdirat(dir, "rootfs", 0700) == 0
           ? openat(dir, "rootfs", O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC)
           : -1;

    if (root == -1) {
        return sup_zip_say("cannot be unpacked:", strerror(errno));
    }

    if (sup_image_root(job, root) == -1) {
        return -1;
    }

    len = strlen(job->settings);
    fd = openat(dir, "config.json", O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0644);

    rc = fd != -1 && write(fd, job->settings, len) == (ssize_t) len
         && close(fd) == 0 && fchmod(dir, 0755) == 0 && syncfs(dir) == 0
         ? 0 : -1;

    return rc == 0 ? 0 : sup_zip_say("cannot be written:", strerror(errno));
}


static int
sup_image_make(const sup_image_job_t *job, int store)
{
    int   dir, rc;
    char  temp[64];

    (void) umask(022);
    (void) snprintf(temp, sizeof(temp), SUP_ZIP_TEMP "%d", (int) getpid());

    /* its inside is of another user, who has to get there */

    if (mkdirat(store, temp, 0711) == -1) {
        return sup_zip_say("cannot be unpacked:", strerror(errno));
    }

    dir = openat(store, temp, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    rc = dir == -1 ? sup_zip_say("cannot be unpacked:", strerror(errno))
                   : sup_image_fill(job, dir);

    return sup_store_publish(store, temp, job->id, rc);
}


static int
sup_image_open(const char *path, sup_image_job_t *job, sup_zip_id_t *id)
{
    int          fd;
    struct stat  st;

    fd = open(path, O_RDONLY|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

    if (fd == -1 || fstat(fd, &st) == -1) {
        return sup_zip_say("cannot be opened:", strerror(errno));
    }

    job->source = fd;
    job->folder = S_ISDIR(st.st_mode);

    /* of a folder its index is what counts: all else is called by digest */

    if ((job->folder && fstatat(fd, "index.json", &st, 0) == -1)
        || !S_ISREG(st.st_mode))
    {
        return sup_zip_say("is neither an archive nor a folder with "
                           "index.json", NULL);
    }

    sup_zip_stat(&st, id);

    return 0;
}


/* faas-supervisor --image UID PATH STORE */

int
sup_image(int argc, char **argv)
{
    int              rc, store;
    sup_zip_id_t     id;
    sup_image_job_t  job;

    if (argc < 5) {
        return SUP_EXIT_ERROR;
    }

    (void) prctl(PR_SET_NAME, "faas-unpack", 0, 0, 0);

    memset(&job, 0, sizeof(job));
    job.uid = geteuid() == 0 ? (uid_t) strtoul(argv[2], NULL, 10) : 0;

    if (sup_image_open(argv[3], &job, &id) == -1
        || sup_image_look(&job) == -1)
    {
        return SUP_EXIT_ERROR;
    }

    (void) memcpy(id.sha, job.id, SUP_DIGEST_LEN);
    rc = sup_store_begin(argv[4], &id, &store);

    if (rc != SUP_OK) {
        return rc == SUP_AGAIN ? SUP_EXIT_OK : SUP_EXIT_ERROR;
    }

    return sup_image_make(&job, store) == 0 ? SUP_EXIT_OK : SUP_EXIT_ERROR;
}
