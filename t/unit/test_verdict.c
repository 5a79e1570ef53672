/*
 * faas_verdict.c: what Lambda authorizers return (contract, section 7.7).
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "faas_verdict.h"


#define SIMPLE  FAAS_VERDICT_SIMPLE
#define TEXTS   FAAS_VERDICT_TEXTS
#define POLICY  "\"principalId\":\"ann\",\"policyDocument\":{\"Statement\":{" \
                "\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"x\"}}"


/* A verdict that has been moved, or NULL and the error. */

static faas_verdict_t *
parse(const char *text, unsigned flags, const char **error)
{
    size_t           len;
    unsigned char   *p;
    faas_verdict_t  *v, *moved;

    len = strlen(text);
    p = malloc(len ? len : 1);
    assert_non_null(p);
    memcpy(p, text, len);

    v = faas_verdict_parse(p, len, flags, error);
    assert_true((v == NULL) == (*error != NULL));

    /* nothing of what has come is changed, or needed any more */

    assert_memory_equal(p, text, len);
    memset(p, 'x', len);
    free(p);

    if (v == NULL) {
        return NULL;
    }

    moved = malloc(v->size);
    assert_non_null(moved);
    memcpy(moved, v, v->size);
    memset(v, 0, sizeof(faas_verdict_t));
    free(v);

    return moved;
}


static void
refused(const char *text, unsigned flags, const char *why)
{
    const char  *error;

    assert_null(parse(text, flags, &error));
    assert_string_equal(error, why);
}


static void
context(const char *text, unsigned flags, const char *want)
{
    size_t                len;
    const char           *error;
    faas_verdict_t       *v;
    const unsigned char  *p;

    v = parse(text, flags, &error);
    assert_non_null(v);

    p = faas_verdict_context(v, &len);
    assert_int_equal(len, want ? strlen(want) : 0);

    if (want != NULL) {
        assert_memory_equal(p, want, len);

    } else {
        assert_null(p);
    }

    free(v);
}


static void
test_simple(void **state)
{
    size_t           len;
    const char      *error;
    faas_verdict_t  *v;

    (void) state;

    v = parse("{\"isAuthorized\":true}", SIMPLE, &error);
    assert_int_equal(v->allowed, 1);
    assert_null(faas_verdict_policy(v));
    assert_null(faas_verdict_principal(v, &len));
    free(v);

    v = parse(" {\"x\":[{}],\"isAuthorize\\u0064\" : false } ", SIMPLE,
              &error);
    assert_int_equal(v->allowed, 0);
    free(v);

    refused("{}", SIMPLE, "\"isAuthorized\" is missing");
    refused("{\"isauthorized\":true}", SIMPLE, "\"isAuthorized\" is missing");
    refused("{\"isAuthorized\":\"true\"}", SIMPLE,
            "\"isAuthorized\" is no boolean");
    refused("{\"isAuthorized\":false,\"isAuthorized\":true}", SIMPLE,
            "\"isAuthorized\" is no boolean");
    refused("{" POLICY "}", SIMPLE, "\"isAuthorized\" is missing");
    refused("", SIMPLE, "it is no JSON object");
    refused("true", SIMPLE, "it is no JSON object");
    refused("[{\"isAuthorized\":true}]", SIMPLE, "it is no JSON object");
    refused("{\"isAuthorized\":true", SIMPLE, "it is no JSON object");
    refused("{\"isAuthorized\":true} x", SIMPLE, "it is no JSON object");
    refused("{\"isAuthorized\":true,\"a\":tru}", SIMPLE,
            "it is no JSON object");
    refused("{\"isAuthorized\":true,\"a\":\"\xff\"}", SIMPLE,
            "it is not UTF-8");
}


