/*
 * The sandbox in the configuration: "network", "cpu", "seccomp" and "mount"
 * of a function, users and addresses of all.
 *
 * Runs in the master while it reads a configuration; takes no locks.  What is
 * read here is done by the supervisor.
 */

#include "ngx_http_faas.h"

#include <dlfcn.h>


#define NGX_HTTP_FAAS_MOUNTS     16
#define NGX_HTTP_FAAS_SECCOMP    128
#define NGX_HTTP_FAAS_ADDRESSES  32

/* outside of what distributions and container engines give to others */
#define NGX_HTTP_FAAS_UID_FIRST  1900000000
#define NGX_HTTP_FAAS_UID_MAX    4294967293

/* of one vCPU, as at Lambda */
#define NGX_HTTP_FAAS_CPU_MB     1769

/* the library's __NR_SCMP_ERROR */
#define NGX_HTTP_FAAS_NO_CALL    -1

/* "cpu lambda" until "memory" is known */
#define NGX_HTTP_FAAS_CPU_LAMBDA  -2

#define NGX_HTTP_FAAS_CPU_LIMIT  256000


char *
ngx_http_faas_set_network(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_uint_t  i;

    static ngx_str_t  names[] = {
        ngx_string("egress"), ngx_string("none"), ngx_string("host")
    };

    if (fn->network != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    for (i = 0; i < 3; i++) {
        if (value[1].len == names[i].len
            && ngx_strcmp(value[1].data, names[i].data) == 0)
        {
            fn->network = i;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"network\", it must be "
                       "\"none\", \"egress\" or \"host\"", &value[1]);

    return NGX_CONF_ERROR;
}


/* "share", "lambda", or a number of cpus like "0.5" */

char *
ngx_http_faas_set_cpu(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_int_t  milli;

    if (fn->cpu != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (ngx_strcmp(value[1].data, "share") == 0) {
        fn->cpu = 0;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "lambda") == 0) {
        fn->cpu = NGX_HTTP_FAAS_CPU_LAMBDA;
        return NGX_CONF_OK;
    }

    milli = ngx_atofp(value[1].data, value[1].len, 3);

    if (milli == NGX_ERROR || milli < 10 || milli > NGX_HTTP_FAAS_CPU_LIMIT) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"cpu\", it must be "
                           "\"share\", \"lambda\" or a number of cpus from "
                           "0.01 to %d", &value[1],
                           NGX_HTTP_FAAS_CPU_LIMIT / 1000);
        return NGX_CONF_ERROR;
    }

    fn->cpu = milli;

    return NGX_CONF_OK;
}


/*
 * The names of system calls are in the library that the supervisor makes its
 * filters with.  nginx needs it for nothing else, so it is loaded when there
 * are names to look up, and no longer than that.  Without it, which is also
 * without a supervisor that could start, every name is taken.
 */

static ngx_str_t *
ngx_http_faas_unknown_call(ngx_str_t *names, ngx_uint_t n)
{
    int       (*resolve)(const char *name);
    void       *lib;
    ngx_str_t  *unknown;
    ngx_uint_t  i;

    unknown = NULL;
    lib = dlopen("libseccomp.so.2", RTLD_NOW|RTLD_LOCAL);

    if (lib == NULL) {
        return NULL;
    }

    *(void **) &resolve = dlsym(lib, "seccomp_syscall_resolve_name");

    for (i = 0; resolve && i < n && unknown == NULL; i++) {
        if (resolve((char *) names[i].data) == NGX_HTTP_FAAS_NO_CALL) {
            unknown = &names[i];
        }
    }

    (void) dlclose(lib);

    return unknown;
}


/* Without these no runtime of ours takes a request or loads a function. */

static ngx_uint_t
ngx_http_faas_needed_call(ngx_str_t *name)
{
    ngx_uint_t  i;

    static const char *const  calls[] = {
        "accept4", "close", "fcntl", "newfstatat", "openat", "read",
        "rt_sigaction"
    };

    for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (ngx_strcmp(name->data, calls[i]) == 0) {
            return 1;
        }
    }

    return 0;
}


/* System calls that are refused in addition to those that always are. */

