/*
 * Preloaded by a test: SIGUSR1 comes just before the process sleeps, once it
 * has a handler.  That moment is too short to be met from outside.
 */

#include <dlfcn.h>
#include <sys/epoll.h>
#include <signal.h>
#include <stddef.h>


static void
early_signal(void)
{
    static int        done;
    struct sigaction  sa;

    if (!done && sigaction(SIGUSR1, NULL, &sa) == 0
        && sa.sa_handler != SIG_DFL)
    {
        done = 1;
        (void) raise(SIGUSR1);
    }
}


int
epoll_pwait(int fd, struct epoll_event *events, int n, int timeout,
    const sigset_t *mask)
{
    int  (*next)(int fd, struct epoll_event *events, int n, int timeout,
             const sigset_t *mask);

    *(void **) &next = dlsym(RTLD_NEXT, "epoll_pwait");

    early_signal();

    return next(fd, events, n, timeout, mask);
}
