/*
 * reload_on_change: code and layers of functions that ask for it are watched
 * by inotify; when a change has settled the function is compared again, as
 * after a reload.
 *
 * Runs in the supervisor.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sup.h"


#define SUP_SETTLE_MS   15
#define SUP_WATCH_DEEP  64

#define SUP_WATCH_MASK                                                        \
    (IN_CLOSE_WRITE|IN_CREATE|IN_DELETE|IN_MOVED_FROM|IN_MOVED_TO|IN_ATTRIB   \
     |IN_DELETE_SELF|IN_MOVE_SELF)


/* several functions may share a folder, and then a watch descriptor */

typedef struct {
    int        wd;
    int        seen;                     /* by the look that goes on now */
    sup_fn_t  *fn;
} sup_watched_t;


static int             sup_inotify = -1;
static sup_watched_t  *sup_watched;
static size_t          sup_n_watched;


static void
sup_on_change(evutil_socket_t fd, short what, void *data)
{
    json_t    *spec;
    sup_fn_t  *fn = data;

    (void) fd;
    (void) what;

    if (!fn->configured || fn->live == NULL || sup.stage != SUP_RUNNING) {
        return;
    }

    spec = fn->pending != NULL ? fn->pending->spec
           : fn->next != NULL ? fn->next->spec : fn->live->spec;
    (void) json_incref(spec);
    sup_conf_function(fn, spec);
    json_decref(spec);
    sup_classes_count();
}


static void
sup_on_inotify(evutil_socket_t fd, short what, void *data)
{
    char                        *p;
    size_t                       i;
    ssize_t                      n;
    const struct inotify_event  *e;

    static char  buf[16384] __attribute__((aligned(8)));

    (void) what;
    (void) data;

    n = read(fd, buf, sizeof(buf));

    for (p = buf; n > 0 && p < buf + n; p += sizeof(*e) + e->len) {
        e = (const struct inotify_event *) p;

        if (e->len > 0 && strncmp(e->name, "__pycache__", 11) == 0) {
            continue;
        }

        /* an overflow (wd -1) may concern anyone */

        for (i = 0; i < sup_n_watched; i++) {
            if (e->wd == -1 || sup_watched[i].wd == e->wd) {
                sup_timer(sup_watched[i].fn->change_ev, SUP_SETTLE_MS);
            }
        }
    }
}


static int
sup_watch_add(sup_fn_t *fn, const char *path)
{
    int             wd;
    size_t          i;
    sup_watched_t  *more;

    wd = inotify_add_watch(sup_inotify, path, SUP_WATCH_MASK);

    if (wd == -1) {
        return -1;
    }

    for (i = 0; i < sup_n_watched; i++) {
        if (sup_watched[i].wd == wd && sup_watched[i].fn == fn) {
            sup_watched[i].seen = 1;
            return 0;
        }
    }

    if ((sup_n_watched & 63) == 0) {
        more = realloc(sup_watched,
                       (sup_n_watched + 64) * sizeof(sup_watched_t));
        if (more == NULL) {
            return -1;
        }

        sup_watched = more;
    }

    sup_watched[sup_n_watched].wd = wd;
    sup_watched[sup_n_watched].seen = 1;
    sup_watched[sup_n_watched++].fn = fn;

    return 0;
}


static int
sup_watch_tree(sup_fn_t *fn, const char *path, int depth)
{
    int             rc;
    DIR            *dir;
    char            below[PATH_MAX];
    struct stat     st;
    struct dirent  *de;

    if (sup_watch_add(fn, path) == -1) {
        return -1;
    }

    dir = opendir(path);

    if (dir == NULL || depth > SUP_WATCH_DEEP) {
        if (dir != NULL) {
            (void) closedir(dir);
        }

        return 0;
    }

    rc = 0;

    while (rc == 0 && (de = readdir(dir)) != NULL) {

        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0
            || strcmp(de->d_name, "__pycache__") == 0
            || snprintf(below, sizeof(below), "%s/%s", path, de->d_name)
               >= (int) sizeof(below)
            || lstat(below, &st) == -1 || !S_ISDIR(st.st_mode))
        {
            continue;
        }

        rc = sup_watch_tree(fn, below, depth + 1);
    }

    (void) closedir(dir);

    return rc;
}


