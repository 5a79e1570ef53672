/*
 * Policies: what is read, what a statement applies to, what wins.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "faas_policy.h"


#define ALLOW    "{\"Effect\":\"Allow\","
#define DENY     "{\"Effect\":\"Deny\","
#define INVOKE   "\"Action\":\"execute-api:Invoke\","
#define ALL      "\"Action\":\"*\",\"Resource\":\"*\"}"
#define API      "arn:aws:execute-api:us-east-1:000000000000:a1b2/"
#define FN       "arn:aws:lambda:us-east-1:000000000000:function:"


/* The answer of a policy with such statements. */

static faas_policy_e
eval(const char *statements, const char *action, const char *resource)
{
    char            text[4096];
    const char     *error;
    faas_policy_e   rc;
    faas_policy_t  *p, *moved;

    (void) snprintf(text, sizeof(text),
                    "{\"Version\":\"2012-10-17\",\"Statement\":[%s]}",
                    statements);

    p = faas_policy_parse(text, strlen(text), &error);
    assert_non_null(p);
    assert_null(error);

    moved = malloc(faas_policy_size(p));
    assert_non_null(moved);
    memcpy(moved, p, faas_policy_size(p));
    faas_policy_free(p);

    rc = faas_policy_eval(moved, action, strlen(action), resource,
                          strlen(resource));
    free(moved);

    return rc;
}


static faas_policy_e
resource(const char *pattern, const char *arn)
{
    char           text[2048];
    faas_policy_e  rc, not;

    (void) snprintf(text, sizeof(text), ALLOW INVOKE "\"Resource\":\"%s\"}",
                    pattern);
    rc = eval(text, "execute-api:Invoke", arn);

    /* and the other way round */

    (void) snprintf(text, sizeof(text), ALLOW INVOKE
                    "\"NotResource\":\"%s\"}", pattern);
    not = eval(text, "execute-api:Invoke", arn);

    assert_int_not_equal(rc, not);

    return rc;
}


static void
assert_error(const char *text)
{
    const char  *error;

    error = NULL;
    assert_null(faas_policy_parse(text, strlen(text), &error));
    assert_non_null(error);
}


static void
test_effect(void **state)
{
    (void) state;

    assert_int_equal(eval("", "a", "b"), FAAS_POLICY_NONE);
    assert_int_equal(eval(ALLOW ALL, "a", "b"), FAAS_POLICY_ALLOW);
    assert_int_equal(eval(DENY ALL, "a", "b"), FAAS_POLICY_DENY);
    assert_int_equal(eval(ALLOW ALL "," DENY ALL, "a", "b"),
                     FAAS_POLICY_DENY);
    assert_int_equal(eval(DENY ALL "," ALLOW ALL, "a", "b"),
                     FAAS_POLICY_DENY);
    assert_int_equal(eval(DENY "\"Action\":\"x\",\"Resource\":\"*\"},"
                          ALLOW ALL, "a", "b"), FAAS_POLICY_ALLOW);
}


static void
test_action(void **state)
{
    unsigned  i;

    static const struct {
        faas_policy_e  rc;
        const char    *member;
    } cases[] = {
        { FAAS_POLICY_ALLOW, "\"Action\":\"lambda:InvokeFunction\"" },
        { FAAS_POLICY_ALLOW, "\"Action\":\"LAMBDA:invokefunction\"" },
        { FAAS_POLICY_ALLOW, "\"Action\":\"lambda:*\"" },
        { FAAS_POLICY_ALLOW, "\"Action\":\"lambda:Invoke*\"" },
        { FAAS_POLICY_ALLOW, "\"Action\":\"*:*Function\"" },
        { FAAS_POLICY_ALLOW, "\"Action\":\"lambda:I?voke??nction\"" },
        { FAAS_POLICY_ALLOW, "\"Action\":[\"x\",\"lambda:*\"]" },
        { FAAS_POLICY_ALLOW, "\"NotAction\":\"lambda:Delete*\"" },
        { FAAS_POLICY_NONE, "\"Action\":\"lambda:InvokeFunctionUrl\"" },
        { FAAS_POLICY_NONE, "\"Action\":\"lambda:Invoke\"" },
        { FAAS_POLICY_NONE, "\"Action\":\"lambda:InvokeFunction?\"" },
        { FAAS_POLICY_NONE, "\"Action\":[\"x\",\"y\"]" },
        { FAAS_POLICY_NONE, "\"NotAction\":\"lambda:invoke*\"" },
        { FAAS_POLICY_NONE, "\"NotAction\":[\"x\",\"*Function\"]" }
    };

    char  text[1024];

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void) snprintf(text, sizeof(text), ALLOW "%s,\"Resource\":\"*\"}",
                        cases[i].member);
        assert_int_equal(eval(text, "lambda:InvokeFunction", FN "f"),
                         cases[i].rc);
    }
}