static void
test_policy(void **state)
{
    size_t                len;
    const char           *error;
    faas_verdict_t       *v;
    const unsigned char  *p;

    (void) state;

    v = parse("{" POLICY "}", 0, &error);
    p = faas_verdict_principal(v, &len);
    assert_int_equal(len, 3);
    assert_memory_equal(p, "ann", 3);

    assert_int_equal(faas_policy_eval(faas_verdict_policy(v), "a", 1, "x", 1),
                     FAAS_POLICY_ALLOW);
    assert_int_equal(faas_policy_eval(faas_verdict_policy(v), "a", 1, "y", 1),
                     FAAS_POLICY_NONE);
    free(v);

    refused("{}", 0, "\"principalId\" is missing");
    refused("{\"isAuthorized\":true}", 0, "\"principalId\" is missing");
    refused("{\"principalId\":\"a\"}", 0, "\"policyDocument\" is missing");
    refused("{\"principalId\":1}", 0, "\"principalId\" is no string");
    refused("{\"principalId\":\"a\",\"principalId\":\"b\"}", 0,
            "\"principalId\" is no string");
    refused("{\"principalId\":\"a\",\"policyDocument\":\"{}\"}", 0,
            "\"policyDocument\" is no object");
    refused("{\"principalId\":\"a\",\"policyDocument\":{}}", 0,
            "the policy has no statement");
    refused("{" POLICY ",\"policyDocument\":{}}", 0,
            "\"policyDocument\" is no object");
}


static void
test_context(void **state)
{
    (void) state;

    context("{\"isAuthorized\":true}", SIMPLE, NULL);
    context("{\"isAuthorized\":true,\"context\":null}", SIMPLE, NULL);
    context("{\"isAuthorized\":true,\"context\":{ }}", SIMPLE, "{}");
    context("{\"context\": {\"a\" : [1, {\"b\":null}] , \"\":\" \"},"
            "\"isAuthorized\":true}", SIMPLE,
            "{\"a\":[1,{\"b\":null}],\"\":\" \"}");
    context("{\"isAuthorized\":true,\"context\":{\"principalId\":1}}", SIMPLE,
            "{\"principalId\":1}");

    context("{" POLICY ",\"context\":{\"\":0,\"b\":true,\"c\":\"\\u00e4\\\"\""
            "}}", TEXTS, "{\"\":\"0\",\"b\":\"true\",\"c\":\"\\u00e4\\\"\"}");
    context("{" POLICY ",\"context\":{\"principal\\u0049d\":\"root\",\"a\":1,"
            "\"integrationLatency\":0}}", 0, "{\"a\":1}");
    context("{" POLICY ",\"context\":{\"principalId\":\"root\"}}", TEXTS,
            "{}");

    refused("{\"isAuthorized\":true,\"context\":[]}", SIMPLE,
            "\"context\" is no object");
    refused("{\"isAuthorized\":true,\"context\":{},\"context\":{}}", SIMPLE,
            "\"context\" is no object");
    refused("{" POLICY ",\"context\":{\"a\":null}}", TEXTS,
            "a value in \"context\" is no string, number or boolean");
    refused("{" POLICY ",\"context\":{\"a\":{}}}", TEXTS,
            "a value in \"context\" is no string, number or boolean");
    refused("{" POLICY ",\"context\":{\"a\":[]}}", TEXTS,
            "a value in \"context\" is no string, number or boolean");
}


/* Members that grow most when they become strings. */

static void
test_size(void **state)
{
    size_t           len;
    char             text[16384], *p;
    const char      *error;
    unsigned         i;
    faas_verdict_t  *v;

    (void) state;

    p = text + sprintf(text, "{%s,\"context\":{", POLICY);

    for (i = 0; i < 2000; i++) {
        p += sprintf(p, "%s\"\":%u", i ? "," : "", i % 10);
    }

    (void) sprintf(p, "}}");

    v = parse(text, TEXTS, &error);
    (void) faas_verdict_context(v, &len);
    assert_int_equal(len, 2000 * 7 + 1);
    free(v);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_simple),
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_size)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
