/*
 * What a policy says to an action, see faas_policy.h.  Runs in nginx workers
 * and in tests; takes no locks and no memory.
 */

#include <string.h>

#include "faas_policy_core.h"


#define FAAS_POLICY_ARN_PARTS  6


typedef struct {
    const char               *data;
    size_t                    len;
} faas_policy_text_t;

/* One evaluation. */

typedef struct {
    faas_policy_text_t        action;
    faas_policy_text_t        resource;
    unsigned                  steps;          /* that are left */
} faas_policy_ask_t;


static int faas_policy_applies(const faas_policy_t *p,
    const faas_policy_statement_t *s, faas_policy_ask_t *ask);
static faas_policy_text_t faas_policy_pattern(const faas_policy_t *p,
    uint32_t i);
static int faas_policy_arn(faas_policy_text_t pattern,
    faas_policy_text_t arn, faas_policy_ask_t *ask);
static int faas_policy_glob(const faas_policy_text_t *pattern,
    const faas_policy_text_t *text, int fold, faas_policy_ask_t *ask);
static int faas_policy_same(char a, char b, int fold);


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

        if (!faas_policy_applies(p, &p->statements[i], &ask)) {
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


static faas_policy_text_t
faas_policy_pattern(const faas_policy_t *p, uint32_t i)
{
    faas_policy_text_t            text;
    const faas_policy_pattern_t  *pattern;

    pattern = (const faas_policy_pattern_t *) ((const char *) p
                                               + p->patterns) + i;
    text.data = (const char *) p + pattern->at;
    text.len = pattern->len;

    return text;
}


static int
faas_policy_applies(const faas_policy_t *p, const faas_policy_statement_t *s,
    faas_policy_ask_t *ask)
{
    int                        found;
    uint32_t                   i;
    faas_policy_text_t         pattern;
    const faas_policy_list_t  *list;

    list = &s->actions;
    found = 0;

    for (i = 0; i < list->n && !found; i++) {
        pattern = faas_policy_pattern(p, list->first + i);
        found = faas_policy_glob(&pattern, &ask->action, 1, ask);
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
        found = faas_policy_arn(faas_policy_pattern(p, list->first + i),
                                ask->resource, ask);
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

    /* most patterns have no wildcard, and one matches itself as well */

    if (pattern->len == text->len
        && (text->len == 0
            || memcmp(pattern->data, text->data, text->len) == 0))
    {
        return 1;
    }

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
