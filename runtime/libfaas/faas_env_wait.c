/*
 * What an environment waits for between invocations: workers that connect,
 * their requests, the supervisor.
 *
 * Runs in environments, in the one thread that calls faas_next(); takes no
 * locks.  By epoll, because what one request costs should not depend on how
 * much else is waited for.
 */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "faas_env_core.h"


#define FAAS_WAIT_EVENTS  64


static int faas_wait_settle(sigset_t *mask);
static int faas_wait_ms(int sleeps);
static void faas_wait_results(int n);


/* what there is to be looked at; NULL: it was closed meanwhile */
static struct epoll_event  faas_wait_events[FAAS_WAIT_EVENTS];
static int                 faas_wait_n;


int
faas_wait_start(void)
{
    faas_env.epoll = epoll_create1(EPOLL_CLOEXEC);

    return (faas_env.epoll == -1) ? FAAS_ENV_ERROR : FAAS_ENV_OK;
}


/* DATA: a connection, or where one of the two other descriptors is kept. */

int
faas_wait_add(int fd, void *data)
{
    struct epoll_event  ev;

    memset(&ev, 0, sizeof(struct epoll_event));
    ev.events = EPOLLIN;
    ev.data.ptr = data;

    return (epoll_ctl(faas_env.epoll, EPOLL_CTL_ADD, fd, &ev) == -1)
           ? FAAS_ENV_ERROR : FAAS_ENV_OK;
}


/*
 * Before it is closed: a child that the function has forked may hold it as
 * well, and then closing does not end the waiting.
 */

void
faas_wait_remove(int fd, const void *data)
{
    int  i;

    (void) epoll_ctl(faas_env.epoll, EPOLL_CTL_DEL, fd, NULL);

    for (i = 0; i < faas_wait_n; i++) {
        if (faas_wait_events[i].data.ptr == data) {
            faas_wait_events[i].data.ptr = NULL;
        }
    }
}


/*
 * Sleeps until something can be read and reads it.  All that can be read is
 * read before any of it is served, so no connection is preferred.
 */

int
faas_wait(void)
{
    int       n, err, sleeps;
    sigset_t  mask;

    sleeps = (faas_env.n_more == 0);

    if (sleeps && faas_wait_settle(&mask) != FAAS_ENV_OK) {
        return FAAS_ENV_ERROR;
    }

    if (sleeps && faas_env.leave) {
        faas_env.leave();
    }

    /* SIGTERM ends the process here, elsewhere after the invocation */

    faas_env.waiting = 1;

    n = epoll_pwait(faas_env.epoll, faas_wait_events, FAAS_WAIT_EVENTS,
                    faas_wait_ms(sleeps),
                    (sleeps && faas_env.settle) ? &mask : NULL);
    err = errno;

    faas_env.waiting = 0;

    if (sleeps && faas_env.settle) {
        (void) pthread_sigmask(SIG_SETMASK, &mask, NULL);
    }

    faas_env.nap = (n == 0) ? NULL : faas_env.nap;

    if (sleeps && faas_env.enter
        && faas_env.enter(n == 0 || (n == -1 && err == EINTR)) == -1)
    {
        errno = EINTR;
        return FAAS_ENV_ERROR;
    }

    if (n == -1) {
        errno = err;
        return (err == EINTR) ? FAAS_ENV_OK : FAAS_ENV_ERROR;
    }

    faas_wait_results(n);

    return FAAS_ENV_OK;
}


static int
faas_wait_ms(int sleeps)
{
    if (!sleeps || faas_env.shutdown) {
        return 0;
    }

    return faas_env.nap == NULL ? -1
           : (int) (faas_env.nap->tv_sec * 1000
                    + faas_env.nap->tv_nsec / 1000000);
}


/*
 * A language whose handlers run some time after the signal, as Python's, would
 * sleep over one that comes just before it sleeps.  So signals are blocked
 * until the kernel sleeps, and those that came before are handled here.
 */

static int
faas_wait_settle(sigset_t *mask)
{
    sigset_t  all;

    if (faas_env.settle == NULL) {
        return FAAS_ENV_OK;
    }

    /* not those below if it can be helped: what they start has their mask */

    if (faas_env.settle() != 0) {
        errno = EINTR;
        return FAAS_ENV_ERROR;
    }

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, mask);

    if (faas_env.settle() == 0) {
        return FAAS_ENV_OK;
    }

    (void) pthread_sigmask(SIG_SETMASK, mask, NULL);

    errno = EINTR;

    return FAAS_ENV_ERROR;
}


/* What came with an earlier request first, on the oldest connection first. */

static void
faas_wait_results(int n)
{
    int    i;
    void  *data;

    faas_wait_n = n;
    faas_conn_parse_more();

    for (i = 0; i < n; i++) {
        data = faas_wait_events[i].data.ptr;

        if (data == &faas_env.listen) {
            faas_conn_accept();

        } else if (data == &faas_env.control) {
            (void) faas_env_control();

        } else if (data != NULL) {
            faas_conn_read(data);
        }
    }

    faas_wait_n = 0;
}
