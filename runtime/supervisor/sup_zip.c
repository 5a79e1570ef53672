/*
 * Zips: unpacked once into state_dir/code/<sha256>, by processes of their own
 * (sup_unpack.c), a few at a time.  Here is who waits for what, and what was
 * learnt: hashing and unpacking never happen in the event loop.
 *
 * Runs in the supervisor.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sup_zip.h"


#define SUP_UNPACKERS     4
#define SUP_ZIP_KNOWN     1024
#define SUP_REMOVE_TRIES  100


/* the digests of zips that have not changed since */

static struct {
    char          *path;
    sup_zip_id_t   id;
} sup_zip_known[SUP_ZIP_KNOWN];

static unsigned        sup_zip_known_at;

/* each has a user of its own, below those of the environments */

static sup_version_t  *sup_unpacking[SUP_UNPACKERS];

static int             sup_sweep_wanted;
static unsigned        sup_n_gone;


static void sup_zip_next(void);
static void sup_zip_sweep_now(void);


static void
sup_zip_remember(const char *path, const sup_zip_id_t *id)
{
    char      *copy;
    unsigned   i;

    for (i = 0; i < SUP_ZIP_KNOWN; i++) {
        if (sup_zip_known[i].path != NULL
            && strcmp(sup_zip_known[i].path, path) == 0)
        {
            sup_zip_known[i].id = *id;
            return;
        }
    }

    copy = strdup(path);

    if (copy == NULL) {
        return;
    }

    i = sup_zip_known_at++ % SUP_ZIP_KNOWN;
    free(sup_zip_known[i].path);
    sup_zip_known[i].path = copy;
    sup_zip_known[i].id = *id;
}


/*
 * Sets v->sha when the zip is one whose digest is known.  One that was changed
 * just before it was read may change again without a trace: not known.
 */

int
sup_zip_lookup(sup_version_t *v, const struct stat *st)
{
    unsigned             i;
    const sup_zip_id_t  *id;

    for (i = 0; i < SUP_ZIP_KNOWN; i++) {
        id = &sup_zip_known[i].id;

        if (sup_zip_known[i].path == NULL || !id->stable
            || strcmp(sup_zip_known[i].path, v->code) != 0)
        {
            continue;
        }

        if (id->dev != st->st_dev || id->ino != st->st_ino
            || id->size != (uint64_t) st->st_size
            || id->mtime != (uint64_t) st->st_mtim.tv_sec * 1000000000ULL
                            + st->st_mtim.tv_nsec
            || id->ctime != (uint64_t) st->st_ctim.tv_sec * 1000000000ULL
                            + st->st_ctim.tv_nsec)
        {
            return SUP_AGAIN;
        }

        (void) memcpy(v->sha, id->sha, sizeof(v->sha));

        return SUP_OK;
    }

    return SUP_AGAIN;
}


static const char *
sup_zip_folder(void)
{
    static char  path[PATH_MAX];

    (void) snprintf(path, sizeof(path), "%.3900s/code", sup.state_dir);

    return path;
}


/* --- removal, by a child: it may take its time --- */


static void
sup_zip_removed(pid_t pid, int status, void *data)
{
    (void) pid;
    (void) status;
    (void) data;
}


/* All of those that are to be removed, or the one with this name. */

static int
sup_zip_named(const char *name, const char *which)
{
    return strcmp(which, SUP_ZIP_GONE) == 0
           ? strncmp(name, which, strlen(which)) == 0
           : strcmp(name, which) == 0;
}


/*
 * An extractor may be about to die; as long as it does not, a folder of its
 * may not be empty.
 */

static void
sup_zip_remove(const char *which)
{
    int             tries, found;
    DIR            *dir;
    struct dirent  *de;

    for (tries = 0; tries < SUP_REMOVE_TRIES; tries++) {
        found = 0;
        dir = opendir(sup_zip_folder());

        while (dir != NULL && (de = readdir(dir)) != NULL) {
            if (sup_zip_named(de->d_name, which)) {
                found = 1;
                sup_tree_remove(dirfd(dir), de->d_name);
            }
        }

        if (dir != NULL) {
            (void) closedir(dir);
        }

        if (!found) {
            return;
        }

        (void) usleep(tries ? 10000 : 0);
    }
}


static void
sup_zip_remove_later(const char *which)
{
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        sup_child_init();
        sup_zip_remove(which);
        _exit(0);
    }

    if (pid > 0) {
        (void) sup_child_add(pid, sup_zip_removed, NULL);
    }
}


/* --- unpackers --- */


