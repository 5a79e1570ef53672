/*
 * How a container image is started: its entry point, command, variables and
 * working directory, from what its unpacker has kept of its configuration.
 *
 * Runs in the supervisor.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sup.h"


/*
 * Reads the settings of V's image, which has been unpacked.  Once: the store
 * does not change.
 */

int
sup_start_image(sup_version_t *v)
{
    char  path[PATH_MAX];

    if (v->settings != NULL) {
        return SUP_OK;
    }

    (void) snprintf(path, sizeof(path), "%.3900s/config.json", v->root);
    v->settings = json_load_file(path, 0, NULL);

    return json_is_object(v->settings) ? SUP_OK : SUP_ERROR;
}


/*
 * Its variables; the function's own come later, and of Lambda's those that an
 * image may set itself are left out there.
 */

void
sup_start_vars(sup_version_t *v, json_t *vars)
{
    char         name[256];
    size_t       i, len;
    json_t      *item;
    const char  *text;

    json_array_foreach(json_object_get(v->settings, "env"), i, item) {
        text = json_string_value(item);
        len = text != NULL ? strcspn(text, "=") : 0;

        if (len == 0 || len >= sizeof(name) || text[len] != '=') {
            continue;
        }

        (void) memcpy(name, text, len);
        name[len] = '\0';
        sup_var(vars, name, text + len + 1);
    }
}


/*
 * "command" of the function in the place of both, its handler in that of the
 * image's command; a new reference.
 */

json_t *
sup_start_command(sup_version_t *v)
{
    json_t  *command;

    if (json_array_size(v->command) > 0) {
        return json_incref(v->command);
    }

    command = json_copy(json_object_get(v->settings, "entrypoint"));

    if (command == NULL) {
        command = json_array();
    }

    if (v->handler[0] != '\0') {
        (void) json_array_append_new(command, json_string(v->handler));

    } else {
        (void) json_array_extend(command, json_object_get(v->settings,
                                                          "cmd"));
    }

    return command;
}


const char *
sup_start_folder(sup_version_t *v)
{
    const char  *path;

    path = json_string_value(json_object_get(v->settings, "workdir"));

    return path != NULL && path[0] != '\0' ? path : "/";
}
