/*
 * Policies, see faas_policy.h.  Runs in nginx workers and in tests; takes no
 * locks.
 *
 * A document is checked and counted, then copied into one piece of memory.
 */

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "faas_policy_core.h"


static const char *faas_policy_check(json_t *root, size_t *n,
    size_t *patterns, size_t *text);
static const char *faas_policy_check_statement(json_t *spec,
    size_t *patterns, size_t *text);
static const char *faas_policy_check_members(json_t *spec);
static const char *faas_policy_check_list(json_t *spec, const char *name,
    const char *negated, size_t *patterns, size_t *text);
static int faas_policy_check_pattern(json_t *value);
static json_t *faas_policy_statement(json_t *root, size_t i);
static void faas_policy_add(faas_policy_t *p, json_t *spec);
static void faas_policy_copy(faas_policy_t *p, faas_policy_list_t *list,
    json_t *spec, const char *name, const char *negated);
static int faas_policy_variable(json_t *spec);


faas_policy_t *
faas_policy_parse(const char *json, size_t len, const char **error)
{
    size_t          i, n, patterns, text, size;
    json_t         *root;
    faas_policy_t  *p;

    if (len > FAAS_POLICY_LEN) {
        *error = "the policy is too long";
        return NULL;
    }

    p = NULL;
    root = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
    *error = faas_policy_check(root, &n, &patterns, &text);

    if (*error == NULL) {
        size = sizeof(faas_policy_t) + n * sizeof(faas_policy_statement_t);
        p = malloc(size + patterns * sizeof(faas_policy_pattern_t) + text);

        if (p == NULL) {
            *error = "no memory";
        }
    }

    if (p != NULL) {
        memset(p, 0, sizeof(faas_policy_t));

        p->patterns = (uint32_t) size;
        p->text = (uint32_t) (size + patterns * sizeof(faas_policy_pattern_t));
        p->size = (uint32_t) (p->text + text);

        for (i = 0; i < n; i++) {
            faas_policy_add(p, faas_policy_statement(root, i));
        }
    }

    json_decref(root);

    return p;
}


void
faas_policy_free(faas_policy_t *p)
{
    free(p);
}


size_t
faas_policy_size(const faas_policy_t *p)
{
    return p->size;
}


/* NULL if the document is good, and how much of everything there is. */

static const char *
faas_policy_check(json_t *root, size_t *n, size_t *patterns, size_t *text)
{
    size_t       i;
    json_t      *value;
    const char  *key, *s, *error;

    if (!json_is_object(root)) {
        return "the policy is no JSON object";
    }

    json_object_foreach(root, key, value) {

        if (strcmp(key, "Version") == 0) {
            s = json_string_value(value);

            if (s == NULL || (strcmp(s, "2012-10-17") != 0
                              && strcmp(s, "2008-10-17") != 0))
            {
                return "the version of the policy is unknown";
            }

        } else if (strcmp(key, "Id") != 0 && strcmp(key, "Statement") != 0) {
            return "the policy has an unknown member";
        }
    }

    value = json_object_get(root, "Statement");

    if (!json_is_object(value) && !json_is_array(value)) {
        return "the policy has no statement";
    }

    *n = json_is_array(value) ? json_array_size(value) : 1;
    *patterns = 0;
    *text = 0;

    for (i = 0; i < *n; i++) {
        error = faas_policy_check_statement(faas_policy_statement(root, i),
                                            patterns, text);

        if (error != NULL) {
            return error;
        }
    }

    return NULL;
}


static const char *
faas_policy_check_statement(json_t *spec, size_t *patterns, size_t *text)
{
    json_t      *condition;
    const char  *effect, *error;

    if (!json_is_object(spec)) {
        return "a statement of the policy is no object";
    }

    error = faas_policy_check_members(spec);

    if (error != NULL) {
        return error;
    }

    effect = json_string_value(json_object_get(spec, "Effect"));

    if (effect == NULL || (strcmp(effect, "Allow") != 0
                           && strcmp(effect, "Deny") != 0))
    {
        return "Effect is neither Allow nor Deny";
    }

    condition = json_object_get(spec, "Condition");

    if (condition != NULL && !json_is_object(condition)) {
        return "Condition is no object";
    }

    error = faas_policy_check_list(spec, "Action", "NotAction", patterns,
                                   text);

    if (error == NULL) {
        error = faas_policy_check_list(spec, "Resource", "NotResource",
                                       patterns, text);
    }

    return error;
}


