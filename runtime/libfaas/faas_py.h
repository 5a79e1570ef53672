/*
 * What the files of the builtin functions for Python share.  Private to
 * libfaas.so; needs no header of Python's.
 */

#ifndef _FAAS_PY_H_INCLUDED_
#define _FAAS_PY_H_INCLUDED_


#include <stddef.h>


typedef struct faas_py_object_s  PyObject;


/* faas_py.c */

PyObject *faas_py_answer(PyObject *arg,
    int (*answer)(const void *data, size_t len));
PyObject *faas_py_result(int rc);

/* faas_py_stream.c: builtin functions */

PyObject *faas_py_begin(PyObject *self, PyObject *arg);
PyObject *faas_py_send(PyObject *self, PyObject *arg);
PyObject *faas_py_end(PyObject *self, PyObject *arg);
PyObject *faas_py_error(PyObject *self, PyObject *arg);


#endif /* _FAAS_PY_H_INCLUDED_ */
