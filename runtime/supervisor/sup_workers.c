/*
 * The other side: nginx workers and masters, watched by pidfd from what they
 * wrote into the worker table.  A dead worker's leases and waiters are given
 * back; when no worker and no master is left the supervisor ends.
 *
 * Runs in the supervisor; the cleanup takes the locks of functions.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sup.h"


#define SUP_MASTERS  16


typedef struct {
    pid_t          pid;
    uint64_t       start_time;
    int            fd;
    struct event  *ev;
    int            bye;
} sup_peer_t;


static sup_peer_t  sup_peers[FAAS_MAX_WORKERS];
static sup_peer_t  sup_masters[SUP_MASTERS];


int
sup_pidfd_open(pid_t pid)
{
    return (int) syscall(SYS_pidfd_open, pid, 0);
}


int
sup_pidfd_kill(int fd, int sig)
{
    return (int) syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
}


/*
 * A pidfd of the very process meant: the start time is compared after the
 * descriptor was opened, so that a reused pid cannot slip in between.
 */

int
sup_pidfd_exact(pid_t pid, uint64_t start_time)
{
    int  fd;

    if (pid <= 0) {
        return -1;
    }

    fd = sup_pidfd_open(pid);

    if (fd == -1) {
        return -1;
    }

    if (faas_process_start_time(pid) != start_time) {
        (void) close(fd);
        return -1;
    }

    return fd;
}


static void
sup_peer_close(sup_peer_t *peer)
{
    if (peer->ev != NULL) {
        event_free(peer->ev);
    }

    if (peer->fd > 0) {
        (void) close(peer->fd);
    }

    memset(peer, 0, sizeof(sup_peer_t));
}


/* The worker is gone: others must not wait for what it held. */

static void
sup_worker_gone(uint32_t slot)
{
    char            name[64];
    pid_t           pid;
    uint32_t        exited;
    faas_worker_t  *w;

    w = &sup.board.workers[slot];
    pid = w->pid;
    exited = w->exited;

    sup_peer_close(&sup_peers[slot]);

    /* while the slot is still taken: its next owner binds the same name */

    if (sup_run_ours()) {
        (void) snprintf(name, sizeof(name), "%s/%u", FAAS_RUN_WORKERS, slot);
        (void) unlink(sup_run_path(name));
    }

    faas_worker_cleanup(&sup.board, slot, faas_now_ms());

    if (!exited) {
        sup_log(SUP_LOG_WARN, 0, "nginx worker %d (slot %u) died, its "
                "invocations were ended", (int) pid, slot);
    }
}


static void
sup_on_worker(evutil_socket_t fd, short what, void *data)
{
    (void) fd;
    (void) what;

    sup_worker_gone((uint32_t) ((sup_peer_t *) data - sup_peers));
    sup_pool_collect();
    sup_workers_nudge();
    sup_pool_demand_all();
    sup_conf_tick();
    sup_check_end();
}


static void
sup_on_master(evutil_socket_t fd, short what, void *data)
{
    (void) fd;
    (void) what;

    sup_peer_close(data);
    sup_check_end();
}


static void
sup_watch_master(pid_t pid, uint64_t start_time)
{
    int          fd;
    size_t       i;
    sup_peer_t  *m, *spare;

    if (pid <= 0) {
        return;
    }

    spare = NULL;

    for (i = 0; i < SUP_MASTERS; i++) {
        m = &sup_masters[i];

        if (m->pid == pid && m->start_time == start_time) {
            return;
        }

        if (m->pid == 0) {
            spare = m;
        }
    }

    fd = sup_pidfd_exact(pid, start_time);

    if (fd == -1 || spare == NULL) {
        if (fd != -1) {
            (void) close(fd);
        }

        return;
    }

    spare->pid = pid;
    spare->start_time = start_time;
    spare->fd = fd;
    spare->ev = sup_event(fd, EV_READ, sup_on_master, spare);
}


static void
sup_watch_worker(uint32_t slot)
{
    pid_t           pid;
    sup_peer_t     *peer;
    faas_worker_t  *w;

    w = &sup.board.workers[slot];
    peer = &sup_peers[slot];
    pid = w->pid;

    if (peer->pid != 0) {
        return;
    }

    if (w->generation == 0) {

        /* being filled in, unless its owner died over it */

        if (kill(pid, 0) == -1 && errno == ESRCH) {
            sup_worker_gone(slot);
        }

        return;
    }

    peer->fd = sup_pidfd_exact(pid, w->start_time);

    if (peer->fd == -1) {
        if (errno != EMFILE && errno != ENFILE) {
            sup_worker_gone(slot);
        }

        peer->fd = 0;
        return;
    }

    peer->pid = pid;
    peer->start_time = w->start_time;
    peer->ev = sup_event(peer->fd, EV_READ, sup_on_worker, peer);

    sup_watch_master(w->master_pid, w->master_start_time);
}


void
sup_workers_scan(void)
{
    uint32_t  i;

    for (i = 0; i < sup.board.head->max_workers; i++) {
        if (sup.board.workers[i].pid != 0) {
            sup_watch_worker(i);
        }
    }
}


void
sup_workers_bye(pid_t pid)
{
    size_t  i;

    for (i = 0; i < SUP_MASTERS; i++) {
        if (sup_masters[i].pid == pid) {
            sup_masters[i].bye = 1;
        }
    }

    sup_check_end();
}


int
sup_workers_alive(void)
{
    size_t  i;

    for (i = 0; i < FAAS_MAX_WORKERS; i++) {
        if (sup_peers[i].pid != 0) {
            return 1;
        }
    }

    for (i = 0; i < SUP_MASTERS; i++) {
        if (sup_masters[i].pid != 0 && !sup_masters[i].bye) {
            return 1;
        }
    }

    return 0;
}


/* The oldest configuration that is still served. */

uint64_t
sup_workers_generation(void)
{
    uint32_t        i;
    uint64_t        least;
    faas_worker_t  *w;

    least = UINT64_MAX;

    for (i = 0; i < sup.board.head->max_workers; i++) {
        w = &sup.board.workers[i];

        if (w->pid != 0 && w->generation != 0 && w->generation < least) {
            least = w->generation;
        }
    }

    return least;
}


/* Rings workers whose mailbox holds something: a wake-up may have got lost
   with the process that was to send it. */

void
sup_workers_nudge(void)
{
    uint32_t        i;
    faas_worker_t  *w;

    for (i = 0; i < sup.board.head->max_workers; i++) {
        w = &sup.board.workers[i];

        if (w->pid != 0 && w->mailbox != FAAS_NIL) {
            sup_ring(i);
        }
    }
}


/*
 * Tells the workers that hold a lease on this environment that it has ended:
 * they find the reason in its slot.
 */

void
sup_workers_tell(uint32_t slot, uint32_t generation)
{
    uint32_t        w, i, n, state;
    faas_ticket_t  *t;

    n = sup.board.head->worker_tickets;

    for (w = 0; w < sup.board.head->max_workers; w++) {

        if (sup.board.workers[w].pid == 0) {
            continue;
        }

        for (i = w * n; i < (w + 1) * n; i++) {
            t = &sup.board.tickets[i];
            state = t->state;

            if ((state == FAAS_TICKET_GRANTED || state == FAAS_TICKET_RUNNING)
                && t->env == slot && t->env_generation == generation)
            {
                sup_ring(w);
                break;
            }
        }
    }
}
