/*
 * The Java runtime's way to libfaas, and to the system where Java has none:
 * the working folder, the variables of a process that runs already, signals.
 *
 * Runs in environments, as libfaas-java.so in the JVM.  One thread calls all
 * of it but log() and flush(), which take libfaas's lock.
 */

#include <errno.h>
#include <jni.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "faas_env_core.h"


#define JAVA_SMALL    16384          /* copied on the stack */
#define JAVA_NUMBERS  7              /* as Native.java has them */

#define java_native(name)  Java_ngxfaas_Native_##name


static volatile sig_atomic_t  java_ends;
static pthread_t              java_main;
static pid_t                  java_pid;


/*
 * SIGTERM, to whichever thread: the one that waits for invocations has to
 * return from its sleep, so that the JVM ends in its own way.
 */

static void
java_sigterm(int signo)
{
    if (getpid() != java_pid) {

        /* just forked by the JVM, not executed yet */

        (void) signal(signo, SIG_DFL);
        (void) raise(signo);
        return;
    }

    java_ends = 1;

    if (!pthread_equal(pthread_self(), java_main)) {
        (void) pthread_kill(java_main, signo);
    }
}


/* What was logged a moment ago must not end with the JVM. */

static void
java_exit(void)
{
    if (getpid() == java_pid) {
        faas_log_flush();
    }
}


static void
java_throw(JNIEnv *jni, const char *text)
{
    jclass  c;

    c = (*jni)->FindClass(jni, "java/lang/IllegalStateException");

    if (c != NULL) {
        (void) (*jni)->ThrowNew(jni, c, text);
    }
}


/* A zero-terminated copy; the caller frees it.  NULL with an exception. */

static char *
java_bytes(JNIEnv *jni, jbyteArray array)
{
    char   *text;
    jsize   len;

    len = (*jni)->GetArrayLength(jni, array);
    text = malloc((size_t) len + 1);

    if (text == NULL) {
        java_throw(jni, "out of memory");
        return NULL;
    }

    (*jni)->GetByteArrayRegion(jni, array, 0, len, (jbyte *) text);
    text[len] = '\0';

    return text;
}


JNIEXPORT jbyteArray JNICALL
java_native(init)(JNIEnv *jni, jclass self, jbyteArray version)
{
    int                rc;
    char              *text;
    size_t             len;
    jbyteArray         array;
    struct sigaction   sa;

    (void) self;

    text = java_bytes(jni, version);

    if (text == NULL) {
        return NULL;
    }

    java_main = pthread_self();
    java_pid = getpid();

    faas_env_version(text);
    faas_env_interruptible();
    free(text);

    rc = faas_env_init(&text, &len);

    if (rc != FAAS_ENV_OK) {

        if (rc == FAAS_ENV_ERROR) {
            java_throw(jni, strerror(errno));
        }

        return NULL;
    }

    /* a blank just ends; from here on there may be hooks to run */

    memset(&sa, 0, sizeof(struct sigaction));
    sa.sa_handler = java_sigterm;
    sa.sa_flags = SA_RESTART;            /* of the function's own calls */
    (void) sigemptyset(&sa.sa_mask);
    (void) sigaction(SIGTERM, &sa, NULL);
    (void) atexit(java_exit);

    array = (*jni)->NewByteArray(jni, (jsize) len);

    if (array != NULL) {
        (*jni)->SetByteArrayRegion(jni, array, 0, (jsize) len,
                                   (const jbyte *) text);
    }

    free(text);

    return array;
}


JNIEXPORT void JNICALL
java_native(ready)(JNIEnv *jni, jclass self)
{
    (void) self;

    if (faas_env_ready() != FAAS_ENV_OK) {
        java_throw(jni, strerror(errno));
    }
}


JNIEXPORT void JNICALL
java_native(error)(JNIEnv *jni, jclass self, jbyteArray json, jint len)
{
    char  *text;

    (void) self;

    text = java_bytes(jni, json);

    if (text != NULL) {
        (void) faas_env_error(text, (size_t) len);
        free(text);
    }
}


