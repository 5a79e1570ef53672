/*
 * What a header of any answer has to be like, before it goes to a client.
 */

#include <string.h>
#include <strings.h>

#include "fuzz.h"


static void
check_header(const unsigned char *name, size_t nlen,
    const unsigned char *value, size_t vlen)
{
    size_t  i;

    check(nlen > 0);

    for (i = 0; i < nlen; i++) {
        check(name[i] > ' ' && name[i] < 0x7f
              && strchr("\"(),/:;<=>?@[\\]{}", name[i]) == NULL);
    }

    for (i = 0; i < vlen; i++) {
        check((value[i] >= ' ' || value[i] == '\t') && value[i] != 0x7f);
    }

    check(!(nlen == 14 && strncasecmp((char *) name, "content-length", 14)
            == 0));
    check(!(nlen == 17 && strncasecmp((char *) name, "transfer-encoding", 17)
            == 0));
}
