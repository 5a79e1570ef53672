/*
 * What has to be done before a version can be started and takes its time: to
 * read and unpack its archives, to merge its layers.  Done by processes of
 * their own (sup_unpack.c, sup_layers.c), a few at a time, one for a version;
 * here is who waits for what, and what was learnt.
 *
 * Runs in the supervisor.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sup_zip.h"


#define SUP_UNPACKERS     4

/* what is next for a version: a part of it to unpack, or one of these */
#define SUP_TASK_NONE     -1
#define SUP_TASK_LAYERS   -2


/* each has a user of its own, below those of the environments */

static sup_version_t  *sup_unpacking[SUP_UNPACKERS];


static void sup_zip_next(void);


static char **
sup_part_root(sup_version_t *v, int n)
{
    return n == 0 ? &v->root : &v->parts[n].root;
}


/* In this order: a digest of all layers needs that of each. */

static int
sup_zip_task(sup_version_t *v)
{
    int          i;
    sup_part_t  *part;

    for (i = 0; i < (int) v->n_parts; i++) {
        part = &v->parts[i];

        if (!part->folder
            && (part->id[0] == '\0'
                || !sup_store_have(sup_part_root(v, i), part->id)))
        {
            return i;
        }
    }

    if (v->n_parts < 2 || v->opt != NULL) {
        return SUP_TASK_NONE;
    }

    sup_layers_id(v);

    return SUP_TASK_LAYERS;
}


static void
sup_zip_failed(sup_version_t *v, int task, const char *text)
{
    char  shown[FAAS_ERROR_MAX];

    (void) sup_escape(shown, sizeof(shown), text, strlen(text));
    v->code_state = SUP_CODE_FAILED;
    v->tried = 1;

    if (task == SUP_TASK_LAYERS) {
        (void) snprintf(v->code_error, sizeof(v->code_error),
                        "layers %.480s", shown);

    } else {
        (void) snprintf(v->code_error, sizeof(v->code_error),
                        "%s \"%.100s\" %.380s",
                        task > 0 ? "layer" : v->image ? "image" : "code",
                        v->parts[task].path, shown);
    }
}


/* What the process has reported, and whether it has done its work. */

