/*
 * Python's builtin functions for streams, and for errors, which may end one.
 *
 * Runs in Python environments, with the interpreter lock held; libfaas gives
 * it up where it may sleep.
 */

#include "faas_env.h"
#include "faas_py.h"


/* Text of Python's ends with a zero byte. */

static int
faas_py_begin_type(const void *data, size_t len)
{
    (void) len;

    return faas_stream_begin(data);
}


PyObject *
faas_py_begin(PyObject *self, PyObject *arg)
{
    (void) self;

    return faas_py_answer(arg, faas_py_begin_type);
}


PyObject *
faas_py_send(PyObject *self, PyObject *arg)
{
    (void) self;

    return faas_py_answer(arg, faas_stream_write);
}


PyObject *
faas_py_end(PyObject *self, PyObject *arg)
{
    (void) self;
    (void) arg;

    return faas_py_result(faas_stream_end());
}


PyObject *
faas_py_error(PyObject *self, PyObject *arg)
{
    (void) self;

    return faas_py_answer(arg, faas_stream_fail);
}
