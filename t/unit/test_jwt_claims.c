/*
 * JSON web tokens: what claims must be, and how they are handed on.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "faas_jwt.h"


#define STR(s)  { (const unsigned char *) s, sizeof(s) - 1 }
#define GOOD    "\"iss\":\"https://i\",\"aud\":\"api\",\"exp\":2000"
#define CLAIMS  "{\"iss\":\"https://i\",\"aud\":\"api\","

static const faas_jwt_str_t  audience[] = { STR("other"), STR("api") };
static const faas_jwt_str_t  scopes[] = { STR("read"), STR("write") };

static const faas_jwt_expect_t  expect = {
    .issuer = STR("https://i"), .audience = audience, .n_audience = 2,
    .now = 1000, .skew = 10
};

static faas_jwt_t  jwt;


static void
claims(const char *payload)
{
    jwt.payload_len = strlen(payload);
    jwt.payload = jwt.text;
    memcpy(jwt.text, payload, jwt.payload_len);
}


static faas_jwt_e
check_claims(const char *payload)
{
    claims(payload);

    return faas_jwt_check(&jwt, &expect);
}


static faas_jwt_e
check_scopes(const char *members)
{
    char               text[1024];
    faas_jwt_expect_t  e;

    e = expect;
    e.scopes = scopes;
    e.n_scopes = 2;

    (void) snprintf(text, sizeof(text), "{" GOOD "%s}", members);
    claims(text);

    return faas_jwt_check(&jwt, &e);
}


static faas_jwt_e
check_times(const char *members)
{
    char  text[1024];

    (void) snprintf(text, sizeof(text), CLAIMS "%s}", members);

    return check_claims(text);
}


static void
test_issuer(void **state)
{
    faas_jwt_expect_t  e;

    (void) state;

    assert_int_equal(check_claims("{" GOOD "}"), FAAS_JWT_OK);
    assert_int_equal(check_claims("{\"iss\":\"https:\\/\\/\\u0069\","
                                  "\"aud\":\"api\",\"exp\":2000}"),
                     FAAS_JWT_OK);
    assert_int_equal(check_claims("{\"iss\":\"https://i/\",\"aud\":\"api\","
                                  "\"exp\":2000}"), FAAS_JWT_BAD_ISSUER);
    assert_int_equal(check_claims("{\"iss\":\"https://\",\"aud\":\"api\","
                                  "\"exp\":2000}"), FAAS_JWT_BAD_ISSUER);
    assert_int_equal(check_claims("{\"iss\":[\"https://i\"],\"aud\":\"api\","
                                  "\"exp\":2000}"), FAAS_JWT_BAD_ISSUER);
    assert_int_equal(check_claims("{}"), FAAS_JWT_BAD_ISSUER);

    /* without an issuer none is good */

    e = expect;
    e.issuer.len = 0;
    claims("{\"iss\":\"\",\"aud\":\"api\",\"exp\":2000}");
    assert_int_equal(faas_jwt_check(&jwt, &e), FAAS_JWT_BAD_ISSUER);
}


static void
test_twice(void **state)
{
    (void) state;

    assert_int_equal(check_claims("{" GOOD ",\"iss\":\"https://i\"}"),
                     FAAS_JWT_BAD_PAYLOAD);
    assert_int_equal(check_claims("{" GOOD ",\"\\u0065xp\":2000}"),
                     FAAS_JWT_BAD_PAYLOAD);
    assert_int_equal(check_claims("{" GOOD ",\"x\":1,\"x\":2}"), FAAS_JWT_OK);
    assert_int_equal(check_claims("[]"), FAAS_JWT_BAD_PAYLOAD);
}