char *
ngx_http_faas_set_seccomp(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_str_t   *name, *unknown;
    ngx_uint_t   i;

    unknown = ngx_http_faas_unknown_call(&value[1], n - 1);

    if (unknown) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown system call \"%V\" in \"seccomp\"",
                           unknown);
        return NGX_CONF_ERROR;
    }

    if (fn->seccomp == NULL) {
        fn->seccomp = ngx_array_create(cf->pool, n, sizeof(ngx_str_t));
        if (fn->seccomp == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (fn->seccomp->nelts + n - 1 > NGX_HTTP_FAAS_SECCOMP) {
        return "has too many system calls";
    }

    for (i = 1; i < n; i++) {

        if (ngx_http_faas_needed_call(&value[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" in \"seccomp\" is a system call that "
                               "every runtime needs", &value[i]);
            return NGX_CONF_ERROR;
        }

        name = ngx_array_push(fn->seccomp);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return NGX_CONF_OK;
}


/* contract, section 6.5: /mnt/[a-zA-Z0-9-_.]+ */

static ngx_uint_t
ngx_http_faas_target_ok(ngx_str_t *target)
{
    u_char      ch;
    ngx_uint_t  i;

    if (target->len < sizeof("/mnt/x") - 1 || target->len > 160
        || ngx_strncmp(target->data, "/mnt/", 5) != 0)
    {
        return 0;
    }

    for (i = 5; i < target->len; i++) {
        ch = target->data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_'
              || ch == '.'))
        {
            return 0;
        }
    }

    return !(target->data[5] == '.'
             && (target->len == 6
                 || (target->len == 7 && target->data[6] == '.')));
}


static ngx_http_faas_mount_t *
ngx_http_faas_add_mount(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *target)
{
    ngx_uint_t              i;
    ngx_http_faas_mount_t  *m;

    if (fn->mounts == NULL) {
        fn->mounts = ngx_array_create(cf->pool, 2,
                                      sizeof(ngx_http_faas_mount_t));
        if (fn->mounts == NULL) {
            return NULL;
        }
    }

    m = fn->mounts->elts;

    for (i = 0; i < fn->mounts->nelts; i++) {
        if (m[i].target.len == target->len
            && ngx_strcmp(m[i].target.data, target->data) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate place \"%V\" in \"mount\"", target);
            return NULL;
        }
    }

    if (i == NGX_HTTP_FAAS_MOUNTS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d \"mount\" in function \"%V\"",
                           NGX_HTTP_FAAS_MOUNTS, &fn->name);
        return NULL;
    }

    return ngx_array_push(fn->mounts);
}


/* mount SOURCE TARGET [ro|rw] */

char *
ngx_http_faas_set_mount(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_uint_t              write;
    ngx_http_faas_mount_t  *m;

    if (n < 3) {
        return "needs a folder and its place below /mnt";
    }

    if (!ngx_http_faas_target_ok(&value[2])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"mount\", it must be "
                           "/mnt/NAME with letters, digits, \"-\", \"_\" and "
                           "\".\" in the name", &value[2]);
        return NGX_CONF_ERROR;
    }

    write = 0;

    if (n == 4) {
        write = ngx_strcmp(value[3].data, "rw") == 0;

        if (!write && ngx_strcmp(value[3].data, "ro") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in \"mount\", it must "
                               "be \"ro\" or \"rw\"", &value[3]);
            return NGX_CONF_ERROR;
        }
    }

    m = ngx_http_faas_add_mount(cf, fn, &value[2]);
    if (m == NULL) {
        return NGX_CONF_ERROR;
    }

    m->source = value[1];
    m->target = value[2];
    m->write = write;

    return ngx_conf_full_name(cf->cycle, &m->source, 1) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* Called when all of the block is read. */

