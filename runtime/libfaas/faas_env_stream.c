/*
 * Answers that are streams: what the function writes reaches the worker at
 * once, framed as faas_proto.h says.
 *
 * Runs in environments.  Takes faas_env.lock around each call, as records of
 * log text must not come into the middle of others.
 */

#include <errno.h>
#include <string.h>

#include "faas_env_core.h"
#include "faas_fcgi.h"
#include "faas_proto.h"


static int faas_stream_lock(int leaves, int streaming);
static void faas_stream_unlock(int leaves);
static int faas_stream_type_ok(const char *type);


/*
 * Whatever is sent may have to wait for the caller's client.  FAAS_ENV_ERROR
 * if this is not the time for it: the lock is not held then.
 */

static int
faas_stream_lock(int leaves, int streaming)
{
    int  err;

    if (leaves) {
        faas_env.leave();
    }

    (void) pthread_mutex_lock(&faas_env.lock);

    err = (faas_env.current == NULL) ? EPERM
          : (faas_env.streaming == streaming) ? 0
          : streaming ? EINVAL : EBUSY;

    if (err == 0) {
        return FAAS_ENV_OK;
    }

    faas_stream_unlock(leaves);
    errno = err;

    return FAAS_ENV_ERROR;
}


static void
faas_stream_unlock(int leaves)
{
    (void) pthread_mutex_unlock(&faas_env.lock);

    if (leaves) {
        (void) faas_env.enter(0);
    }
}


static int
faas_stream_type_ok(const char *type)
{
    size_t  i;

    for (i = 0; type[i]; i++) {
        if (i == FAAS_STREAM_TYPE_MAX
            || (unsigned char) type[i] < 0x20 || type[i] == 0x7f)
        {
            return 0;
        }
    }

    return i > 0;
}


int
faas_stream_begin(const char *type)
{
    if (type == NULL) {
        type = FAAS_STREAM_TYPE;
    }

    if (!faas_stream_type_ok(type)) {
        errno = EINVAL;
        return FAAS_ENV_ERROR;
    }

    /* a small record into an empty socket does not wait */

    if (faas_stream_lock(0, 0) != FAAS_ENV_OK) {
        return FAAS_ENV_ERROR;
    }

    faas_log_send();
    faas_answer_records(FAAS_FCGI_STREAM, type, strlen(type));
    faas_env.streaming = 1;

    faas_stream_unlock(0);

    return FAAS_ENV_OK;
}


int
faas_stream_write(const void *data, size_t len)
{
    int  leaves, broken;

    leaves = (faas_env.leave != NULL);

    if (faas_stream_lock(leaves, 1) != FAAS_ENV_OK) {
        return FAAS_ENV_ERROR;
    }

    faas_log_send();
    faas_answer_records(FAAS_FCGI_STDOUT, data, len);
    broken = faas_env.broken;

    faas_stream_unlock(leaves);

    if (broken) {
        errno = EPIPE;
        return FAAS_ENV_ERROR;
    }

    return FAAS_ENV_OK;
}


int
faas_stream_end(void)
{
    int  leaves;

    leaves = (faas_env.leave != NULL);

    if (faas_stream_lock(leaves, 1) != FAAS_ENV_OK) {
        return FAAS_ENV_ERROR;
    }

    faas_log_send();
    faas_answer_finish(0);

    faas_stream_unlock(leaves);

    return FAAS_ENV_OK;
}


int
faas_stream_fail(const void *json, size_t len)
{
    int  leaves;

    if (!faas_env.streaming) {
        return faas_respond_error(json, len);
    }

    if (len > FAAS_STREAM_ERROR_MAX) {
        errno = EMSGSIZE;
        return FAAS_ENV_ERROR;
    }

    leaves = (faas_env.leave != NULL);

    if (faas_stream_lock(leaves, 1) != FAAS_ENV_OK) {
        return FAAS_ENV_ERROR;
    }

    faas_log_send();
    faas_answer_records(FAAS_FCGI_STREAM_ERROR, json, len);
    faas_answer_finish(1);

    faas_stream_unlock(leaves);

    return FAAS_ENV_OK;
}
