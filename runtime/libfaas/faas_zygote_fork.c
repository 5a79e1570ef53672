/*
 * What LD_PRELOAD brings into a runtime: a fork() that can turn the process
 * into a zygote, and the list of pthread_atfork() handlers, which a raw clone
 * has to run itself.
 *
 * Runs in zygotes, and, doing nothing, in everything else that has
 * libfaas.so; no locks, as handlers are registered before threads exist.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "faas_env_core.h"
#include "faas_zygote.h"


#define FAAS_ATFORK_MAX  256
#define FAAS_STAND_INS   60               /* above 3 */


static void faas_fork_load(void) __attribute__((constructor));
static void faas_fork_zygote(void);


typedef pid_t (*faas_fork_pt)(void);
typedef int (*faas_register_pt)(faas_atfork_pt prepare, faas_atfork_pt parent,
    faas_atfork_pt child, void *dso);


static int                faas_fork_serves;
static int                faas_fork_stand_ins;
static faas_atfork_t      faas_atfork_table[FAAS_ATFORK_MAX];

faas_atfork_t            *faas_atfork = faas_atfork_table;
unsigned                  faas_atfork_n;


/* Programs that a function starts have no use for this library. */

static void
faas_fork_load(void)
{
    const char  *value;

    value = getenv("FAAS_ZYGOTE");

    if (value == NULL) {
        return;
    }

    (void) unsetenv("LD_PRELOAD");

    /* for runtimes that cannot call C before they fork */

    if (strncmp(value, "fork", 4) == 0) {
        if (value[4] == ' ') {
            faas_env_version(value + 5);
        }

        (void) unsetenv("FAAS_ZYGOTE");
        faas_fork_serves = 1;
    }
}


void
faas_zygote_serve_on_next_fork(void)
{
    faas_fork_serves = 1;
}


void
faas_zygote_stand_ins(void)
{
    faas_fork_stand_ins = 1;
}


/* Returns in environments, where all above 3 was closed. */

static void
faas_fork_zygote(void)
{
    int            fd;
    unsigned char  was_open[FAAS_STAND_INS];

    for (fd = 0; fd < FAAS_STAND_INS; fd++) {
        was_open[fd] = faas_fork_stand_ins && fcntl(fd + 4, F_GETFD) != -1;
    }

    faas_zygote_serve(faas_env.version, 0);

    for (fd = 0; fd < FAAS_STAND_INS; fd++) {
        if (was_open[fd]) {
            (void) dup3(2, fd + 4, O_CLOEXEC);
        }
    }
}


FAAS_API pid_t
fork(void)
{
    static faas_fork_pt  next;

    if (faas_fork_serves) {
        faas_fork_serves = 0;
        faas_fork_zygote();
        return 0;
    }

    if (next == NULL) {
        next = (faas_fork_pt) dlsym(RTLD_NEXT, "fork");

        if (next == NULL) {
            errno = ENOSYS;
            return -1;
        }
    }

    return next();
}


/* What pthread_atfork() calls; its name is part of glibc's ABI. */

FAAS_API int __register_atfork(faas_atfork_pt prepare, faas_atfork_pt parent,
    faas_atfork_pt child, void *dso);


FAAS_API int
__register_atfork(faas_atfork_pt prepare, faas_atfork_pt parent,
    faas_atfork_pt child, void *dso)
{
    faas_atfork_t            *handler;
    static faas_register_pt   next;

    if (next == NULL) {
        next = (faas_register_pt) dlsym(RTLD_NEXT, "__register_atfork");
    }

    if (next == NULL) {
        return ENOMEM;
    }

    if (faas_atfork_n < FAAS_ATFORK_MAX) {
        handler = &faas_atfork_table[faas_atfork_n++];
        handler->prepare = prepare;
        handler->parent = parent;
        handler->child = child;
    }

    return next(prepare, parent, child, dso);
}