static void
test_audience(void **state)
{
    unsigned           i;
    char               text[1024];
    faas_jwt_expect_t  e;

    static const struct {
        faas_jwt_e   rc;
        const char  *members;
    } cases[] = {
        { FAAS_JWT_OK, ",\"aud\":\"other\"" },
        { FAAS_JWT_OK, ",\"aud\":[\"x\",1,\"api\"]" },
        { FAAS_JWT_OK, ",\"client_id\":\"api\"" },
        { FAAS_JWT_OK, ",\"client_id\":1,\"aud\":\"api\"" },
        { FAAS_JWT_BAD_AUDIENCE, "" },
        { FAAS_JWT_BAD_AUDIENCE, ",\"aud\":\"ap\"" },
        { FAAS_JWT_BAD_AUDIENCE, ",\"aud\":\"api x\"" },
        { FAAS_JWT_BAD_AUDIENCE, ",\"aud\":[]" },
        { FAAS_JWT_BAD_AUDIENCE, ",\"aud\":[[\"api\"]]" },
        { FAAS_JWT_BAD_AUDIENCE, ",\"aud\":{\"api\":1}" },
        { FAAS_JWT_BAD_AUDIENCE, ",\"aud\":null,\"client_id\":\"api\"" },
        { FAAS_JWT_BAD_AUDIENCE, ",\"aud\":\"x\",\"client_id\":\"api\"" },
        { FAAS_JWT_BAD_AUDIENCE, ",\"client_id\":[\"api\"]" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void) snprintf(text, sizeof(text),
                        "{\"iss\":\"https://i\",\"exp\":2000%s}",
                        cases[i].members);
        assert_int_equal(check_claims(text), cases[i].rc);
    }

    e = expect;
    e.n_audience = 0;
    claims("{" GOOD "}");
    assert_int_equal(faas_jwt_check(&jwt, &e), FAAS_JWT_BAD_AUDIENCE);
}


