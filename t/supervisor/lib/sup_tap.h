/*
 * For programs that test a part of the supervisor: TAP, and a log that nobody
 * reads.
 */

#include <stdio.h>

#include "sup.h"


static int  count;
static int  failed;


void
sup_log(int level, int err, const char *fmt, ...)
{
    (void) level;
    (void) err;
    (void) fmt;
}


static void
ok(int value, const char *name)
{
    failed += !value;
    (void) printf("%sok %d - %s\n", value ? "" : "not ", ++count, name);
}