static void
sup_zip_failed(sup_version_t *v, const char *text)
{
    char  shown[FAAS_ERROR_MAX];

    (void) sup_escape(shown, sizeof(shown), text, strlen(text));
    v->code_state = SUP_CODE_FAILED;
    (void) snprintf(v->code_error, sizeof(v->code_error),
                    "code \"%.100s\" %.380s", v->code, shown);
}


/* v->root of the digest; 1 if it has been unpacked. */

static int
sup_zip_have(sup_version_t *v)
{
    char  path[PATH_MAX];

    (void) snprintf(path, sizeof(path), "%s/%s", sup_zip_folder(), v->sha);

    free(v->root);
    v->root = strdup(path);

    return v->root != NULL && access(v->root, F_OK) == 0;
}


static void
sup_zip_result(sup_version_t *v, int status)
{
    char           buf[sizeof(sup_zip_id_t) + 512], *text;
    ssize_t        n;
    sup_zip_id_t   id;

    n = read(v->unpacker_fd, buf, sizeof(buf) - 1);
    (void) close(v->unpacker_fd);

    n = n > 0 ? n : 0;
    buf[n] = '\0';
    text = buf;

    if (n >= (ssize_t) sizeof(id)) {
        memcpy(&id, buf, sizeof(id));
        id.sha[SUP_DIGEST_LEN] = '\0';

        if (strspn(id.sha, "0123456789abcdef") == SUP_DIGEST_LEN) {
            text = buf + sizeof(id);
            (void) memcpy(v->sha, id.sha, sizeof(v->sha));
            sup_zip_remember(v->code, &id);
            sup_version_digest(v, v->sha);
        }
    }

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && text != buf
        && sup_zip_have(v))
    {
        v->code_state = SUP_CODE_READY;

    } else if (text[0] != '\0') {
        sup_zip_failed(v, text);

    } else {
        sup_zip_failed(v, WIFSIGNALED(status)
                          ? "could not be unpacked: its unpacker was killed"
                          : "could not be unpacked");
    }
}


/* Who waits for it, if anybody still does. */

static void
sup_zip_decided(sup_version_t *v)
{
    sup_fn_t  *fn;

    fn = v->fn;

    if (fn->pending == v) {
        fn->pending = NULL;

        if (sup.stage == SUP_RUNNING) {
            sup_conf_decided(fn, v);
            sup_classes_count();

        } else {
            sup_version_release(v);
        }

        return;
    }

    if (fn->live != v && fn->next != v) {
        sup_version_release(v);
        return;
    }

    if (fn->live == v && v->code_state == SUP_CODE_READY) {
        sup_saved_write(fn, v, NULL);
    }

    sup_pool_ended(fn);
}


static void
sup_zip_done(pid_t pid, int status, void *data)
{
    int             i;
    char            temp[64];
    sup_version_t  *v = data;

    for (i = 0; i < SUP_UNPACKERS; i++) {
        if (sup_unpacking[i] == v) {
            sup_unpacking[i] = NULL;
        }
    }

    v->unpacker = 0;
    sup_zip_result(v, status);

    if (WIFSIGNALED(status)) {
        (void) snprintf(temp, sizeof(temp), SUP_ZIP_TEMP "%d", (int) pid);
        sup_zip_remove_later(temp);
    }

    sup_zip_decided(v);
    sup_zip_next();
    sup_zip_sweep_now();
}


static void
sup_zip_exec(sup_version_t *v, int slot, int report)
{
    char   uid[16];
    char  *argv[] = {
        "faas-supervisor", "--unpack", uid, (char *) v->code,
        (char *) sup_zip_folder(), NULL
    };

    sup_child_init();
    (void) snprintf(uid, sizeof(uid), "%u",
                    SUP_UID_BASE - 1 - (unsigned) slot);

    report = fcntl(report, F_DUPFD, SUP_ZIP_REPORT + 1);

    if (report == -1 || dup2(report, SUP_ZIP_REPORT) == -1) {
        _exit(SUP_EXIT_ERROR);
    }

    (void) close_range(SUP_ZIP_REPORT + 1, ~0U, 0);
    (void) execv("/proc/self/exe", argv);
    _exit(SUP_EXIT_ERROR);
}


static int
sup_zip_start(sup_version_t *v, int slot)
{
    int  fds[2];

    if ((mkdir(sup.state_dir, 0755) == -1 && errno != EEXIST)
        || (mkdir(sup_zip_folder(), 0711) == -1 && errno != EEXIST)
        || pipe2(fds, O_CLOEXEC|O_NONBLOCK) == -1)
    {
        return SUP_ERROR;
    }

    v->unpacker = fork();

    if (v->unpacker == 0) {
        sup_zip_exec(v, slot, fds[1]);
    }

    v->unpacker_fd = fds[0];
    (void) close(fds[1]);

    if (v->unpacker == -1
        || sup_child_add(v->unpacker, sup_zip_done, v) != SUP_OK)
    {
        if (v->unpacker > 0) {
            (void) kill(v->unpacker, SIGKILL);
        }

        v->unpacker = 0;
        (void) close(fds[0]);

        return SUP_ERROR;
    }

    sup_unpacking[slot] = v;

    return SUP_OK;
}