static void
test_times(void **state)
{
    unsigned  i;

    static const struct {
        faas_jwt_e   rc;
        const char  *members;
    } cases[] = {
        { FAAS_JWT_OK, "\"exp\":991" },
        { FAAS_JWT_OK, "\"exp\":990.5" },
        { FAAS_JWT_EXPIRED, "\"exp\":990" },
        { FAAS_JWT_EXPIRED, "\"exp\":990.0" },
        { FAAS_JWT_EXPIRED, "\"exp\":0" },
        { FAAS_JWT_EXPIRED, "\"exp\":-2000" },
        { FAAS_JWT_OK, "\"exp\":2e3" },
        { FAAS_JWT_OK, "\"exp\":2E+3" },
        { FAAS_JWT_OK, "\"exp\":20000000e-4" },
        { FAAS_JWT_OK, "\"exp\":0.0002e7" },
        { FAAS_JWT_EXPIRED, "\"exp\":2e0" },
        { FAAS_JWT_EXPIRED, "\"exp\":2e-400" },
        { FAAS_JWT_BAD_TIME, "\"exp\":2e400" },
        { FAAS_JWT_BAD_TIME, "\"exp\":2e99999999999999999999" },
        { FAAS_JWT_BAD_TIME, "\"exp\":1e16" },
        { FAAS_JWT_BAD_TIME, "\"exp\":-1e400" },
        { FAAS_JWT_BAD_TIME, "\"exp\":99999999999999999999999" },
        { FAAS_JWT_BAD_TIME, "\"exp\":\"2000\"" },
        { FAAS_JWT_BAD_TIME, "\"exp\":null" },
        { FAAS_JWT_BAD_TIME, "\"exp\":[2000]" },
        { FAAS_JWT_BAD_TIME, "\"iat\":1" },
        { FAAS_JWT_OK, "\"exp\":2000,\"nbf\":1010" },
        { FAAS_JWT_EARLY, "\"exp\":2000,\"nbf\":1010.1" },
        { FAAS_JWT_EARLY, "\"exp\":2000,\"nbf\":1011" },
        { FAAS_JWT_BAD_TIME, "\"exp\":2000,\"nbf\":\"0\"" },
        { FAAS_JWT_OK, "\"exp\":2000,\"iat\":1010,\"nbf\":0" },
        { FAAS_JWT_EARLY, "\"exp\":2000,\"iat\":1011" },
        { FAAS_JWT_BAD_TIME, "\"exp\":2000,\"iat\":true" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(check_times(cases[i].members), cases[i].rc);
    }
}


static void
test_scopes(void **state)
{
    unsigned  i;

    static const struct {
        faas_jwt_e   rc;
        const char  *members;
    } cases[] = {
        { FAAS_JWT_OK, ",\"scope\":\"read\"" },
        { FAAS_JWT_OK, ",\"scope\":\"a  write b\"" },
        { FAAS_JWT_OK, ",\"scope\":\"a r\\u0065ad\"" },
        { FAAS_JWT_OK, ",\"scope\":\"a\",\"scp\":\"b write\"" },
        { FAAS_JWT_OK, ",\"scp\":[\"a\",\"write\"]" },
        { FAAS_JWT_BAD_SCOPE, "" },
        { FAAS_JWT_BAD_SCOPE, ",\"scope\":\"\"" },
        { FAAS_JWT_BAD_SCOPE, ",\"scope\":\"reader\"" },
        { FAAS_JWT_BAD_SCOPE, ",\"scope\":\"rea\"" },
        { FAAS_JWT_BAD_SCOPE, ",\"scope\":\"READ\"" },
        { FAAS_JWT_BAD_SCOPE, ",\"scope\":\"a\\u0020read\"" },
        { FAAS_JWT_BAD_SCOPE, ",\"scope\":[\"read\"]" },
        { FAAS_JWT_BAD_SCOPE, ",\"scp\":[\"a read\"]" },
        { FAAS_JWT_BAD_SCOPE, ",\"scp\":{\"read\":1}" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(check_scopes(cases[i].members), cases[i].rc);
    }

    assert_string_equal(faas_jwt_error(FAAS_JWT_BAD_SCOPE),
                        "insufficient_scope");
    assert_string_equal(faas_jwt_error(FAAS_JWT_EXPIRED), "invalid_token");
    assert_string_equal(faas_jwt_text(FAAS_JWT_EXPIRED),
                        "the token has expired");

    for (i = FAAS_JWT_OK; i <= FAAS_JWT_FAILED; i++) {
        assert_non_null(faas_jwt_text((faas_jwt_e) i));
        assert_null(strpbrk(faas_jwt_text((faas_jwt_e) i), "\"\\"));
    }
}


static int
print(void *ctx, const unsigned char *name, size_t nlen,
    const unsigned char *value, size_t vlen)
{
    char  *p;

    p = ctx;
    (void) sprintf(p + strlen(p), "%.*s=%.*s|", (int) nlen,
                   (const char *) name, (int) vlen, (const char *) value);

    return nlen == 4 && memcmp(name, "stop", 4) == 0;
}


static void
test_claims(void **state)
{
    char  text[1024];

    (void) state;

    text[0] = '\0';
    claims(" { \"a\" : \"x\\u00e9\\n\" , \"\\u0062\":1.50e3, \"t\": true,"
           " \"z\":null, \"l\": [ \"a\" , \"b\\\"\" , 1, [ 2, 3 ], "
           "{ \"k\" : [ ] } ], \"e\":[ ], \"s\":[\"\",\"y\"], "
           "\"o\" : { \"k\" : \"v w\" , \"n\" : [ 1 , 2 ] }, \"a\":2 } ");
    assert_int_equal(faas_jwt_claims(&jwt, print, text), 0);
    assert_string_equal(text, "a=x\xc3\xa9\n|b=1.50e3|t=true|z=null|"
                        "l=[a b\" 1 [2,3] {\"k\":[]}]|e=[]|s=[ y]|"
                        "o={\"k\":\"v w\",\"n\":[1,2]}|a=2|");

    text[0] = '\0';
    claims("{\"a\":1,\"stop\":2,\"b\":3}");
    assert_int_equal(faas_jwt_claims(&jwt, print, text), -1);
    assert_string_equal(text, "a=1|stop=2|");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_issuer),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_audience),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_claims)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("jwt_claims", tests, NULL, NULL);
}
