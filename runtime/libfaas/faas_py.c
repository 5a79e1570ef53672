/*
 * Python's way to the environment's side: a handful of builtin functions,
 * because a call through ctypes costs more than the work behind it.
 *
 * Runs in Python environments, with the interpreter lock held but around what
 * may sleep.  The few functions used are all of Python's stable ABI and are
 * looked up at run time, so that one libfaas.so serves every 3.x and needs no
 * header of any; in other processes nothing here is used.
 */

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "faas_env_core.h"
#include "faas_py.h"
#include "faas_zygote.h"


typedef long                     faas_py_size_t;
typedef PyObject *(*faas_py_function_pt)(PyObject *self, PyObject *arg);


/* PyMethodDef */

typedef struct {
    const char           *name;
    faas_py_function_pt   function;
    int                   flags;
    const char           *doc;
} faas_py_method_t;

#define METH_NOARGS  0x0004
#define METH_O       0x0008


#define FAAS_PY_API(X)                                                        \
    X(void *, PyEval_SaveThread, (void))                                      \
    X(void, PyEval_RestoreThread, (void *))                                   \
    X(int, PyErr_CheckSignals, (void))                                        \
    X(void, PyErr_Clear, (void))                                              \
    X(PyObject *, PyErr_SetFromErrno, (PyObject *))                           \
    X(void, PyErr_SetString, (PyObject *, const char *))                      \
    X(int, PyBytes_AsStringAndSize, (PyObject *, char **, faas_py_size_t *))  \
    X(PyObject *, PyBytes_FromStringAndSize, (const char *, faas_py_size_t))  \
    X(PyObject *, PyCFunction_NewEx, (faas_py_method_t *, PyObject *,         \
                                      PyObject *))                            \
    X(PyObject *, PyLong_FromLongLong, (long long))                           \
    X(PyObject *, PyObject_CallObject, (PyObject *, PyObject *))              \
    X(PyObject *, PyTuple_New, (faas_py_size_t))                              \
    X(int, PyTuple_SetItem, (PyObject *, faas_py_size_t, PyObject *))         \
    X(PyObject *, PyUnicode_AsEncodedString, (PyObject *, const char *,       \
                                              const char *))                  \
    X(const char *, PyUnicode_AsUTF8AndSize, (PyObject *, faas_py_size_t *))  \
    X(PyObject *, PyUnicode_DecodeUTF8, (const char *, faas_py_size_t,        \
                                         const char *))                       \
    X(faas_py_size_t, PyUnicode_GetLength, (PyObject *))                      \
    X(void, Py_DecRef, (PyObject *))                                          \
    X(void, Py_IncRef, (PyObject *))

static struct {
#define FAAS_X(type, name, args)  type (*name) args;
    FAAS_PY_API(FAAS_X)
#undef FAAS_X
    PyObject             *none;
    PyObject            **os_error;
    PyObject            **type_error;
} py;


FAAS_API PyObject *faas_py_functions(void);

static int faas_py_load(void);
static void faas_py_leave(void);
static int faas_py_enter(int interrupted);
static PyObject *faas_py_next(PyObject *self, PyObject *arg);
static PyObject *faas_py_event(const faas_invocation_t *inv);
static PyObject *faas_py_text(const char *s, size_t len);
static PyObject *faas_py_arn(const faas_invocation_t *inv);
static PyObject *faas_py_respond(PyObject *self, PyObject *arg);
static PyObject *faas_py_log(PyObject *self, PyObject *arg);
static PyObject *faas_py_log_bytes(PyObject *arg);
static PyObject *faas_py_flush(PyObject *self, PyObject *arg);
static PyObject *faas_py_init(PyObject *self, PyObject *arg);
static PyObject *faas_py_ready(PyObject *self, PyObject *arg);
static PyObject *faas_py_fail(PyObject *self, PyObject *arg);
static PyObject *faas_py_version(PyObject *self, PyObject *arg);
static PyObject *faas_py_zygote(PyObject *self, PyObject *arg);


static faas_py_method_t  faas_py_methods[] = {

    { "next", faas_py_next, METH_NOARGS,
      "Waits for an invocation: (event, request_id, deadline_ms, arn, "
      "trace_id, client_context, identity, content_type), or None." },

    { "respond", faas_py_respond, METH_O,
      "Answers the invocation with a result, str or bytes." },

    { "begin", faas_py_begin, METH_O,
      "Begins a stream of that content type." },

    { "send", faas_py_send, METH_O, "A piece of it, str or bytes." },

    { "end", faas_py_end, METH_NOARGS, "The end of it." },

    { "error", faas_py_error, METH_O,
      "Answers the invocation, or ends the stream, with an error payload." },

    { "write", faas_py_log, METH_O,
      "Writes text to the log of the invocation." },

    { "flush", faas_py_flush, METH_NOARGS, "Sends log text now." },

    { "init", faas_py_init, METH_O,
      "Waits for the function to load: its description as JSON, or None.  "
      "Calls its argument when this blank is the next to be taken." },

    { "ready", faas_py_ready, METH_NOARGS, "The function is loaded." },

    { "fail", faas_py_fail, METH_O,
      "The function was not loaded: the error payload." },

    { "version", faas_py_version, METH_O, "Says which runtime this is." },

    { "zygote", faas_py_zygote, METH_NOARGS,
      "Makes this process a zygote at its next fork()." }
};

