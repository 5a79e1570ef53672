/*
 * Policies, see faas_policy.h.  Runs in nginx workers and in tests; takes no
 * locks.
 *
 * A document is checked and counted, then copied into one piece of memory:
 * statements, patterns, text.
 */

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "faas_policy.h"


#define FAAS_POLICY_ARN_PARTS  6


typedef struct {
    const char               *data;
    size_t                    len;
} faas_policy_text_t;

/* Patterns of one member. */

typedef struct {
    faas_policy_text_t       *patterns;
    unsigned                  n;
    unsigned                  negated:1;      /* NotAction, NotResource */
    unsigned                  all:1;          /* whatever is asked for */
} faas_policy_list_t;

typedef struct {
    unsigned                  deny:1;
    faas_policy_list_t        actions;
    faas_policy_list_t        resources;
} faas_policy_statement_t;

struct faas_policy_s {
    unsigned                  n;
    faas_policy_text_t       *pattern;        /* the next free one */
    char                     *text;
    faas_policy_statement_t   statements[];
};

/* One evaluation. */

typedef struct {
    faas_policy_text_t        action;
    faas_policy_text_t        resource;
    unsigned                  steps;          /* that are left */
} faas_policy_ask_t;


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
static int faas_policy_applies(const faas_policy_statement_t *s,
    faas_policy_ask_t *ask);
static int faas_policy_arn(faas_policy_text_t pattern,
    faas_policy_text_t arn, faas_policy_ask_t *ask);
static int faas_policy_glob(const faas_policy_text_t *pattern,
    const faas_policy_text_t *text, int fold, faas_policy_ask_t *ask);
static int faas_policy_same(char a, char b, int fold);


faas_policy_t *
faas_policy_parse(const char *json, size_t len, const char **error)
{
    size_t          i, n, patterns, text;
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
        p = malloc(sizeof(faas_policy_t)
                   + n * sizeof(faas_policy_statement_t)
                   + patterns * sizeof(faas_policy_text_t) + text);

        if (p == NULL) {
            *error = "no memory";
        }
    }

    if (p != NULL) {
        p->n = 0;
        p->pattern = (faas_policy_text_t *) &p->statements[n];
        p->text = (char *) (p->pattern + patterns);

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


faas_policy_e
faas_policy_eval(const faas_policy_t *p, const char *action, size_t alen,
    const char *resource, size_t rlen)
{
    unsigned           i;
    faas_policy_e      rc;
    faas_policy_ask_t  ask;

    if (alen > FAAS_POLICY_SUBJECT || rlen > FAAS_POLICY_SUBJECT) {
        return FAAS_POLICY_DENY;
    }

    ask.action.data = action;
    ask.action.len = alen;
    ask.resource.data = resource;
    ask.resource.len = rlen;
    ask.steps = FAAS_POLICY_STEPS;

    rc = FAAS_POLICY_NONE;

    for (i = 0; i < p->n; i++) {

        if (!faas_policy_applies(&p->statements[i], &ask)) {
            continue;
        }

        if (p->statements[i].deny) {
            return FAAS_POLICY_DENY;
        }

        rc = FAAS_POLICY_ALLOW;
    }

    /* a Deny may be among those that were not compared to their end */

    return ask.steps ? rc : FAAS_POLICY_DENY;
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
    size_t               i, n;
    json_t              *value, *one;
    faas_policy_text_t  *pattern;

    value = json_object_get(spec, name);

    if (value == NULL) {
        value = json_object_get(spec, negated);
        list->negated = 1;
    }

    list->patterns = p->pattern;
    n = json_is_array(value) ? json_array_size(value) : 1;

    for (i = 0; i < n; i++) {
        one = json_is_array(value) ? json_array_get(value, i) : value;

        pattern = p->pattern++;
        pattern->data = p->text;
        pattern->len = json_string_length(one);

        memcpy(p->text, json_string_value(one), pattern->len);
        p->text += pattern->len;
    }

    list->n = (unsigned) n;
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


static int
faas_policy_applies(const faas_policy_statement_t *s, faas_policy_ask_t *ask)
{
    int                        found;
    unsigned                   i;
    const faas_policy_list_t  *list;

    list = &s->actions;
    found = 0;

    for (i = 0; i < list->n && !found; i++) {
        found = faas_policy_glob(&list->patterns[i], &ask->action, 1, ask);
    }

    if (found == (int) list->negated) {
        return 0;
    }

    list = &s->resources;
    found = 0;

    if (list->all) {
        return 1;
    }

    for (i = 0; i < list->n && !found; i++) {
        found = faas_policy_arn(list->patterns[i], ask->resource, ask);
    }

    return found != (int) list->negated;
}


/* Part by part: an account's pattern must not reach into a name. */

static int
faas_policy_arn(faas_policy_text_t pattern, faas_policy_text_t arn,
    faas_policy_ask_t *ask)
{
    unsigned             i;
    const char          *p, *q;
    faas_policy_text_t   one, two;

    for (i = 1; i < FAAS_POLICY_ARN_PARTS; i++) {
        p = pattern.len ? memchr(pattern.data, ':', pattern.len) : NULL;

        if (p == NULL) {
            break;
        }

        q = arn.len ? memchr(arn.data, ':', arn.len) : NULL;

        if (q == NULL) {
            return 0;
        }

        one.data = pattern.data;
        one.len = (size_t) (p - pattern.data);
        two.data = arn.data;
        two.len = (size_t) (q - arn.data);

        if (!faas_policy_glob(&one, &two, 0, ask)) {
            return 0;
        }

        pattern.data = p + 1;
        pattern.len -= one.len + 1;
        arn.data = q + 1;
        arn.len -= two.len + 1;
    }

    return faas_policy_glob(&pattern, &arn, 0, ask);
}


/*
 * Only the last "*" is ever tried again: what the ones before it span can
 * stay as short as it is.
 */

static int
faas_policy_glob(const faas_policy_text_t *pattern,
    const faas_policy_text_t *text, int fold, faas_policy_ask_t *ask)
{
    size_t  i, k, star, from;

    i = 0;
    k = 0;
    from = 0;
    star = pattern->len;

    while (k < text->len) {

        if (ask->steps == 0) {
            return 0;
        }

        ask->steps--;

        if (i < pattern->len && pattern->data[i] == '*') {
            star = i++;
            from = k;
            continue;
        }

        if (i < pattern->len
            && (pattern->data[i] == '?'
                || faas_policy_same(pattern->data[i], text->data[k], fold)))
        {
            i++;
            k++;
            continue;
        }

        if (star == pattern->len) {
            return 0;
        }

        i = star + 1;
        k = ++from;
    }

    while (i < pattern->len && pattern->data[i] == '*') {
        i++;
    }

    return i == pattern->len;
}


static int
faas_policy_same(char a, char b, int fold)
{
    if (fold) {
        a = (char) ((a >= 'A' && a <= 'Z') ? a | 0x20 : a);
        b = (char) ((b >= 'A' && b <= 'Z') ? b | 0x20 : b);
    }

    return a == b;
}
