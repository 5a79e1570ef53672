/*
 * Which Java a runtime's name means: shared by the module, for "nginx -t",
 * and the supervisor.  No state, no locks.
 */

#ifndef _FAAS_JAVA_H_INCLUDED_
#define _FAAS_JAVA_H_INCLUDED_


#include <stddef.h>


#define FAAS_JAVA_OK        0
#define FAAS_JAVA_MISSING  -1
#define FAAS_JAVA_OLD      -2       /* what is there is below FAAS_JAVA_MIN */

#define FAAS_JAVA_MIN       17
#define FAAS_JAVA_FOLDER    "/usr/lib/jvm"
#define FAAS_JAVA_DEFAULT   "/usr/bin/java"


/* The NN of "javaNN", 0 of "java", -1: it is neither, or too old a one. */
int faas_java_number(const char *runtime);

/*
 * The program for that number, without links, into PATH.  0 stands for the
 * machine's default.
 */
int faas_java_find(int number, char *path, size_t size);


#endif /* _FAAS_JAVA_H_INCLUDED_ */
