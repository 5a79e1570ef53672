/*
 * A child under ptrace, one instruction at a time.  To be included by a test
 * program after cmocka.h.
 */

#ifndef _UNIT_STEP_H_INCLUDED_
#define _UNIT_STEP_H_INCLUDED_


#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>


/* -1: ptrace is forbidden here. */

static inline pid_t
unit_step_start(void (*act)(void))
{
    int    status;
    pid_t  pid;

    pid = fork();
    assert_int_not_equal(pid, -1);

    if (pid == 0) {

        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1) {
            _exit(2);
        }

        (void) raise(SIGSTOP);
        act();
        _exit(0);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);

    return WIFSTOPPED(status) ? pid : -1;
}


/* One more instruction.  1, or 0 when the child is done. */

static inline int
unit_step(pid_t pid)
{
    int  status;

    assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);

    if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP) {
        return 1;
    }

    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);

    return 0;
}


#endif /* _UNIT_STEP_H_INCLUDED_ */
