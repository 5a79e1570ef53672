/*
 * What "nginx -t" finds out about runtimes of languages that need no more than
 * a line of a table: how they are called, where the interpreter is, which
 * package has it, which files a handler may mean.
 *
 * Runs in the master while it reads a configuration; only looks.
 */

#include "ngx_http_faas_check_lang.h"


typedef struct {
    char       *name;          /* "ruby": whatever version there is */
    char       *major;         /* "ruby3": the same; ".N" is appended to it */
    char       *program;       /* of these two */
    char       *package;       /* of these two; with %V that of a version */
    char       *versioned;
    char       *also;          /* something else that has to be there */
    char       *also_package;
    char       *takes;         /* what a handler is */
    char       *suffix[4];     /* of the file before the first dot */
    unsigned    bare:1;        /* a handler may have no dot */
    char       *file;          /* a handler that ends so is the file */
} ngx_http_faas_lang_t;


static ngx_http_faas_lang_t  ngx_http_faas_langs[] = {

    { "ruby", "ruby3", "/usr/bin/ruby", "ruby", "%V", NULL, NULL,
      "file.method or file.Class.method", { ".rb", NULL, NULL, NULL },
      0, NULL },

    /* "luajit" would remove nginx's module for Lua from Debian */

    { "lua", NULL, "/usr/bin/luajit", "luajit2", NULL, NULL, NULL,
      "file.function, or a file that returns a function",
      { ".lua", NULL, NULL, NULL }, 1, NULL },

    { "php", "php8", "/usr/bin/php", "php-cli", "%V-cli", NULL, NULL,
      "file.php or file.function", { ".php", NULL, NULL, NULL }, 0, ".php" },

    /* perl itself is always there, most of its library is not */

    { "perl", "perl5", "/usr/bin/perl", "perl", NULL, "/usr/bin/json_pp",
      "perl", "file.function, or a file with a function \"handle\"",
      { ".pl", ".pm", NULL, NULL }, 1, NULL },

    { "bash", NULL, "/bin/bash", "bash", NULL, NULL, NULL,
      "file.function, or a file with a function \"handler\"",
      { ".sh", NULL, NULL, NULL }, 1, NULL },

    { NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
      { NULL, NULL, NULL, NULL }, 0, NULL }
};


/* "ruby", "ruby3", "ruby3.1" */

static ngx_http_faas_lang_t *
ngx_http_faas_lang_find(ngx_str_t *runtime, ngx_uint_t *version)
{
    size_t                 i, len;
    ngx_http_faas_lang_t  *lang;

    *version = 0;

    for (lang = ngx_http_faas_langs; lang->name; lang++) {
        len = ngx_strlen(lang->name);

        if (runtime->len == len
            && ngx_strncmp(runtime->data, lang->name, len) == 0)
        {
            return lang;
        }

        if (lang->major == NULL) {
            continue;
        }

        len = ngx_strlen(lang->major);

        if (runtime->len < len
            || ngx_strncmp(runtime->data, lang->major, len) != 0)
        {
            continue;
        }

        if (runtime->len == len) {
            return lang;
        }

        if (lang->versioned == NULL || runtime->data[len] != '.'
            || runtime->len == len + 1)
        {
            return NULL;
        }

        for (i = len + 1; i < runtime->len; i++) {
            if (runtime->data[i] < '0' || runtime->data[i] > '9') {
                return NULL;
            }
        }

        *version = 1;

        return lang;
    }

    return NULL;
}


/* NGX_CONF_OK, NGX_CONF_ERROR, or "unknown": none of these languages */

char *
ngx_http_faas_check_lang(ngx_conf_t *cf, ngx_str_t *runtime)
{
    u_char                 path[64], package[64];
    ngx_uint_t             version;
    ngx_http_faas_lang_t  *lang;

    lang = ngx_http_faas_lang_find(runtime, &version);

    if (lang == NULL || runtime->len > 32) {
        return "unknown";
    }

    if (version) {
        (void) ngx_snprintf(path, sizeof(path), "/usr/bin/%V%Z", runtime);
        (void) ngx_snprintf(package, sizeof(package), lang->versioned,
                            runtime);
        package[ngx_strlen(lang->versioned) + runtime->len - 2] = '\0';

    } else {
        (void) ngx_snprintf(path, sizeof(path), "%s%Z", lang->program);
        (void) ngx_snprintf(package, sizeof(package), "%s%Z", lang->package);
    }

    if (access((char *) path, X_OK) == 0 && lang->also
        && access(lang->also, R_OK) == -1)
    {
        (void) ngx_snprintf(path, sizeof(path), "%s%Z", lang->also);
        (void) ngx_snprintf(package, sizeof(package), "%s%Z",
                            lang->also_package);
    }

    if (access((char *) path, R_OK) == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "runtime \"%V\" is not installed: there is no "
                           "\"%s\", install the package \"%s\"",
                           runtime, path, package);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* What handlers are, for messages; NULL: none of these languages */

char *
ngx_http_faas_lang_takes(ngx_str_t *runtime)
{
    ngx_uint_t             version;
    ngx_http_faas_lang_t  *lang;

    lang = ngx_http_faas_lang_find(runtime, &version);

    return lang ? lang->takes : NULL;
}


/*
 * The suffixes of the files that HANDLER may mean, and in FILE what comes
 * before them; NULL if it is malformed.  Folders may have dots.
 */

char **
ngx_http_faas_lang_files(ngx_str_t *runtime, ngx_str_t *handler,
    ngx_str_t *file)
{
    size_t                 len;
    u_char                *p, *name, *last;
    ngx_uint_t             version;
    ngx_http_faas_lang_t  *lang;
    static char           *none[] = { "", NULL };

    lang = ngx_http_faas_lang_find(runtime, &version);

    if (lang == NULL) {
        return NULL;
    }

    *file = *handler;

    len = lang->file ? ngx_strlen(lang->file) : 0;

    if (len && handler->len > len
        && ngx_strncmp(handler->data + handler->len - len, lang->file, len)
           == 0)
    {
        return none;
    }

    last = handler->data + handler->len;
    name = handler->data;

    for (p = handler->data; p < last; p++) {
        if (*p == '/') {
            name = p + 1;
        }
    }

    p = ngx_strlchr(name, last, '.');

    if (p == NULL && lang->bare && name != last) {
        return lang->suffix;
    }

    if (p == NULL || p == name || p == last - 1) {
        return NULL;
    }

    file->len = p - handler->data;

    return lang->suffix;
}