static void
test_resource(void **state)
{
    unsigned  i;

    static const struct {
        faas_policy_e  rc;
        const char    *pattern;
        const char    *arn;
    } cases[] = {
        { FAAS_POLICY_ALLOW, "*", API "prod/GET/pets" },
        { FAAS_POLICY_ALLOW, API "prod/GET/pets", API "prod/GET/pets" },
        { FAAS_POLICY_ALLOW, API "*/GET/*", API "prod/GET/pets/1" },
        { FAAS_POLICY_ALLOW, API "prod/*", API "prod/GET/a:b/c" },
        { FAAS_POLICY_ALLOW, "arn:aws:execute-api:*:*:a1b2/prod/*",
          API "prod/GET/pets" },
        { FAAS_POLICY_ALLOW, "arn:aws:execute-api:us-*-?:*:a?b?/*",
          API "prod/GET/pets" },
        { FAAS_POLICY_ALLOW, "arn:aws:execute-api:*", API "prod/GET/pets" },
        { FAAS_POLICY_ALLOW, "arn:*", API "prod/GET/pets" },
        { FAAS_POLICY_ALLOW, FN "f*", FN "f:v1" },
        { FAAS_POLICY_ALLOW, FN "f:*", FN "f:v1" },
        { FAAS_POLICY_ALLOW, FN "*a*b*c", FN "xaxbxabxc" },
        { FAAS_POLICY_ALLOW, FN "f**", FN "f" },
        { FAAS_POLICY_ALLOW, "arn:aws:s3:::b", "arn:aws:s3:::b" },
        { FAAS_POLICY_ALLOW, "x", "x" },
        { FAAS_POLICY_NONE, FN "f", FN "f:v1" },
        { FAAS_POLICY_NONE, FN "f:*", FN "f" },
        { FAAS_POLICY_NONE, FN "F", FN "f" },
        { FAAS_POLICY_NONE, FN "f?", FN "f" },
        { FAAS_POLICY_NONE, FN "*a*b*c", FN "xbxaxc" },
        { FAAS_POLICY_NONE, API "prod/*", API "test/GET/pets" },
        { FAAS_POLICY_NONE, "arn:aws:lambda:*:000000000000:a1b2/*",
          API "prod/GET/pets" },
        /* what is before the resource does not span its colons */
        { FAAS_POLICY_NONE, "arn:aws:lambda:*:*:function:f",
          "arn:aws:lambda:us-east-1:0:x:0:function:f" },
        { FAAS_POLICY_NONE, "arn:aws:lambda:*:function:f", FN "f" },
        { FAAS_POLICY_NONE, "arn:aws:s3:::b", "arn:aws:s3:us-east-1::b" },
        { FAAS_POLICY_NONE, "arn:aws:x", "arn:aws" },
        { FAAS_POLICY_NONE, "arn:*", "arn" },
        { FAAS_POLICY_NONE, "x", "" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(resource(cases[i].pattern, cases[i].arn),
                         cases[i].rc);
    }

    assert_int_equal(eval(DENY INVOKE "\"NotResource\":[\"" API "a\",\"" API
                          "b\"]}," ALLOW ALL, "execute-api:invoke", API "b"),
                     FAAS_POLICY_ALLOW);
    assert_int_equal(eval(DENY INVOKE "\"NotResource\":[\"" API "a\",\"" API
                          "b\"]}," ALLOW ALL, "execute-api:invoke", API "c"),
                     FAAS_POLICY_DENY);
}


/* What is not understood never permits more. */

static void
test_unclear(void **state)
{
    static const char  condition[] =
        "\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"true\"}},";
    char               text[1024];

    (void) state;

    (void) snprintf(text, sizeof(text), ALLOW "%s" ALL, condition);
    assert_int_equal(eval(text, "a", "b"), FAAS_POLICY_NONE);
    (void) snprintf(text, sizeof(text), DENY "%s" ALL, condition);
    assert_int_equal(eval(text, "a", "b"), FAAS_POLICY_DENY);

    assert_int_equal(eval(ALLOW "\"Condition\":{}," ALL, "a", "b"),
                     FAAS_POLICY_ALLOW);

    /* with a condition it is still a statement on certain things */

    assert_int_equal(eval(DENY "\"Condition\":{\"x\":1},\"Action\":\"a\","
                          "\"Resource\":\"r\"}," ALLOW ALL, "a", "s"),
                     FAAS_POLICY_ALLOW);

    assert_int_equal(eval(ALLOW "\"Action\":\"*\",\"Resource\":[\"b\","
                          "\"${aws:username}\"]}", "a", "b"),
                     FAAS_POLICY_NONE);
    assert_int_equal(eval(ALLOW "\"Action\":\"*\",\"NotResource\":"
                          "\"x${aws:username}\"}", "a", "b"),
                     FAAS_POLICY_NONE);
    assert_int_equal(eval(DENY "\"Action\":\"a\",\"Resource\":"
                          "\"${aws:username}\"}," ALLOW ALL, "a", "b"),
                     FAAS_POLICY_DENY);
    assert_int_equal(eval(DENY "\"Action\":\"a\",\"NotResource\":[\"b\","
                          "\"${aws:username}\"]}," ALLOW ALL, "a", "b"),
                     FAAS_POLICY_DENY);
    assert_int_equal(eval(DENY "\"Action\":\"a\",\"Resource\":"
                          "\"${aws:username}\"}," ALLOW ALL, "c", "b"),
                     FAAS_POLICY_ALLOW);
}


static void
test_document(void **state)
{
    unsigned        i;
    const char     *error;
    faas_policy_t  *p;

    static const char *const  good[] = {
        "{\"Statement\":[]}",
        "{\"Statement\":" ALLOW ALL "}",
        "{\"Version\":\"2008-10-17\",\"Id\":\"x\",\"Statement\":["
        ALLOW "\"Sid\":\"s\"," ALL "]}"
    };

    static const char *const  bad[] = {
        "", "{}", "[]", "null", "{\"Statement\":1}", "{\"Statement\":[1]}",
        "{\"Statement\":[]}x", "{\"statement\":[]}",
        "{\"Statement\":[],\"Statement\":[]}",
        "{\"Statement\":[],\"Other\":1}",
        "{\"Version\":\"2013-10-17\",\"Statement\":[]}",
        "{\"Version\":1,\"Statement\":[]}",
        "{\"Statement\":{}}",
        "{\"Statement\":{\"Effect\":\"allow\"," ALL "}",
        "{\"Statement\":{\"Effect\":true," ALL "}",
        "{\"Statement\":{" ALL "}",
        "{\"Statement\":" ALLOW "\"Principal\":\"*\"," ALL "}",
        "{\"Statement\":" ALLOW "\"Condition\":[]," ALL "}",
        "{\"Statement\":" ALLOW "\"Condition\":null," ALL "}",
        "{\"Statement\":" ALLOW "\"NotAction\":\"a\"," ALL "}",
        "{\"Statement\":" ALLOW "\"NotResource\":\"a\"," ALL "}",
        "{\"Statement\":" ALLOW "\"Action\":\"a\"}}",
        "{\"Statement\":" ALLOW "\"Resource\":\"a\"}}",
        "{\"Statement\":" ALLOW "\"Action\":[],\"Resource\":\"a\"}}",
        "{\"Statement\":" ALLOW "\"Action\":\"\",\"Resource\":\"a\"}}",
        "{\"Statement\":" ALLOW "\"Action\":1,\"Resource\":\"a\"}}",
        "{\"Statement\":" ALLOW "\"Action\":{\"a\":1},\"Resource\":\"a\"}}",
        "{\"Statement\":" ALLOW "\"Action\":[\"a\",1],\"Resource\":\"a\"}}",
        "{\"Statement\":" ALLOW "\"Action\":\"a\\u0000\",\"Resource\":\"a\"}}"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        p = faas_policy_parse(good[i], strlen(good[i]), &error);
        assert_non_null(p);
        faas_policy_free(p);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_error(bad[i]);
    }

    faas_policy_free(NULL);
}


static void
test_limits(void **state)
{
    int             n;
    char           *text;
    size_t          i;
    const char     *error;
    faas_policy_t  *p;

    (void) state;

    text = malloc(FAAS_POLICY_LEN + 2);

    for (n = FAAS_POLICY_PATTERN; n <= FAAS_POLICY_PATTERN + 1; n++) {
        (void) sprintf(text, "{\"Statement\":" ALLOW "\"Action\":\"*\","
                       "\"Resource\":\"%0*d\"}}", n, 0);
        p = faas_policy_parse(text, strlen(text), &error);
        assert_true((p != NULL) == (n == FAAS_POLICY_PATTERN));
        faas_policy_free(p);
    }

    memset(text, ' ', FAAS_POLICY_LEN + 1);
    text[FAAS_POLICY_LEN + 1] = '\0';
    memcpy(text, "{\"Statement\":[]}", 16);
    assert_error(text);
    p = faas_policy_parse(text, FAAS_POLICY_LEN, &error);
    assert_non_null(p);
    faas_policy_free(p);

    assert_int_equal(eval(ALLOW ALL, "a", text), FAAS_POLICY_DENY);

    /* a pattern that is made to be slow, and as many of it as there may be */

    i = (size_t) sprintf(text, "{\"Statement\":" ALLOW "\"Action\":\"*\","
                         "\"Resource\":[\"*\"");

    for (n = 0; n < 38; n++) {
        i += (size_t) sprintf(text + i, ",\"*%0*db\"", 510, 0);
    }

    strcpy(text + i, "]}}");
    p = faas_policy_parse(text, strlen(text), &error);
    assert_non_null(p);
    assert_int_equal(faas_policy_eval(p, "a", 1, "b", 1), FAAS_POLICY_ALLOW);
    faas_policy_free(p);

    text[strcspn(text, "[") + 2] = 'x';
    p = faas_policy_parse(text, strlen(text), &error);
    assert_non_null(p);
    memset(text, '0', FAAS_POLICY_SUBJECT);
    assert_int_equal(faas_policy_eval(p, "a", 1, text, FAAS_POLICY_SUBJECT),
                     FAAS_POLICY_DENY);
    faas_policy_free(p);
    free(text);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_effect),
        cmocka_unit_test(test_action),
        cmocka_unit_test(test_resource),
        cmocka_unit_test(test_unclear),
        cmocka_unit_test(test_document),
        cmocka_unit_test(test_limits)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
