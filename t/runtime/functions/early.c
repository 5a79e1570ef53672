/*
 * Preloaded by a test: SIGUSR1 comes just before the process sleeps, once it
 * has a handler.  That moment is too short to be met from outside.
 */

#include <dlfcn.h>
#include <poll.h>
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
poll(struct pollfd *fds, nfds_t n, int timeout)
{
    int  (*next)(struct pollfd *fds, nfds_t n, int timeout);

    *(void **) &next = dlsym(RTLD_NEXT, "poll");

    early_signal();

    return next(fds, n, timeout);
}


int
ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
    const sigset_t *mask)
{
    int  (*next)(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
             const sigset_t *mask);

    *(void **) &next = dlsym(RTLD_NEXT, "ppoll");

    early_signal();

    return next(fds, n, timeout, mask);
}