static void
sup_zip_result(sup_version_t *v, int status)
{
    int            done;
    char           buf[sizeof(sup_zip_id_t) + 512], *text;
    ssize_t        n;
    sup_part_t    *part;
    sup_zip_id_t   id;

    n = read(v->unpacker_fd, buf, sizeof(buf) - 1);
    (void) close(v->unpacker_fd);

    n = n > 0 ? n : 0;
    buf[n] = '\0';
    text = buf;
    done = WIFEXITED(status) && WEXITSTATUS(status) == 0;

    if (v->task == SUP_TASK_LAYERS) {
        done = done && sup_layers_made(v);

    } else {
        part = &v->parts[v->task];

        if (n >= (ssize_t) sizeof(id)) {
            memcpy(&id, buf, sizeof(id));
            id.sha[SUP_DIGEST_LEN] = '\0';

            if (strspn(id.sha, "0123456789abcdef") == SUP_DIGEST_LEN) {
                text = buf + sizeof(id);
                (void) memcpy(part->id, id.sha, sizeof(part->id));

                if (v->task > 0 || v->text == NULL) {
                    sup_known_remember(part->path, &id);
                }

                sup_version_digest(v);
            }
        }

        done = done && text != buf
               && sup_store_have(sup_part_root(v, v->task), part->id);
    }

    if (!done) {
        sup_zip_failed(v, v->task, text[0] != '\0' ? text
                       : WIFSIGNALED(status)
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


/* Nobody waits for it any more. */

static int
sup_zip_unused(const sup_version_t *v)
{
    return v->fn->pending != v && v->fn->live != v && v->fn->next != v;
}


/* Nothing more is to be done if it is what serves already. */

static int
sup_zip_same(sup_version_t *v)
{
    return v->fn->pending == v && v->fn->live != NULL
           && strcmp(v->fn->live->digest, v->digest) == 0;
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
        sup_store_remove_later(temp);
    }

    if (v->code_state == SUP_CODE_BUSY) {
        v->task = sup_zip_task(v);

        if (v->task == SUP_TASK_NONE) {
            v->code_state = SUP_CODE_READY;

        } else if (!sup_zip_unused(v)
                   && !(v->task == SUP_TASK_LAYERS && sup_zip_same(v)))
        {
            v->queued = 1;
        }
    }

    if (!v->queued) {
        sup_zip_decided(v);
    }

    sup_zip_next();
    sup_store_sweep_now();
}


/* A layer is an archive, code may be any file, or text that is not in one. */

static void
sup_zip_arguments(sup_version_t *v, char *uid, char **argv)
{
    const char  *path, *name;

    path = v->parts[v->task].path;
    name = NULL;

    if (v->task == 0 && v->text != NULL) {
        name = v->code;
        path = "/proc/self/fd/4";

        if (dup2(sup_inline_file(v), SUP_ZIP_INLINE) == -1) {
            _exit(SUP_EXIT_ERROR);
        }

    } else if (v->task == 0) {
        name = strrchr(path, '/');
        name += name != NULL;
    }

    *argv++ = "faas-supervisor";
    *argv++ = v->task == 0 && v->image ? "--image" : "--unpack";
    *argv++ = uid;
    *argv++ = (char *) path;
    *argv++ = (char *) sup_store_folder();
    *argv++ = (char *) name;
    *argv = NULL;
}


/* In the new process; all else that it needs is on its command line. */

static void
sup_zip_exec(sup_version_t *v, int slot, int report)
{
    char  uid[16], *argv[SUP_LAYERS_ARGS];

    sup_child_init();
    (void) snprintf(uid, sizeof(uid), "%u",
                    SUP_UID_BASE - 1 - (unsigned) slot);

    report = fcntl(report, F_DUPFD, SUP_ZIP_INLINE + 1);

    if (report == -1 || dup2(report, SUP_ZIP_REPORT) == -1) {
        _exit(SUP_EXIT_ERROR);
    }

    (void) close_range(SUP_ZIP_REPORT + 1, ~0U, 0);

    if (v->task == SUP_TASK_LAYERS) {
        sup_layers_arguments(v, argv);

    } else {
        sup_zip_arguments(v, uid, argv);
    }

    (void) execv("/proc/self/exe", argv);
    _exit(SUP_EXIT_ERROR);
}


static int
sup_zip_start(sup_version_t *v, int slot)
{
    int  fds[2];

    if ((mkdir(sup.state_dir, 0755) == -1 && errno != EEXIST)
        || (mkdir(sup_store_folder(), 0711) == -1 && errno != EEXIST)
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


static const char *
sup_zip_subject(sup_version_t *v)
{
    return v->task == SUP_TASK_LAYERS ? v->layers_id : v->parts[v->task].path;
}


static int
sup_zip_alike(sup_version_t *a, sup_version_t *b)
{
    return strcmp(sup_zip_subject(a), sup_zip_subject(b)) == 0;
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
            if (sup_unpacking[i] != NULL && sup_zip_alike(sup_unpacking[i], v))
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
                            "\"%.100s\": %s", sup_store_folder(),
                            strerror(err));
            sup_zip_failed(v, v->task, text);
            sup_zip_decided(v);
        }
    }
}


/* READY at once, or when its turn has come and all of it has been made. */

void
sup_zip_prepare(sup_version_t *v)
{
    if (v->queued || v->unpacker > 0) {
        return;
    }

    v->task = sup_zip_task(v);

    if (v->task == SUP_TASK_NONE) {
        v->code_state = SUP_CODE_READY;
        return;
    }

    v->code_state = SUP_CODE_BUSY;
    v->queued = 1;
    sup_zip_next();
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
        sup_store_remove(temp);
        v->unpacker = 0;
    }
}
