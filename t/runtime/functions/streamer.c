/*
 * A function in C that streams; what it does is said by the event.
 *
 *   "two"       two pieces, and a line of log between them
 *   "prelude"   with a content type
 *   "end"       nothing but begin and end
 *   "silent"    begins, writes, returns success
 *   "return"    begins, writes, returns an error
 *   "fail"      begins, writes, fails
 *   "at once"   fails without a stream
 *   "misuse"    answers what is returned by calls that are wrong
 *   "endless"   writes until it cannot, then answers the next with the errno
 *   other       answers whether the caller takes a stream
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "faas_env.h"
#include "faas_proto.h"


#define streamer_is(inv, s)  (strcmp((inv)->event, s) == 0)


static int  streamer_errno;


static int
streamer_misuse(void)
{
    int   n, rc;
    char  out[256];

    static char  large[FAAS_STREAM_TYPE_MAX + 2];

    memset(large, 'x', sizeof(large) - 1);
    n = 0;

#define streamer_try(call)                                                    \
    errno = 0;                                                                \
    rc = call;                                                                \
    n += snprintf(out + n, sizeof(out) - n, "%d %d,", rc, errno)

    streamer_try(faas_stream_write("a", 1));
    streamer_try(faas_stream_end());
    streamer_try(faas_stream_begin(""));
    streamer_try(faas_stream_begin("a\nb"));
    streamer_try(faas_stream_begin(large));
    streamer_try(faas_stream_begin(large + 1));
    streamer_try(faas_stream_begin(NULL));
    streamer_try(faas_respond("a", 1));
    streamer_try(faas_respond_error("a", 1));
    streamer_try(faas_stream_fail("a", FAAS_STREAM_ERROR_MAX + 1));

    (void) faas_stream_write(out, n);

    return faas_stream_end();
}


static int
streamer_endless(void)
{
    static char  data[65536];

    (void) faas_stream_begin(NULL);

    while (faas_stream_write(data, sizeof(data)) == FAAS_ENV_OK) {
        /* void */
    }

    streamer_errno = errno;

    return faas_stream_end();
}


static int
streamer_handler(const faas_invocation_t *inv, void *data)
{
    char  out[64];

    (void) data;

    if (streamer_is(inv, "misuse")) {
        return streamer_misuse();
    }

    if (streamer_is(inv, "endless")) {
        return streamer_endless();
    }

    if (streamer_is(inv, "at once")) {
        return faas_stream_fail("{\"errorType\":\"E\"}", 17);
    }

    if (strcmp(inv->event, "who") == 0) {
        return faas_respond(out, snprintf(out, sizeof(out), "%d %d",
                                          inv->streaming, streamer_errno));
    }

    (void) faas_stream_begin(streamer_is(inv, "prelude") ? FAAS_STREAM_PRELUDE
                                                         : NULL);
    if (streamer_is(inv, "end")) {
        return faas_stream_end();
    }

    (void) faas_stream_write("first", 5);

    if (streamer_is(inv, "fail")) {
        return faas_stream_fail("{\"errorType\":\"E\"}", 17);
    }

    if (streamer_is(inv, "silent") || streamer_is(inv, "return")) {
        return streamer_is(inv, "return");
    }

    faas_log("line\n", 5);
    (void) faas_stream_write("second", 6);

    return faas_stream_end();
}


int
main(void)
{
    return faas_main(streamer_handler, NULL);
}