char *
ngx_http_faas_check_mounts(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    ngx_uint_t              i;
    ngx_file_info_t         fi;
    ngx_http_faas_mount_t  *m;

    if (fn->cpu == NGX_HTTP_FAAS_CPU_LAMBDA) {
        fn->cpu = ngx_max(fn->memory * 1000 / NGX_HTTP_FAAS_CPU_MB, 10);
    }

    if (fn->mounts == NULL) {
        return NGX_CONF_OK;
    }

    ngx_http_faas_place(cf, fn, "mount");

    m = fn->mounts->elts;

    for (i = 0; i < fn->mounts->nelts; i++) {

        if (ngx_file_info(m[i].source.data, &fi) == NGX_FILE_ERROR
            || !ngx_is_dir(&fi))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" in \"mount\" of function \"%V\" is "
                               "not a folder", &m[i].source, &fn->name);
            return NGX_CONF_ERROR;
        }

        /* what is written belongs to the folder's owner */

        if (m[i].write && geteuid() == 0 && fi.st_uid == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" in \"mount\" of function \"%V\" "
                               "belongs to root, which no function may "
                               "write as: give it to another user",
                               &m[i].source, &fn->name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* faas_uids FIRST-LAST */

char *
ngx_http_faas_uids(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_faas_main_conf_t *fmcf = conf;

    u_char     *p;
    ngx_int_t   first, last;
    ngx_str_t  *value;

    if (fmcf->uid_first != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    first = last = NGX_ERROR;
    p = ngx_strlchr(value[1].data, value[1].data + value[1].len, '-');

    if (p) {
        first = ngx_atoi(value[1].data, p - value[1].data);
        last = ngx_atoi(p + 1, value[1].data + value[1].len - p - 1);
    }

    if (first < 1000 || last < first || last > NGX_HTTP_FAAS_UID_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"faas_uids\", it must "
                           "be FIRST-LAST with numbers from 1000 on",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    fmcf->uid_first = first;
    fmcf->uid_last = last;

    return NGX_CONF_OK;
}


/* "10.0.0.0/8", "fd00::/8"; in faas_network_allow also with a port */

static ngx_int_t
ngx_http_faas_address_ok(ngx_pool_t *pool, ngx_str_t *text, ngx_uint_t port)
{
    u_char       *p, *last;
    ngx_int_t     n;
    ngx_str_t     part;
    ngx_cidr_t    cidr;

    part = *text;
    last = part.data + part.len;
    p = NULL;

    if (port && part.len && part.data[0] == '[') {
        p = ngx_strlchr(part.data, last, ']');

        if (p == NULL || p + 1 == last || p[1] != ':') {
            return NGX_ERROR;
        }

        part.data++;
        part.len = p - part.data;
        p++;

    } else if (port) {
        p = ngx_strlchr(part.data, last, ':');

        if (p && ngx_strlchr(p + 1, last, ':')) {
            p = NULL;                    /* IPv6 */
        }

        if (p) {
            part.len = p - part.data;
        }
    }

    if (p) {
        n = ngx_atoi(p + 1, last - p - 1);

        if (n < 1 || n > 65535) {
            return NGX_ERROR;
        }
    }

    /* it writes a zero byte over the slash */

    part.data = ngx_pstrdup(pool, &part);

    if (part.data == NULL) {
        return NGX_ERROR;
    }

    return ngx_ptocidr(&part, &cidr) == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


/* faas_network_deny, faas_network_allow */

char *
ngx_http_faas_addresses(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char *p = conf;

    ngx_str_t    *value, *item;
    ngx_uint_t    i, allow;
    ngx_array_t  *list;

    list = (ngx_array_t *) (p + cmd->offset);
    allow = (cmd->offset == offsetof(ngx_http_faas_main_conf_t, allow));
    value = cf->args->elts;

    if (list->nelts + cf->args->nelts - 1 > NGX_HTTP_FAAS_ADDRESSES) {
        return "has too many addresses";
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_faas_address_ok(cf->temp_pool, &value[i], allow)
            != NGX_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid address \"%V\" in \"%V\"",
                               &value[i], &cmd->name);
            return NGX_CONF_ERROR;
        }

        item = ngx_array_push(list);
        if (item == NULL) {
            return NGX_CONF_ERROR;
        }

        *item = value[i];
    }

    return NGX_CONF_OK;
}


char *
ngx_http_faas_sandbox_defaults(ngx_conf_t *cf,
    ngx_http_faas_main_conf_t *fmcf)
{
    ngx_conf_init_uint_value(fmcf->isolation, 0);

    if (fmcf->uid_first == NGX_CONF_UNSET_UINT) {
        fmcf->uid_first = NGX_HTTP_FAAS_UID_FIRST;
        fmcf->uid_last = fmcf->uid_first + fmcf->max_environments - 1;
    }

    if (fmcf->uid_last - fmcf->uid_first + 1 < fmcf->max_environments) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"faas_uids\" has %ui users, \"faas_max_environments\""
                      " needs %ui", fmcf->uid_last - fmcf->uid_first + 1,
                      fmcf->max_environments);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
