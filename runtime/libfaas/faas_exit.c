/*
 * The text of a process's end, see faas_exit.h.  Runs in the supervisor and in
 * the Runtime API bridge, which have one thread each; no locks.
 */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "faas_exit.h"


void
faas_exit_text(char *buf, size_t size, int code)
{
    const char  *name;

    if (code == 0) {
        (void) snprintf(buf, size, "Runtime exited without providing a "
                        "reason");
        return;
    }

    if (code > 0) {
        (void) snprintf(buf, size, "Runtime exited with error: exit status "
                        "%d", code);
        return;
    }

    /* "segmentation fault", where the C library begins with a capital */

    name = strsignal(-code);
    name = name != NULL ? name : "unknown";

    (void) snprintf(buf, size, "Runtime exited with error: signal: %c%s",
                    tolower((unsigned char) name[0]), name + 1);
}
