/*
 * What an environment's first process tells the supervisor of the one that it
 * has started.  Runs in the Runtime API bridge and in faas-web, which have one
 * thread; no locks.
 */

#include <sys/socket.h>
#include <sys/wait.h>

#include "faas_env_core.h"
#include "faas_proto.h"


void
faas_env_notice(char type, unsigned char payload)
{
    size_t         len;
    unsigned char  frame[FAAS_ENV_FRAME + 1];

    len = payload != 0;

    frame[0] = frame[1] = frame[2] = 0;
    frame[3] = (unsigned char) len;
    frame[4] = (unsigned char) type;
    frame[5] = payload;

    if (faas_env.control != -1) {
        (void) send(faas_env.control, frame, FAAS_ENV_FRAME + len,
                    MSG_NOSIGNAL|MSG_DONTWAIT);
    }
}


int
faas_env_exit_code(int status)
{
    if (WIFEXITED(status)) {
        return WEXITSTATUS(status);
    }

    faas_env_notice(FAAS_CTL_SIGNAL, (unsigned char) WTERMSIG(status));

    return 128 + WTERMSIG(status);
}
