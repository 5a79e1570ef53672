/*
 * Sizes of a configuration.  Pure functions: any process, no locks.
 */

#include "faas_size.h"


/* beyond any limit there is, and far from an overflow */
#define FAAS_SIZE_MOST  (1L << 40)


long
faas_size_mb(const unsigned char *s, size_t n, long min, long max)
{
    long           value, factor;
    size_t         i;
    unsigned char  unit;

    if (n == 0) {
        return -1;
    }

    factor = 1;
    unit = s[n - 1] | 0x20;

    if (unit == 'm' || unit == 'g') {
        factor = (unit == 'g') ? 1024 : 1;
        n--;
    }

    if (n == 0) {
        return -1;
    }

    value = 0;

    for (i = 0; i < n; i++) {

        if (s[i] < '0' || s[i] > '9') {
            return -1;
        }

        value = value * 10 + (s[i] - '0');

        if (value > FAAS_SIZE_MOST) {
            return -1;
        }
    }

    value *= factor;

    return (value < min || value > max) ? -1 : value;
}