#define FAAS_PY_METHODS                                                       \
    (sizeof(faas_py_methods) / sizeof(faas_py_methods[0]))


/* The functions above as a tuple; NULL when this is no Python. */

PyObject *
faas_py_functions(void)
{
    size_t     i;
    PyObject  *tuple, *function;

    if (faas_py_load() == -1) {
        return NULL;
    }

    tuple = py.PyTuple_New(FAAS_PY_METHODS);

    if (tuple == NULL) {
        return NULL;
    }

    for (i = 0; i < FAAS_PY_METHODS; i++) {
        function = py.PyCFunction_NewEx(&faas_py_methods[i], NULL, NULL);

        if (function == NULL) {
            py.Py_DecRef(tuple);
            return NULL;
        }

        (void) py.PyTuple_SetItem(tuple, i, function);
    }

    return tuple;
}


static int
faas_py_load(void)
{
    if (py.none) {
        return 0;
    }

#define FAAS_X(type, name, args)                                              \
    *(void **) &py.name = dlsym(RTLD_DEFAULT, #name);                         \
    if (py.name == NULL) {                                                    \
        return -1;                                                            \
    }
    FAAS_PY_API(FAAS_X)
#undef FAAS_X

    py.os_error = dlsym(RTLD_DEFAULT, "PyExc_OSError");
    py.type_error = dlsym(RTLD_DEFAULT, "PyExc_TypeError");
    py.none = dlsym(RTLD_DEFAULT, "_Py_NoneStruct");

    if (py.os_error == NULL || py.type_error == NULL || py.none == NULL) {
        return -1;
    }

    faas_env.leave = faas_py_leave;
    faas_env.enter = faas_py_enter;
    faas_env.settle = py.PyErr_CheckSignals;

    return 0;
}


/* One thread at a time waits here, so one place for its state is enough. */

static void  *faas_py_thread;


static void
faas_py_leave(void)
{
    faas_py_thread = py.PyEval_SaveThread();
}


static int
faas_py_enter(int interrupted)
{
    py.PyEval_RestoreThread(faas_py_thread);

    return interrupted ? py.PyErr_CheckSignals() : 0;
}


static PyObject *
faas_py_next(PyObject *self, PyObject *arg)
{
    int                rc, i;
    PyObject          *tuple, *items[8];
    faas_invocation_t  inv;

    (void) self;
    (void) arg;

    rc = faas_next(&inv);

    if (rc != FAAS_ENV_OK) {
        return faas_py_result(rc);
    }

    tuple = py.PyTuple_New(8);

    if (tuple == NULL) {
        return NULL;
    }

    faas_trace_variable(&inv);

    items[0] = faas_py_event(&inv);
    items[1] = faas_py_text(inv.request_id, inv.request_id_len);
    items[2] = py.PyLong_FromLongLong(inv.deadline_ms);
    items[3] = faas_py_arn(&inv);
    items[4] = faas_py_text(inv.trace_id, inv.trace_id_len);
    items[5] = faas_py_text(inv.client_context, inv.client_context_len);
    items[6] = faas_py_text(inv.identity, inv.identity_len);
    items[7] = faas_py_text(inv.content_type, inv.content_type_len);

    for (i = 0; i < 8; i++) {
        if (items[i] == NULL) {
            rc = -1;
        }

        (void) py.PyTuple_SetItem(tuple, i, items[i]);
    }

    if (rc == -1) {
        py.Py_DecRef(tuple);
        return NULL;
    }

    return tuple;
}


/* As text, for which json is faster; as bytes what is not or cannot be. */

static PyObject *
faas_py_event(const faas_invocation_t *inv)
{
    PyObject  *event;

    if (inv->content_type_len == 0
        || strcmp(inv->content_type, "application/json") == 0)
    {
        event = py.PyUnicode_DecodeUTF8(inv->event, inv->event_len,
                                        "surrogatepass");
        if (event) {
            return event;
        }

        py.PyErr_Clear();
    }

    return py.PyBytes_FromStringAndSize(inv->event, inv->event_len);
}


static PyObject *
faas_py_text(const char *s, size_t len)
{
    if (len == 0) {
        py.Py_IncRef(py.none);
        return py.none;
    }

    return py.PyUnicode_DecodeUTF8(s, len, "replace");
}


/* Is the same every time, but for the qualifier. */

static PyObject *
faas_py_arn(const faas_invocation_t *inv)
{
    static char       last[256];
    static PyObject  *object;

    if (object == NULL || strcmp(inv->arn, last) != 0) {

        if (inv->arn_len >= sizeof(last)) {
            return faas_py_text(inv->arn, inv->arn_len);
        }

        if (object) {
            py.Py_DecRef(object);
        }

        object = faas_py_text(inv->arn, inv->arn_len);

        if (object == NULL) {
            return NULL;
        }

        memcpy(last, inv->arn, inv->arn_len + 1);
    }

    py.Py_IncRef(object);

    return object;
}


static PyObject *
faas_py_respond(PyObject *self, PyObject *arg)
{
    (void) self;

    return faas_py_answer(arg, faas_respond);
}


/* An exception of the conversion leaves the invocation unanswered. */

PyObject *
faas_py_answer(PyObject *arg, int (*answer)(const void *data, size_t len))
{
    char            *bytes;
    const char      *text;
    faas_py_size_t   len;

    if (py.PyBytes_AsStringAndSize(arg, &bytes, &len) == 0) {
        text = bytes;

    } else {
        py.PyErr_Clear();
        text = py.PyUnicode_AsUTF8AndSize(arg, &len);

        if (text == NULL) {
            return NULL;
        }
    }

    return faas_py_result(answer(text, len));
}


static PyObject *
faas_py_log(PyObject *self, PyObject *arg)
{
    PyObject        *bytes, *result;
    const char      *text;
    faas_py_size_t   len;

    (void) self;

    len = py.PyUnicode_GetLength(arg);

    if (len == -1) {
        py.PyErr_Clear();
        return faas_py_log_bytes(arg);
    }

    text = py.PyUnicode_AsUTF8AndSize(arg, &len);

    if (text) {
        faas_log(text, len);

    } else {

        /* lone surrogates, as names of files have them */

        py.PyErr_Clear();
        bytes = py.PyUnicode_AsEncodedString(arg, "utf-8", "backslashreplace");

        if (bytes == NULL) {
            return NULL;
        }

        result = faas_py_log_bytes(bytes);
        py.Py_DecRef(bytes);

        if (result == NULL) {
            return NULL;
        }

        py.Py_DecRef(result);
    }

    return py.PyLong_FromLongLong(py.PyUnicode_GetLength(arg));
}


static PyObject *
faas_py_log_bytes(PyObject *arg)
{
    char            *bytes;
    faas_py_size_t   len;

    if (py.PyBytes_AsStringAndSize(arg, &bytes, &len) == -1) {
        py.PyErr_Clear();
        py.PyErr_SetString(*py.type_error, "write() argument must be str");
        return NULL;
    }

    faas_log(bytes, len);

    return py.PyLong_FromLongLong(len);
}


static PyObject *
faas_py_flush(PyObject *self, PyObject *arg)
{
    (void) self;
    (void) arg;

    faas_log_flush();

    return faas_py_result(FAAS_ENV_OK);
}


/* A failure is no more than a start that takes longer. */

static PyObject  *faas_py_warmer;


static void
faas_py_warm(void)
{
    PyObject  *result;

    result = py.PyObject_CallObject(faas_py_warmer, NULL);

    if (result) {
        py.Py_DecRef(result);

    } else {
        py.PyErr_Clear();
    }
}


static PyObject *
faas_py_init(PyObject *self, PyObject *arg)
{
    int        rc;
    char      *json;
    size_t     len;
    PyObject  *text;

    (void) self;

    faas_py_warmer = arg;
    faas_env.warm = faas_py_warm;

    rc = faas_env_init(&json, &len);

    if (rc != FAAS_ENV_OK) {
        return faas_py_result(rc);
    }

    text = py.PyUnicode_DecodeUTF8(json, len, "surrogateescape");
    free(json);

    return text;
}


static PyObject *
faas_py_ready(PyObject *self, PyObject *arg)
{
    (void) self;
    (void) arg;

    return faas_py_result(faas_env_ready());
}


static PyObject *
faas_py_fail(PyObject *self, PyObject *arg)
{
    (void) self;

    return faas_py_answer(arg, faas_env_error);
}


static PyObject *
faas_py_version(PyObject *self, PyObject *arg)
{
    const char      *text;
    faas_py_size_t   len;

    (void) self;

    text = py.PyUnicode_AsUTF8AndSize(arg, &len);

    if (text == NULL) {
        return NULL;
    }

    faas_env_version(text);

    return faas_py_result(FAAS_ENV_OK);
}


static PyObject *
faas_py_zygote(PyObject *self, PyObject *arg)
{
    (void) self;
    (void) arg;

    faas_zygote_serve_on_next_fork();

    return faas_py_result(FAAS_ENV_OK);
}


/* None, or the exception that is set or that errno makes */

PyObject *
faas_py_result(int rc)
{
    if (rc == FAAS_ENV_ERROR) {

        /* a signal handler's own exception says more than errno does */

        return (errno == EINTR) ? NULL
                                : py.PyErr_SetFromErrno(*py.os_error);
    }

    py.Py_IncRef(py.none);

    return py.none;
}