/* Event and parameters in one array, for one allocation of Java's. */

static jbyteArray
java_invocation(JNIEnv *jni, faas_invocation_t *inv, jlongArray numbers)
{
    int          i;
    jsize        at;
    size_t       all;
    jlong        n[JAVA_NUMBERS];
    jbyteArray   array;
    const char  *part[] = { NULL, inv->event, inv->request_id, inv->arn,
                            inv->trace_id, inv->client_context,
                            inv->identity };

    n[0] = inv->deadline_ms;
    n[1] = (jlong) inv->event_len;
    n[2] = (jlong) inv->request_id_len;
    n[3] = (jlong) inv->arn_len;
    n[4] = (jlong) inv->trace_id_len;
    n[5] = (jlong) inv->client_context_len;
    n[6] = (jlong) inv->identity_len;

    for (all = 0, i = 1; i < JAVA_NUMBERS; i++) {
        all += (size_t) n[i];
    }

    if (all > 0x7fffffff) {
        java_throw(jni, "the event is too large");
        return NULL;
    }

    array = (*jni)->NewByteArray(jni, (jsize) all);

    if (array == NULL) {
        return NULL;
    }

    for (at = 0, i = 1; i < JAVA_NUMBERS; i++) {
        (*jni)->SetByteArrayRegion(jni, array, at, (jsize) n[i],
                                   (const jbyte *) part[i]);
        at += (jsize) n[i];
    }

    (*jni)->SetLongArrayRegion(jni, numbers, 0, JAVA_NUMBERS, n);

    return array;
}


JNIEXPORT jbyteArray JNICALL
java_native(next)(JNIEnv *jni, jclass self, jlongArray numbers)
{
    int                rc;
    faas_invocation_t  inv;

    (void) self;

    for ( ;; ) {
        rc = java_ends ? FAAS_ENV_SHUTDOWN : faas_next(&inv);

        if (rc == FAAS_ENV_OK) {
            return java_invocation(jni, &inv, numbers);
        }

        if (rc == FAAS_ENV_SHUTDOWN) {
            return NULL;
        }

        if (errno != EINTR) {
            java_throw(jni, strerror(errno));
            return NULL;
        }
    }
}


JNIEXPORT void JNICALL
java_native(answer)(JNIEnv *jni, jclass self, jbyteArray data, jint len,
    jint status)
{
    char  *text, small[JAVA_SMALL];

    (void) self;

    text = len <= JAVA_SMALL ? small : malloc((size_t) len);

    if (text == NULL) {
        java_throw(jni, "out of memory");
        return;
    }

    (*jni)->GetByteArrayRegion(jni, data, 0, len, (jbyte *) text);

    if (!(*jni)->ExceptionCheck(jni)) {
        (void) (status ? faas_respond_error(text, (size_t) len)
                       : faas_respond(text, (size_t) len));
    }

    if (text != small) {
        free(text);
    }
}


/*
 * The last answer of a JVM that ends.  From before it is sent nobody can
 * connect, nor send anything more: a request that comes in the meantime finds
 * another environment.
 */

JNIEXPORT void JNICALL
java_native(last)(JNIEnv *jni, jclass self, jbyteArray json, jint len)
{
    unsigned  i;

    (void) close(faas_env.listen);

    for (i = 0; i < faas_env.n_conns; i++) {
        (void) shutdown(faas_env.conns[i]->fd, SHUT_RD);
    }

    java_native(answer)(jni, self, json, len, 1);
}


JNIEXPORT void JNICALL
java_native(log)(JNIEnv *jni, jclass self, jbyteArray data, jint offset,
    jint len)
{
    jint  n;
    char  text[JAVA_SMALL];

    (void) self;

    for ( /* void */ ; len > 0; offset += n, len -= n) {
        n = len < JAVA_SMALL ? len : JAVA_SMALL;

        (*jni)->GetByteArrayRegion(jni, data, offset, n, (jbyte *) text);

        if ((*jni)->ExceptionCheck(jni)) {
            return;
        }

        faas_log(text, (size_t) n);
    }
}


