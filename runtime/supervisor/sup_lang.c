/*
 * The languages whose runtimes are scripts that fork, in one table: how they
 * are called in the configuration, and how their zygotes are started.
 *
 * Runs in the supervisor; sup_lang_command() in the zygote before exec.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sup.h"


typedef struct {
    const char  *name;               /* "ruby", or "ruby" and a version */
    const char  *major;              /* "ruby3" is /usr/bin/ruby, too */
    const char  *program;            /* in /usr/bin, of these two */
    char        *script;             /* in the runtime's folder */
    char        *variable;           /* of a language that cannot call C: its
                                        first fork() is the zygote's, and it
                                        has the argument "zygote" */
    char        *options[8];
} sup_lang_t;


static const sup_lang_t  sup_langs[] = {

    { "python", NULL, NULL, "python/bootstrap.py", NULL,
      { "-I", "-S", "-E", NULL } },

    /* text is UTF-8, whatever locales the machine has */

    { "ruby", "ruby3", "ruby", "ruby/bootstrap.rb", NULL, { "-EUTF-8", NULL } },

    { "lua", NULL, "luajit", "lua/bootstrap.lua", NULL, { NULL } },

    /*
     * Without php.ini, whose extensions the script loads; memory is limited by
     * the sandbox; error_log() is the script's.
     */

    { "php", "php8", "php", "php/bootstrap.php", NULL,
      { "-n", "-dextension=ffi", "-ddisable_functions=error_log",
        "-dmemory_limit=-1", "-ddisplay_errors=1",
        "-dzend.exception_ignore_args=1", NULL } },

    { "perl", "perl5", "perl", "perl/bootstrap.pl",
      "FAAS_ZYGOTE=fork perl", { NULL } }
};

#define SUP_LANGS  (sizeof(sup_langs) / sizeof(sup_lang_t))


/* By the name of a runtime or of an interpreter, which begin alike. */

static const sup_lang_t *
sup_lang_find(const char *name)
{
    size_t  i;

    for (i = 0; i < SUP_LANGS; i++) {
        if (strncmp(name, sup_langs[i].name, strlen(sup_langs[i].name)) == 0) {
            return &sup_langs[i];
        }
    }

    return NULL;
}


int
sup_lang_kind(const char *runtime, sup_kind_e *kind)
{
    const sup_lang_t  *lang;

    lang = sup_lang_find(runtime);

    if (lang == NULL || lang->program == NULL) {
        return SUP_ERROR;
    }

    *kind = SUP_RT_LANG;

    return SUP_OK;
}


/* The interpreter that a name means, a link perhaps. */

void
sup_lang_program(const char *runtime, char *path, size_t size)
{
    const sup_lang_t  *lang;

    lang = sup_lang_find(runtime);

    if (lang != NULL && (strcmp(runtime, lang->name) == 0
                         || (lang->major != NULL
                             && strcmp(runtime, lang->major) == 0)))
    {
        runtime = lang->program;
    }

    (void) snprintf(path, size, "/usr/bin/%s", runtime);
}


/*
 * The command of a zygote, of which SCRIPT is where a path is kept; returns
 * the variable that it needs.
 */

char *
sup_lang_command(char *path, const char *dir, char **argv, char *script,
    size_t size)
{
    int                i;
    const char        *name;
    const sup_lang_t  *lang;

    name = strrchr(path, '/');
    lang = sup_lang_find(name != NULL ? name + 1 : path);

    *argv++ = path;

    for (i = 0; lang != NULL && lang->options[i] != NULL; i++) {
        *argv++ = lang->options[i];
    }

    (void) snprintf(script, size, "%s/%s", dir,
                    lang != NULL ? lang->script : "");

    *argv++ = script;

    *argv = NULL;

    if (lang == NULL || lang->variable == NULL) {
        return "FAAS_ZYGOTE=1";
    }

    *argv++ = "zygote";
    *argv = NULL;

    return lang->variable;
}


/* Where libraries are, besides LD_LIBRARY_PATH; as on Lambda. */

void
sup_lang_vars(sup_version_t *v, json_t *vars)
{
    int   minor;
    char  text[1024];

    if (strncmp(v->class->name, "perl", 4) == 0) {

        /* LANG may be of a locale that the machine does not have */

        sup_var(vars, "PERL_BADLANG", "0");
        return;
    }

    if (sscanf(v->class->name, "ruby3.%d", &minor) != 1) {
        return;
    }

    (void) snprintf(text, sizeof(text), "%.300s/vendor/bundle/ruby/3.%d.0:"
                    "/opt/ruby/gems/3.%d.0", sup_task_root(v), minor, minor);
    sup_var(vars, "GEM_PATH", text);

    (void) snprintf(text, sizeof(text), "%.300s:/opt/ruby/lib",
                    sup_task_root(v));
    sup_var(vars, "RUBYLIB", text);
}
