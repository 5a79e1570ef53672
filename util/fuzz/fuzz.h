/*
 * What the fuzzers share: a check whose failure is a find.
 */

#include <stdlib.h>


static void
check(int good)
{
    if (!good) {
        abort();
    }
}
