/*
 * Finds the JVMs of a machine.  They are told apart by what their own files
 * say, because distributions and vendors have no rule for names of folders.
 *
 * Runs in the master under "nginx -t" and in the supervisor; only looks.
 */

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faas_java.h"


#define FAAS_JAVA_RELEASE  4096      /* of the file "release" */


static int faas_java_version(const char *program);
static int faas_java_file(const char *home);


int
faas_java_number(const char *runtime)
{
    int          n;
    const char  *p;

    if (strncmp(runtime, "java", 4) != 0) {
        return -1;
    }

    p = runtime + 4;

    if (*p == '\0') {
        return 0;
    }

    for (n = 0; *p >= '0' && *p <= '9' && n < 1000; p++) {
        n = n * 10 + (*p - '0');
    }

    return (*p == '\0' && runtime[4] != '0' && n >= FAAS_JAVA_MIN
            && n < 1000)
           ? n : -1;
}


int
faas_java_find(int number, char *path, size_t size)
{
    int              n, version;
    char             name[PATH_MAX], best[PATH_MAX], real[PATH_MAX];
    DIR             *dir;
    struct dirent   *e;

    if (number == 0) {

        if (realpath(FAAS_JAVA_DEFAULT, real) == NULL
            || access(real, X_OK) == -1 || strlen(real) >= size)
        {
            return FAAS_JAVA_MISSING;
        }

        version = faas_java_version(real);

        if (version != 0 && version < FAAS_JAVA_MIN) {
            return FAAS_JAVA_OLD;
        }

        (void) strcpy(path, real);

        return FAAS_JAVA_OK;
    }

    best[0] = '\0';
    dir = opendir(FAAS_JAVA_FOLDER);

    while (dir != NULL && (e = readdir(dir)) != NULL) {

        if (e->d_name[0] == '.') {
            continue;
        }

        n = snprintf(name, sizeof(name), FAAS_JAVA_FOLDER "/%s/bin/java",
                     e->d_name);

        /* of several the first by name: always the same one */

        if (n < 0 || (size_t) n >= sizeof(name)
            || realpath(name, real) == NULL || access(real, X_OK) == -1
            || faas_java_version(real) != number
            || (best[0] && strcmp(real, best) >= 0))
        {
            continue;
        }

        (void) strcpy(best, real);
    }

    if (dir != NULL) {
        (void) closedir(dir);
    }

    if (best[0] == '\0' || strlen(best) >= size) {
        return FAAS_JAVA_MISSING;
    }

    (void) strcpy(path, best);

    return FAAS_JAVA_OK;
}


/* 0 if nothing says so */

static int
faas_java_version(const char *program)
{
    int    i, version;
    char   home[PATH_MAX], *p;

    (void) snprintf(home, sizeof(home), "%s", program);

    /* HOME/bin/java; of old ones HOME/jre/bin/java */

    version = 0;

    for (i = 0; i < 3 && version == 0; i++) {
        p = strrchr(home, '/');

        if (p == NULL || p == home) {
            break;
        }

        *p = '\0';
        version = i > 0 ? faas_java_file(home) : 0;
    }

    return version;
}


/* JAVA_VERSION="17.0.15", "1.8.0_452" */

static int
faas_java_file(const char *home)
{
    int          fd, n, major, minor;
    char         name[PATH_MAX], text[FAAS_JAVA_RELEASE];
    char        *p;
    ssize_t      len;

    n = snprintf(name, sizeof(name), "%s/release", home);

    if (n < 0 || (size_t) n >= sizeof(name)) {
        return 0;
    }

    fd = open(name, O_RDONLY|O_CLOEXEC|O_NONBLOCK);

    if (fd == -1) {
        return 0;
    }

    len = read(fd, text, sizeof(text) - 1);
    (void) close(fd);

    if (len <= 0) {
        return 0;
    }

    text[len] = '\0';
    p = strstr(text, "JAVA_VERSION=\"");

    if (p == NULL) {
        return 0;
    }

    major = minor = 0;
    (void) sscanf(p + 14, "%4d.%4d", &major, &minor);

    return major == 1 ? minor : major;
}
