/*
 * The C# runtime's way to libfaas, and to the system where Mono has none:
 * signals, the variables of a process that runs already.
 *
 * Runs in environments, as libfaas-mono.so, called by P/Invoke.  One thread
 * calls all of it but log and flush, which take libfaas's lock.
 */

#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faas_env_core.h"


static volatile sig_atomic_t  mono_ends;
static pthread_t              mono_main;
static pid_t                  mono_pid;


/*
 * SIGTERM, to whichever thread: the one that waits for invocations has to
 * return from its sleep, so that the function's ProcessExit handlers run.
 */

static void
mono_sigterm(int signo)
{
    if (getpid() != mono_pid) {

        /* just forked by Mono, not executed yet */

        (void) signal(signo, SIG_DFL);
        (void) raise(signo);
        return;
    }

    mono_ends = 1;

    if (!pthread_equal(pthread_self(), mono_main)) {
        (void) pthread_kill(mono_main, signo);
    }
}


/* What was logged a moment ago must not end with the process. */

static void
mono_exit(void)
{
    if (getpid() == mono_pid) {
        faas_log_flush();
    }
}


/* As faas_env_init(); JSON is to be given back to mono_free(). */

FAAS_API int
mono_init(const char *version, char **json, size_t *len)
{
    int               rc;
    struct sigaction  sa;

    mono_main = pthread_self();
    mono_pid = getpid();

    faas_env_version(version);
    faas_env_interruptible();

    rc = faas_env_init(json, len);

    if (rc != FAAS_ENV_OK) {
        return rc;
    }

    /* a blank just ends; from here on there may be handlers to run */

    memset(&sa, 0, sizeof(struct sigaction));
    sa.sa_handler = mono_sigterm;
    sa.sa_flags = SA_RESTART;            /* of the function's own calls */
    (void) sigemptyset(&sa.sa_mask);
    (void) sigaction(SIGTERM, &sa, NULL);
    (void) atexit(mono_exit);

    return FAAS_ENV_OK;
}


FAAS_API void
mono_free(char *json)
{
    free(json);
}


FAAS_API int
mono_ready(void)
{
    return faas_env_ready();
}


FAAS_API void
mono_error(const void *json, size_t len)
{
    (void) faas_env_error(json, len);
}


/* FAAS_ENV_OK, or FAAS_ENV_SHUTDOWN, or FAAS_ENV_ERROR. */

FAAS_API int
mono_next(faas_invocation_t *inv)
{
    int  rc;

    do {
        rc = mono_ends ? FAAS_ENV_SHUTDOWN : faas_next(inv);
    } while (rc == FAAS_ENV_ERROR && errno == EINTR);

    if (rc == FAAS_ENV_OK) {
        faas_trace_variable(inv);
    }

    return rc;
}


FAAS_API void
mono_answer(const void *data, size_t len, int failed)
{
    (void) (failed ? faas_respond_error(data, len) : faas_respond(data, len));
}


FAAS_API void
mono_log(const char *text, size_t offset, size_t len)
{
    faas_log(text + offset, len);
}


FAAS_API void
mono_flush(void)
{
    faas_log_flush();
}


/* NULL, or what the system says against it. */

FAAS_API const char *
mono_enter(const char *folder)
{
    return chdir(folder) == -1 ? strerror(errno) : NULL;
}


FAAS_API void
mono_clear(void)
{
    (void) clearenv();
}


/* Mono's own call takes a variable that is empty for none. */

FAAS_API void
mono_variable(const char *name, const char *value)
{
    (void) setenv(name, value, 1);
}


/*
 * Mono's own parser and printer of numbers are wrong in the last digit of some
 * with large exponents.  Whatever a function has done to the locale: a point.
 */

static locale_t
mono_locale(void)
{
    static locale_t  c;

    if (c == NULL) {
        c = newlocale(LC_ALL_MASK, "C", NULL);
    }

    return c;
}


FAAS_API double
mono_parse(const char *text)
{
    return strtod_l(text, NULL, mono_locale());
}


/* The shortest text, of at most 32 bytes, that is that number again. */

FAAS_API int
mono_print(double number, char *text)
{
    int       n, digits;
    locale_t  old;

    old = uselocale(mono_locale());

    for (n = 0, digits = 15; digits <= 17; digits++) {
        n = snprintf(text, 32, "%.*g", digits, number);

        if (strtod(text, NULL) == number) {
            break;
        }
    }

    (void) uselocale(old);

    return n;
}
