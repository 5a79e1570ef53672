/*
 * What the supervisor's child does before it executes a zygote: enters the
 * template root and executes the rest of its arguments there.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "faas_sandbox.h"


int
main(int argc, char **argv)
{
    const char  *step;

    if (argc < 3) {
        return 2;
    }

    if (faas_template_root(argv[1], &step) == -1) {
        fprintf(stderr, "%s: %s\n", step, strerror(errno));
        return 1;
    }

    (void) execv(argv[2], argv + 2);

    return 1;
}
