/*
 * Landlock: what an environment cannot take back even if it would run as its
 * user again.  See faas_sandbox.c.
 *
 * Runs in a freshly cloned child of a zygote; system calls only.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faas_sandbox.h"


#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset  444
#define SYS_landlock_add_rule        445
#define SYS_landlock_restrict_self   446
#endif

#define FAAS_LANDLOCK_VERSION        1     /* flag: asks for the version */
#define FAAS_LANDLOCK_PATH           1     /* type of rule */
#define FAAS_LANDLOCK_BIND_TCP       0x1
#define FAAS_LANDLOCK_SCOPE_SOCKETS  0x1   /* abstract Unix sockets */
#define FAAS_LANDLOCK_SCOPE_SIGNALS  0x2

/* rights to files; how many there are depends on the version */

#define FAAS_LANDLOCK_EXECUTE        0x1
#define FAAS_LANDLOCK_WRITE          0x2
#define FAAS_LANDLOCK_READ           0x4
#define FAAS_LANDLOCK_READ_DIR       0x8
#define FAAS_LANDLOCK_ALL_1          0x1fff
#define FAAS_LANDLOCK_REFER          0x2000
#define FAAS_LANDLOCK_TRUNCATE       0x4000
#define FAAS_LANDLOCK_IOCTL          0x8000

/* of a file that is no folder */
#define FAAS_LANDLOCK_OF_FILES                                                \
    (FAAS_LANDLOCK_EXECUTE|FAAS_LANDLOCK_WRITE|FAAS_LANDLOCK_READ             \
     |FAAS_LANDLOCK_TRUNCATE|FAAS_LANDLOCK_IOCTL)

#define FAAS_LANDLOCK_LOOK                                                    \
    (FAAS_LANDLOCK_EXECUTE|FAAS_LANDLOCK_READ|FAAS_LANDLOCK_READ_DIR)


/* struct landlock_ruleset_attr of version 6; the kernel takes shorter ones */

typedef struct {
    uint64_t              handled_access_fs;
    uint64_t              handled_access_net;
    uint64_t              scoped;
} faas_landlock_t;


/* struct landlock_path_beneath_attr */

typedef struct __attribute__((packed)) {
    uint64_t              allowed_access;
    int32_t               parent_fd;
} faas_landlock_path_t;


static void faas_landlock_restrict(int fd);
static void faas_landlock_allow(int ruleset, int fd, uint64_t access,
    int file);


/* what programs need to run and to find names, as in the template root */

static const char  *faas_landlock_folders[] = {
    "/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32",
    "/etc/alternatives", "/etc/crypto-policies", "/etc/fonts",
    "/etc/java-17-openjdk", "/etc/java-21-openjdk", "/etc/java-25-openjdk",
    "/etc/mono", "/etc/perl", "/etc/php", "/etc/pki/ca-trust",
    "/etc/pki/tls/certs", "/etc/ssl/certs", "/proc/self", NULL
};

static const char  *faas_landlock_files_read[] = {
    "/etc/gai.conf", "/etc/group", "/etc/host.conf", "/etc/hosts",
    "/etc/ld.so.cache", "/etc/localtime", "/etc/magic", "/etc/mime.types",
    "/etc/nsswitch.conf", "/etc/passwd", "/etc/protocols",
    "/etc/resolv.conf", "/etc/services", "/etc/ssl/openssl.cnf",
    "/etc/timezone", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat",
    "/proc/version", NULL
};

static const char  *faas_landlock_devices[] = {
    "/dev/full", "/dev/null", "/dev/random", "/dev/urandom", "/dev/zero",
    NULL
};


/*
 * Only the scopes: where there are mounts, rules about files would cost each
 * open() as much as the mounts do for all of them.
 */

void
faas_landlock_scope(void)
{
    faas_landlock_t  attr;

    memset(&attr, 0, sizeof(faas_landlock_t));
    attr.scoped = FAAS_LANDLOCK_SCOPE_SOCKETS|FAAS_LANDLOCK_SCOPE_SIGNALS;

    faas_landlock_restrict(syscall(SYS_landlock_create_ruleset, &attr,
                                   sizeof(attr), 0));
}


static void
faas_landlock_restrict(int fd)
{
    if (fd == -1 || syscall(SYS_landlock_restrict_self, fd, 0) == -1) {
        faas_sandbox_die("landlock");
    }

    (void) close(fd);
}


/* Without mounts: the code, the runtime, a folder to write to. */

void
faas_landlock_files(const faas_box_t *box)
{
    int              i, fd, abi;
    size_t           size;
    faas_landlock_t  attr;

    abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
                  FAAS_LANDLOCK_VERSION);

    memset(&attr, 0, sizeof(faas_landlock_t));
    attr.handled_access_fs = FAAS_LANDLOCK_ALL_1
                             |(abi >= 2 ? FAAS_LANDLOCK_REFER : 0)
                             |(abi >= 3 ? FAAS_LANDLOCK_TRUNCATE : 0)
                             |(abi >= 5 ? FAAS_LANDLOCK_IOCTL : 0);

    /* it does not bind ports: nobody is to connect to it */

    attr.handled_access_net = abi >= 4 ? FAAS_LANDLOCK_BIND_TCP : 0;
    size = abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);

    fd = syscall(SYS_landlock_create_ruleset, &attr, size, 0);

    if (fd == -1) {
        faas_sandbox_die("landlock");
    }

    for (i = 0; faas_landlock_folders[i]; i++) {
        faas_landlock_allow(fd, open(faas_landlock_folders[i],
                                     O_PATH|O_CLOEXEC),
                            FAAS_LANDLOCK_LOOK, 0);
    }

    for (i = 0; faas_landlock_files_read[i]; i++) {
        faas_landlock_allow(fd, open(faas_landlock_files_read[i],
                                     O_PATH|O_CLOEXEC),
                            FAAS_LANDLOCK_READ, 1);
    }

    for (i = 0; faas_landlock_devices[i]; i++) {
        faas_landlock_allow(fd, open(faas_landlock_devices[i],
                                     O_PATH|O_CLOEXEC),
                            attr.handled_access_fs & FAAS_LANDLOCK_OF_FILES
                            & ~FAAS_LANDLOCK_EXECUTE, 1);
    }

    faas_landlock_allow(fd, box->tree, FAAS_LANDLOCK_LOOK, 0);
    faas_landlock_allow(fd, box->shared, attr.handled_access_fs, 0);
    faas_landlock_allow(fd, box->runtime, FAAS_LANDLOCK_LOOK, 0);

    faas_landlock_restrict(fd);
}


/* What is not there cannot be reached either.  Closes the descriptor. */

static void
faas_landlock_allow(int ruleset, int fd, uint64_t access, int file)
{
    faas_landlock_path_t  path;

    if (fd == -1) {
        return;
    }

    path.allowed_access = file ? access & FAAS_LANDLOCK_OF_FILES : access;
    path.parent_fd = fd;

    if (syscall(SYS_landlock_add_rule, ruleset, FAAS_LANDLOCK_PATH, &path, 0)
        == -1)
    {
        faas_sandbox_die("landlock");
    }

    (void) close(fd);
}
