/*
 * Ends of processes: our own children by SIGCHLD, orphans by the word of the
 * watchdog.  Each goes to whoever it belongs to.
 *
 * Runs in the supervisor.
 */

#include <signal.h>
#include <sys/prctl.h>

#include "sup.h"


#define SUP_UNCLAIMED  64
#define SUP_CHILDREN   64


/* children that are not environments: zygotes, unpackers, the ledger's */

static struct {
    pid_t         pid;
    sup_child_pt  handler;
    void         *data;
} sup_children[SUP_CHILDREN];

/* ended before we heard from the zygote that they exist */

static struct {
    sup_exit_t    exit;
    uint64_t      at_ms;
} sup_unclaimed[SUP_UNCLAIMED];

static unsigned   sup_unclaimed_at;


/* In a child: what the supervisor reads has its usual effect there. */

void
sup_child_signals(void)
{
    sigset_t  mask;

    (void) sigemptyset(&mask);
    (void) sigprocmask(SIG_SETMASK, &mask, NULL);
}


/*
 * In a child that works for this supervisor alone: what it has not finished
 * when we die is done again by the next one, and must not be done by both.
 */

void
sup_child_init(void)
{
    sup_child_signals();
    (void) prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}


int
sup_child_add(pid_t pid, sup_child_pt handler, void *data)
{
    size_t  i;

    for (i = 0; i < SUP_CHILDREN; i++) {
        if (sup_children[i].pid == 0) {
            sup_children[i].pid = pid;
            sup_children[i].handler = handler;
            sup_children[i].data = data;
            return SUP_OK;
        }
    }

    return SUP_ERROR;
}


int
sup_child_known(pid_t pid)
{
    size_t  i;

    for (i = 0; i < SUP_CHILDREN; i++) {
        if (sup_children[i].pid == pid) {
            return 1;
        }
    }

    return 0;
}


/* The end of a process, ours or, by way of the watchdog, an orphan. */

void
sup_exited(pid_t pid, int status)
{
    size_t      i;
    sup_env_t  *env;

    for (i = 0; i < SUP_CHILDREN; i++) {
        if (sup_children[i].pid == pid) {
            sup_children[i].pid = 0;
            sup_children[i].handler(pid, status, sup_children[i].data);
            return;
        }
    }

    env = sup_env_by_pid(pid);

    if (env != NULL) {
        sup_env_exited(env, status, 1);
        return;
    }

    i = sup_unclaimed_at++ % SUP_UNCLAIMED;
    sup_unclaimed[i].exit.pid = pid;
    sup_unclaimed[i].exit.status = status;
    sup_unclaimed[i].at_ms = faas_now_ms();
}


/* 1 when PID, which we have just heard of, has ended already. */

int
sup_exit_claim(pid_t pid, int *status)
{
    size_t  i;

    for (i = 0; i < SUP_UNCLAIMED; i++) {
        if (sup_unclaimed[i].exit.pid == pid
            && faas_now_ms() - sup_unclaimed[i].at_ms < 5000)
        {
            sup_unclaimed[i].exit.pid = 0;
            *status = sup_unclaimed[i].exit.status;
            return 1;
        }
    }

    return 0;
}
