/*
 * What lies between the clone of an environment and its user code, and the
 * read-only root in which zygotes live.  Private to libfaas, the spawner and
 * the supervisor.
 */

#ifndef _FAAS_SANDBOX_H_INCLUDED_
#define _FAAS_SANDBOX_H_INCLUDED_


#include <sys/types.h>

#include "faas_proto.h"


#define FAAS_SANDBOX_TASKS    8       /* most cgroup v1 "tasks" files */
#define FAAS_TASK_ROOT        "/var/task"
#define FAAS_SHARED_ROOT      "/mnt"
#define FAAS_LAYERS_ROOT      "/opt"


/* descriptors are above 3, -1 where there is none */

typedef struct {
    const faas_spawn_t   *spawn;
    int                   listen;
    int                   log;
    int                   control;
    int                   cgroup;     /* v2 folder that has to be joined */
    int                   tree;
    int                   shared;
    int                   layers;
    int                   runtime;
    int                   tasks[FAAS_SANDBOX_TASKS];
    const void           *filter;     /* struct sock_filter, or NULL */
    unsigned              filter_n;   /* of these */
} faas_box_t;


/*
 * In the child: descriptors 0 to 3, cgroups, mounts, limits, identity, as the
 * flags of the SPAWN message ask.  Needs no memory and takes no locks.  When
 * a step fails it says so on descriptor 2 and exits with FAAS_EXIT_SETUP.
 */
void faas_sandbox_enter(const faas_box_t *box);

/* Ends a child that cannot be set up; errno is the reason. */
void faas_sandbox_die(const char *step) __attribute__((noreturn));

/* faas_sandbox_mount.c: part of faas_sandbox_enter() */
void faas_sandbox_mounts(const faas_box_t *box);
void faas_sandbox_attach(int tree, const char *where);

/* faas_sandbox_image.c: part of it; the root becomes that of an image */
void faas_sandbox_image(const faas_box_t *box);

/*
 * faas_sandbox_lock.c: part of faas_sandbox_enter().  The network before
 * privileges are dropped, what needs none after that; the latter is last.
 */
void faas_sandbox_network(void);
void faas_sandbox_lock(const faas_box_t *box);

/* faas_landlock.c: part of faas_sandbox_enter(), with no_new_privs set */
void faas_landlock_scope(void);
void faas_landlock_files(const faas_box_t *box);

/*
 * faas_sandbox_root.c.  Gives the calling process a mount namespace of its
 * own with a minimal read-only root, RUNTIME_DIR at /var/runtime.  To be
 * called with CAP_SYS_ADMIN by a single-threaded process that then executes a
 * zygote or the spawner, whose paths are those of the new root.  0, or -1
 * with errno and STEP set to what failed; the process is to exit then.
 */
int faas_template_root(const char *runtime_dir, const char **step);

/*
 * faas_user.c.  Makes the calling process, which has no privileges and one
 * thread, privileged in a user namespace of its own that knows no user but
 * itself, with a mount namespace.  0, or -1 with errno.
 */
int faas_user_namespace(void);

/* The same file: says who PID, in a new user namespace, is. */
int faas_user_maps(pid_t pid, uid_t uid, gid_t gid);


#endif /* _FAAS_SANDBOX_H_INCLUDED_ */