static int
sup_watch_start(sup_fn_t *fn)
{
    if (sup_inotify == -1) {
        sup_inotify = inotify_init1(IN_NONBLOCK|IN_CLOEXEC);

        if (sup_inotify == -1
            || sup_event(sup_inotify, EV_READ|EV_PERSIST, sup_on_inotify,
                         NULL) == NULL)
        {
            return -1;
        }
    }

    if (fn->change_ev == NULL) {
        fn->change_ev = evtimer_new(sup.base, sup_on_change, fn);
    }

    return fn->change_ev != NULL ? 0 : -1;
}


/* Of a folder that was removed the kernel has forgotten the watch itself. */

static void
sup_watch_drop(size_t i)
{
    int     wd;
    size_t  k;

    wd = sup_watched[i].wd;
    sup_watched[i] = sup_watched[--sup_n_watched];

    for (k = 0; k < sup_n_watched; k++) {
        if (sup_watched[k].wd == wd) {
            return;
        }
    }

    (void) inotify_rm_watch(sup_inotify, wd);
}


/*
 * Folders that the function has no more, removed or moved elsewhere, are not
 * to be watched for ever.
 */

static void
sup_watch_sweep(sup_fn_t *fn)
{
    size_t  i;

    for (i = 0; i < sup_n_watched; /* void */ ) {

        if (sup_watched[i].fn == fn && !sup_watched[i].seen) {
            sup_watch_drop(i);

        } else {
            i++;
        }
    }
}


/* A file is replaced, not written to: its folder is watched, as with the
   index of an image. */

static int
sup_watch_part(sup_fn_t *fn, const char *source, int image)
{
    char         path[PATH_MAX], *slash;
    struct stat  st;

    if (stat(source, &st) == 0 && S_ISDIR(st.st_mode)) {
        return image ? sup_watch_add(fn, source)
                     : sup_watch_tree(fn, source, 0);
    }

    (void) snprintf(path, sizeof(path), "%s", source);
    slash = strrchr(path, '/');

    if (slash == NULL || slash == path) {
        return 0;
    }

    *slash = '\0';

    return sup_watch_add(fn, path);
}


/*
 * Called with each look at the function: watches are set before the digest of
 * the next change is taken, so that nothing falls between the two.
 */

void
sup_watch_code(sup_fn_t *fn, sup_version_t *v)
{
    int          rc;
    size_t       i;
    uint32_t     k;
    const char  *path;

    if (!v->reload) {
        sup_unwatch_code(fn);
        return;
    }

    for (i = 0; i < sup_n_watched; i++) {
        sup_watched[i].seen = 0;
    }

    path = v->code;
    rc = sup_watch_start(fn);

    for (k = v->text ? 1 : 0; rc == 0 && k < v->n_parts; k++) {
        path = v->parts[k].path;
        rc = sup_watch_part(fn, path, k == 0 && v->image);
    }

    if (rc == -1) {
        sup_log(SUP_LOG_ERROR, errno, "cannot watch code \"%s\" of function "
                "\"%s\": changes take effect on reload only", path,
                fn->name);
        return;
    }

    sup_watch_sweep(fn);
}


void
sup_unwatch_code(sup_fn_t *fn)
{
    size_t  i;

    for (i = 0; i < sup_n_watched; i++) {
        if (sup_watched[i].fn == fn) {
            sup_watched[i].seen = 0;
        }
    }

    sup_watch_sweep(fn);

    if (fn->change_ev != NULL) {
        (void) evtimer_del(fn->change_ev);
    }
}
