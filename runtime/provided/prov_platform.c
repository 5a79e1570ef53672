/*
 * Events of the platform: init, invocations, reports.
 *
 * Runs in the bridge's one thread; no locks.
 */

#include <stdlib.h>
#include <string.h>

#include "prov_telemetry.h"


#define PROV_PHASE  "\"initializationType\":\"%s\",\"phase\":\"init\""


static uint64_t  prov_init_us;        /* when init began; what it took */
static uint64_t  prov_began_us;       /* of the last invocation */
static char      prov_last[PROV_ID_MAX];
static const char  *prov_status;    /* how it went */


static const char *
prov_tm_variable(const char *name)
{
    const char  *value;

    value = getenv(name);

    return value != NULL ? value : "";
}


static const char *
prov_tm_init_type(void)
{
    return prov_tm_variable("AWS_LAMBDA_INITIALIZATION_TYPE");
}


void
prov_tm_init_start(void)
{
    prov_init_us = prov_tm_now_us();
    prov_tm_platform("platform.initStart", "{" PROV_PHASE ",\"functionName\":"
                     "\"%s\",\"functionVersion\":\"%s\"}",
                     prov_tm_init_type(),
                     prov_tm_variable("AWS_LAMBDA_FUNCTION_NAME"),
                     prov_tm_variable("AWS_LAMBDA_FUNCTION_VERSION"));
}


void
prov_tm_init_over(void)
{
    unsigned     i;
    prov_ext_t  *e;

    if (prov_exts.n == 0) {
        return;
    }

    prov_tm_platform("platform.initRuntimeDone",
                     "{" PROV_PHASE ",\"status\":\"success\"}",
                     prov_tm_init_type());

    for (i = 0; i < prov_exts.n; i++) {
        e = &prov_exts.list[i];
        prov_tm_platform("platform.extension", "{\"name\":\"%s\",\"state\":"
                         "\"Ready\",\"events\":[%s%s%s]}", e->name,
                         e->events & PROV_EXT_INVOKE ? "\"INVOKE\"" : "",
                         e->events == (PROV_EXT_INVOKE|PROV_EXT_SHUTDOWN)
                         ? "," : "",
                         e->events & PROV_EXT_SHUTDOWN ? "\"SHUTDOWN\"" : "");
    }

    if (prov_init_us) {
        prov_init_us = prov_tm_now_us() - prov_init_us;
        prov_tm_platform("platform.initReport", "{" PROV_PHASE ",\"metrics\":"
                         "{\"durationMs\":%.3f}}", prov_tm_init_type(),
                         prov_init_us / 1000.0);
    }
}


void
prov_tm_start(prov_work_t *w)
{
    if (!prov_tm_wanted()) {
        return;
    }

    w->began_us = prov_tm_now_us();
    prov_tm_platform("platform.start", "{\"requestId\":\"%.*s\","
                     "\"version\":\"%s\"}", (int) w->request_id.len,
                     w->request_id.data,
                     prov_tm_variable("AWS_LAMBDA_FUNCTION_VERSION"));
}


/* STATUS: success, error, failure (of the process), timeout */

void
prov_tm_runtime_done(prov_work_t *w, size_t len, const char *status)
{
    if (!prov_tm_wanted()) {
        return;
    }

    memcpy(prov_last, w->request_id.data, w->request_id.len);
    prov_last[w->request_id.len] = '\0';
    prov_began_us = w->began_us;
    prov_status = status;

    prov_tm_platform("platform.runtimeDone", "{\"requestId\":\"%s\","
                     "\"status\":\"%s\",\"metrics\":{\"durationMs\":%.3f,"
                     "\"producedBytes\":%zu}}", prov_last, status,
                     (prov_tm_now_us() - prov_began_us) / 1000.0, len);
}


/* Those that run are over their time. */

void
prov_tm_timeout(void)
{
    prov_work_t  *w;

    for (w = prov.works; w != NULL; w = w->next) {
        if (w->state == PROV_WORK_RUNNING || w->state == PROV_WORK_ANSWERING)
        {
            prov_tm_runtime_done(w, 0, "timeout");
            prov_tm_report();
        }
    }
}


/* The runtime asks for more: with that the last invocation is over. */

void
prov_tm_report(void)
{
    uint64_t  us;

    if (prov_last[0] == '\0' || !prov_tm_wanted()) {
        return;
    }

    us = prov_tm_now_us() - prov_began_us;

    prov_tm_platform("platform.report", "{\"requestId\":\"%s\",\"status\":"
                     "\"%s\",\"metrics\":{\"durationMs\":%.3f,"
                     "\"billedDurationMs\":%llu,\"memorySizeMB\":%d}}",
                     prov_last, prov_status, us / 1000.0,
                     (unsigned long long) (us + 999) / 1000,
                     atoi(prov_tm_variable("AWS_LAMBDA_FUNCTION_MEMORY_"
                                           "SIZE")));
    prov_last[0] = '\0';
}