JNIEXPORT void JNICALL
java_native(flush)(JNIEnv *jni, jclass self)
{
    (void) jni;
    (void) self;

    faas_log_flush();
}


JNIEXPORT jstring JNICALL
java_native(enter)(JNIEnv *jni, jclass self, jbyteArray folder)
{
    int    rc;
    char  *path;

    (void) self;

    path = java_bytes(jni, folder);

    if (path == NULL) {
        return NULL;
    }

    rc = chdir(path);
    free(path);

    return rc == -1 ? (*jni)->NewStringUTF(jni, strerror(errno)) : NULL;
}


/* An object that System.getenv() keeps: the CLASS of BYTES. */

static jobject
java_variable(JNIEnv *jni, const char *class, const char *signature,
    jbyteArray bytes)
{
    jclass     c;
    jmethodID  make;

    c = (*jni)->FindClass(jni, class);
    make = c ? (*jni)->GetStaticMethodID(jni, c, "valueOf", signature) : NULL;

    return make ? (*jni)->CallStaticObjectMethod(jni, c, make, bytes) : NULL;
}


/* The map behind System.getenv(), which nobody in Java may change. */

static jobject
java_variables(JNIEnv *jni, jmethodID *put)
{
    jclass     c, map;
    jobject    all;
    jfieldID   field;
    jmethodID  clear;

    c = (*jni)->FindClass(jni, "java/lang/ProcessEnvironment");
    field = c ? (*jni)->GetStaticFieldID(jni, c, "theEnvironment",
                                         "Ljava/util/HashMap;")
              : NULL;
    all = field ? (*jni)->GetStaticObjectField(jni, c, field) : NULL;
    map = all ? (*jni)->FindClass(jni, "java/util/HashMap") : NULL;
    clear = map ? (*jni)->GetMethodID(jni, map, "clear", "()V") : NULL;

    if (clear == NULL) {
        return NULL;
    }

    (*jni)->CallVoidMethod(jni, all, clear);

    *put = (*jni)->GetMethodID(jni, map, "put", "(Ljava/lang/Object;"
                               "Ljava/lang/Object;)Ljava/lang/Object;");

    return *put ? all : NULL;
}


JNIEXPORT void JNICALL
java_native(environment)(JNIEnv *jni, jclass self, jobjectArray pairs)
{
    char       *name, *value;
    jsize       i, n;
    jobject     all, key, text;
    jmethodID   put;
    jbyteArray  array[2];

    (void) self;

    all = java_variables(jni, &put);
    n = (*jni)->GetArrayLength(jni, pairs);
    (void) clearenv();

    for (i = 0; all != NULL && i + 1 < n; i += 2) {
        array[0] = (*jni)->GetObjectArrayElement(jni, pairs, i);
        array[1] = (*jni)->GetObjectArrayElement(jni, pairs, i + 1);
        name = java_bytes(jni, array[0]);
        value = java_bytes(jni, array[1]);

        if (name && value) {
            (void) setenv(name, value, 1);
        }

        free(name);
        free(value);

        key = java_variable(jni, "java/lang/ProcessEnvironment$Variable",
                            "([B)Ljava/lang/ProcessEnvironment$Variable;",
                            array[0]);
        text = key ? java_variable(jni, "java/lang/ProcessEnvironment$Value",
                                   "([B)Ljava/lang/ProcessEnvironment$Value;",
                                   array[1])
                   : NULL;

        if (text == NULL) {
            return;
        }

        (*jni)->DeleteLocalRef(jni, (*jni)->CallObjectMethod(jni, all, put,
                                                             key, text));
        (*jni)->DeleteLocalRef(jni, key);
        (*jni)->DeleteLocalRef(jni, text);
        (*jni)->DeleteLocalRef(jni, array[0]);
        (*jni)->DeleteLocalRef(jni, array[1]);
    }
}
