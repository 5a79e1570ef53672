/*
 * A function in C: the event is JSON text, and so is the answer.  It is quick
 * enough for one process to take many requests.
 */

#include <stdio.h>

#include "faas_env.h"


static int
handler(const faas_invocation_t *inv, void *data)
{
    int        n;
    char       answer[256];
    unsigned  *calls = data;

    n = snprintf(answer, sizeof(answer),
                 "{\"statusCode\": 200, \"headers\": {\"content-type\": "
                 "\"text/plain\"}, \"body\": \"call %u, event of %zu "
                 "bytes\\n\"}", ++*calls, inv->event_len);

    faas_log("called\n", 7);

    return faas_respond(answer, (size_t) n);
}


int
main(void)
{
    unsigned  calls = 0;

    return faas_main(handler, &calls);
}