/*
 * The one that has waited longest.  Of a zip that is being unpacked for
 * another function just now the result will do.
 */

static sup_version_t *
sup_zip_first(void)
{
    int             i;
    sup_version_t  *v, *first;

    first = NULL;

    for (v = sup.versions; v != NULL; v = v->next) {

        if (!v->queued) {
            continue;
        }

        for (i = 0; i < SUP_UNPACKERS; i++) {
            if (sup_unpacking[i] != NULL
                && strcmp(sup_unpacking[i]->code, v->code) == 0)
            {
                break;
            }
        }

        if (i == SUP_UNPACKERS) {
            first = v;
        }
    }

    return first;
}


static void
sup_zip_next(void)
{
    int             i, err;
    char            text[256];
    sup_version_t  *v;

    for (i = 0; i < SUP_UNPACKERS && sup.stage == SUP_RUNNING; i++) {

        if (sup_unpacking[i] != NULL) {
            continue;
        }

        v = sup_zip_first();

        if (v == NULL) {
            return;
        }

        v->queued = 0;

        if (sup_zip_start(v, i) != SUP_OK) {
            err = errno;
            (void) snprintf(text, sizeof(text), "cannot be unpacked into "
                            "\"%.100s\": %s", sup_zip_folder(),
                            strerror(err));
            sup_zip_failed(v, text);
            sup_zip_decided(v);
        }
    }
}


/* READY at once, or when its turn has come and it has been unpacked. */

void
sup_zip_prepare(sup_version_t *v)
{
    if (v->queued || v->unpacker > 0) {
        return;
    }

    if (v->sha[0] != '\0' && sup_zip_have(v)) {
        v->code_state = SUP_CODE_READY;
        return;
    }

    v->code_state = SUP_CODE_BUSY;
    v->queued = 1;
    sup_zip_next();
}


/* --- what nobody has any more --- */


static int
sup_zip_wanted(const char *name)
{
    const char     *slash;
    sup_version_t  *v;

    for (v = sup.versions; v != NULL; v = v->next) {
        slash = v->root != NULL ? strrchr(v->root, '/') : NULL;

        if (slash != NULL && strcmp(slash + 1, name) == 0) {
            return 1;
        }
    }

    return 0;
}


/*
 * At start, when no zip waits for its digest any more: what no function has,
 * and what interrupted unpackers have left.  Renamed at once, so that it is
 * there for nobody whose digest comes later, and then removed.
 */

static void
sup_zip_sweep_now(void)
{
    DIR            *dir;
    char            name[64];
    sup_version_t  *v;
    struct dirent  *de;

    for (v = sup.versions; v != NULL; v = v->next) {
        if (v->queued || v->unpacker > 0) {
            return;
        }
    }

    if (!sup_sweep_wanted || sup.stage != SUP_RUNNING
        || (dir = opendir(sup_zip_folder())) == NULL)
    {
        return;
    }

    sup_sweep_wanted = 0;

    while ((de = readdir(dir)) != NULL) {

        if ((strncmp(de->d_name, SUP_ZIP_TEMP, strlen(SUP_ZIP_TEMP)) != 0
             && strspn(de->d_name, "0123456789abcdef") < SUP_DIGEST_LEN)
            || sup_zip_wanted(de->d_name))
        {
            continue;
        }

        (void) snprintf(name, sizeof(name), SUP_ZIP_GONE "%d.%u",
                        (int) getpid(), sup_n_gone++);
        (void) renameat(dirfd(dir), de->d_name, dirfd(dir), name);
    }

    (void) closedir(dir);
    sup_zip_remove_later(SUP_ZIP_GONE);
}


void
sup_zip_sweep(void)
{
    sup_sweep_wanted = 1;
    sup_zip_sweep_now();
}


/* The end of the supervisor does not wait for what nobody will use. */

void
sup_zip_end(void)
{
    int             status;
    char            temp[64];
    sup_version_t  *v;

    for (v = sup.versions; v != NULL; v = v->next) {

        if (v->unpacker <= 0) {
            continue;
        }

        (void) kill(v->unpacker, SIGKILL);

        while (waitpid(v->unpacker, &status, 0) == -1 && errno == EINTR) {
            /* void */
        }

        (void) snprintf(temp, sizeof(temp), SUP_ZIP_TEMP "%d",
                        (int) v->unpacker);
        sup_zip_remove(temp);
        v->unpacker = 0;
    }
}