/* A member with a typing error must not make a Deny apply to less. */

static const char *
faas_policy_check_members(json_t *spec)
{
    json_t      *value;
    unsigned     i;
    const char  *key;

    static const char *const  known[] = {
        "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource",
        "Condition", NULL
    };

    json_object_foreach(spec, key, value) {

        for (i = 0; known[i] != NULL && strcmp(known[i], key) != 0; i++) {
            /* void */
        }

        if (known[i] == NULL) {
            return "a statement of the policy has an unknown member";
        }
    }

    return NULL;
}


static const char *
faas_policy_check_list(json_t *spec, const char *name, const char *negated,
    size_t *patterns, size_t *text)
{
    size_t   i;
    json_t  *value, *other, *one;

    value = json_object_get(spec, name);
    other = json_object_get(spec, negated);

    if ((value == NULL) == (other == NULL)) {
        return "a statement needs one of Action and NotAction, and one of "
               "Resource and NotResource";
    }

    value = value ? value : other;

    if (json_is_string(value)) {
        *patterns += 1;
        *text += json_string_length(value);

        return faas_policy_check_pattern(value) ? NULL
                   : "an action or resource is empty or too long";
    }

    if (json_array_size(value) == 0) {
        return "an action or resource is neither a string nor an array";
    }

    json_array_foreach(value, i, one) {

        if (!faas_policy_check_pattern(one)) {
            return "an action or resource is no string, empty or too long";
        }

        *patterns += 1;
        *text += json_string_length(one);
    }

    return NULL;
}


static int
faas_policy_check_pattern(json_t *value)
{
    size_t  len;

    len = json_string_length(value);

    return len > 0 && len <= FAAS_POLICY_PATTERN;
}


static json_t *
faas_policy_statement(json_t *root, size_t i)
{
    json_t  *value;

    value = json_object_get(root, "Statement");

    return json_is_array(value) ? json_array_get(value, i) : value;
}


/* A checked statement; one that could only permit too much is left out. */

static void
faas_policy_add(faas_policy_t *p, json_t *spec)
{
    int                       deny, variable;
    faas_policy_statement_t  *s;

    deny = strcmp(json_string_value(json_object_get(spec, "Effect")), "Deny")
           == 0;
    variable = faas_policy_variable(json_object_get(spec, "Resource"))
               || faas_policy_variable(json_object_get(spec, "NotResource"));

    if (!deny
        && (variable
            || json_object_size(json_object_get(spec, "Condition")) > 0))
    {
        return;
    }

    s = &p->statements[p->n++];
    memset(s, 0, sizeof(*s));
    s->deny = deny ? 1 : 0;

    faas_policy_copy(p, &s->actions, spec, "Action", "NotAction");
    faas_policy_copy(p, &s->resources, spec, "Resource", "NotResource");

    s->resources.all = variable ? 1 : 0;
}


static void
faas_policy_copy(faas_policy_t *p, faas_policy_list_t *list, json_t *spec,
    const char *name, const char *negated)
{
    size_t                  i, n;
    json_t                 *value, *one;
    faas_policy_pattern_t  *pattern;

    value = json_object_get(spec, name);

    if (value == NULL) {
        value = json_object_get(spec, negated);
        list->negated = 1;
    }

    list->first = p->n_patterns;
    n = json_is_array(value) ? json_array_size(value) : 1;

    for (i = 0; i < n; i++) {
        one = json_is_array(value) ? json_array_get(value, i) : value;

        pattern = (faas_policy_pattern_t *) ((char *) p + p->patterns);
        pattern += p->n_patterns++;

        pattern->at = p->text;
        pattern->len = (uint32_t) json_string_length(one);

        memcpy((char *) p + p->text, json_string_value(one), pattern->len);
        p->text += pattern->len;
    }

    list->n = (uint32_t) n;
}


static int
faas_policy_variable(json_t *spec)
{
    size_t   i;
    json_t  *one;

    if (json_is_string(spec)) {
        return strstr(json_string_value(spec), "${") != NULL;
    }

    json_array_foreach(spec, i, one) {

        if (strstr(json_string_value(one), "${") != NULL) {
            return 1;
        }
    }

    return 0;
}
