/*
 * The part of the version 2 hierarchy that is ours to divide.  A service
 * manager that has one for each service (systemd) says by an attribute that it
 * leaves a service's group to it ("Delegate=yes"); then we stay inside of
 * that.  Groups that pass controllers down may not have processes of their
 * own, so nginx and we ourselves move to a group beside those of environments.
 *
 * Runs in the supervisor at start.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sup_cgroup.h"


#define SUP_DELEGATE_LEAF   "nginx"
#define SUP_DELEGATE_TRIES  16


static int
sup_delegated(const char *path)
{
    char  value[8];

    return (getxattr(path, "user.delegate", value, sizeof(value)) == 1
            && value[0] == '1')
           || (getxattr(path, "trusted.delegate", value, sizeof(value)) == 1
               && value[0] == '1');
}


/* Where this process is, "" at the top: "0::/system.slice/nginx.service" */

void
sup_delegate_self(FILE *f, char *path, size_t size)
{
    char  line[PATH_MAX];

    path[0] = '\0';

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, "0::/", 4) == 0) {
            line[strcspn(line, "\n")] = '\0';
            (void) snprintf(path, size, "%s", strcmp(line + 3, "/") == 0
                                              ? "" : line + 3);
        }
    }
}


/* Others may fork meanwhile, so until there is none left. */

static int
sup_delegate_move(const char *base, const char *leaf)
{
    int    tries;
    char   buf[16384], *p, *end;
    pid_t  pid;

    for (tries = 0; tries < SUP_DELEGATE_TRIES; tries++) {

        if (sup_cg_read(base, "cgroup.procs", buf, sizeof(buf)) <= 0) {
            return SUP_OK;
        }

        for (p = buf; *p != '\0'; p = end + (*end == '\n')) {
            pid = (pid_t) strtol(p, &end, 10);

            if (end == p) {
                break;
            }

            /* one that has ended in the meantime is no obstacle */
            (void) sup_cg_number(leaf, "cgroup.procs", (uint64_t) pid);
        }
    }

    return SUP_ERROR;
}


/*
 * The folder below MOUNT for our groups, in WHERE; SELF is what
 * sup_delegate_self() said.
 */

void
sup_delegate_base(const char *mount, const char *self, char *where,
    size_t size)
{
    char   base[PATH_MAX], leaf[PATH_MAX + 16], *slash;

    (void) snprintf(where, size, "%s", mount);

    if (self[0] == '\0') {
        return;
    }

    (void) snprintf(base, sizeof(base), "%s%s", mount, self);
    slash = strrchr(base, '/');

    /* the supervisor before us has moved us all */

    if (slash != NULL && strcmp(slash, "/" SUP_DELEGATE_LEAF) == 0) {
        *slash = '\0';
    }

    if (strlen(base) >= size || !sup_delegated(base)) {
        return;
    }

    (void) snprintf(leaf, sizeof(leaf), "%s/%s", base, SUP_DELEGATE_LEAF);

    if ((mkdir(leaf, 0755) == -1 && errno != EEXIST)
        || sup_delegate_move(base, leaf) != SUP_OK)
    {
        sup_log(SUP_LOG_WARN, errno, "delegated cgroup \"%s\" cannot be "
                "divided, using \"%s\"", base, mount);
        return;
    }

    (void) snprintf(where, size, "%s", base);
}
