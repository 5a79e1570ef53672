/*
 * Signature Version 4: what is refused before there is a secret, and what is
 * said then.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "unit_sigv4.h"


static void
test_presigned_bad(void **state)
{
    sent_t  sent;

    (void) state;

    assert_incomplete(check_query(PRESIGN),
                      "AWS query-string parameters must include "
                      "'X-Amz-Signature'. AWS query-string parameters must "
                      "include 'X-Amz-SignedHeaders'. AWS query-string "
                      "parameters must include 'X-Amz-Expires'. Re-examine "
                      "the query-string parameters.");
    assert_incomplete(check_query("X-Amz-Expires=900" PRESIGN_REST),
                      "AWS query-string parameters must include "
                      "'X-Amz-Algorithm'. AWS query-string parameters must "
                      "include 'X-Amz-Credential'. AWS query-string "
                      "parameters must include 'X-Amz-Date'. Re-examine the "
                      "query-string parameters.");
    assert_incomplete(check_query(PRESIGN "&X-Amz-Expires=0" PRESIGN_REST),
                      "X-Amz-Expires must be between 1 and 604800 seconds.");
    assert_int_equal(check_query(PRESIGN "&X-Amz-Expires=604800"
                                 PRESIGN_REST), FAAS_SIGV4_MISMATCH);
    assert_int_equal(check_query(PRESIGN "&X-Amz-Expires=604801"
                                 PRESIGN_REST), FAAS_SIGV4_INCOMPLETE);
    assert_int_equal(check_query(PRESIGN "&X-Amz-Expires="
                                 "99999999999999999999999" PRESIGN_REST),
                     FAAS_SIGV4_INCOMPLETE);
    assert_int_equal(check_query(PRESIGN "&X-Amz-Expires=-1" PRESIGN_REST),
                     FAAS_SIGV4_INCOMPLETE);
    assert_int_equal(check_query(PRESIGN "&X-Amz-Expires=9x" PRESIGN_REST),
                     FAAS_SIGV4_INCOMPLETE);
    assert_incomplete(check_query(PRESIGN "&X-Amz-Expires=900&X-Amz-Expires="
                                  "900" PRESIGN_REST),
                      "A query-string parameter of the signature is "
                      "repeated.");
    assert_int_equal(check_query(PRESIGN "&X-Amz-Expires=900&X-Amz%2dDate=1"
                                 PRESIGN_REST), FAAS_SIGV4_INCOMPLETE);

    /* another case is another parameter */

    assert_int_equal(check_query("x-amz-signature=a&x-amz-credential=b"),
                     FAAS_SIGV4_MISSING);
    assert_int_equal(check_query("X-Amz-Date=a&X-Amz-Expires=b"),
                     FAAS_SIGV4_MISSING);

    sent = presigned;
    sent.headers = dotted.headers;
    assert_incomplete(check_sent(&sent, "execute-api"),
                      "Only one of the Authorization header and the "
                      "query-string parameters may be used.");
}


static void
test_times(void **state)
{
    (void) state;

    request(&invoke, "lambda");

    scene.r.now = NOW + 300;
    assert_int_equal(faas_sigv4_parse(&scene.s, &scene.r), FAAS_SIGV4_OK);

    scene.r.now = NOW + 301;
    assert_int_equal(faas_sigv4_parse(&scene.s, &scene.r),
                     FAAS_SIGV4_EXPIRED);
    assert_says(FAAS_SIGV4_EXPIRED, "Signature expired: 20260102T030405Z is "
                "now earlier than 20260102T030406Z (20260102T030906Z - 5 "
                "min.)");

    scene.r.now = NOW - 300;
    assert_int_equal(faas_sigv4_parse(&scene.s, &scene.r), FAAS_SIGV4_OK);

    scene.r.now = NOW - 301;
    assert_int_equal(faas_sigv4_parse(&scene.s, &scene.r), FAAS_SIGV4_EARLY);
    assert_says(FAAS_SIGV4_EARLY, "Signature not yet current: "
                "20260102T030405Z is still later than 20260102T030404Z "
                "(20260102T025904Z + 5 min.)");

    request(&presigned, "execute-api");

    scene.r.now = NOW + 900;
    assert_int_equal(faas_sigv4_parse(&scene.s, &scene.r), FAAS_SIGV4_OK);

    scene.r.now = NOW + 901;
    assert_int_equal(faas_sigv4_parse(&scene.s, &scene.r),
                     FAAS_SIGV4_EXPIRED);
    assert_says(FAAS_SIGV4_EXPIRED, "Signature expired: 20260102T030405Z is "
                "now earlier than 20260102T030406Z (20260102T031906Z - 15 "
                "min.)");

    scene.r.now = NOW - 301;
    assert_int_equal(faas_sigv4_parse(&scene.s, &scene.r), FAAS_SIGV4_EARLY);
}


static void
test_time_texts(void **state)
{
    char              text[FAAS_SIGV4_TIME_LEN + 1];
    int64_t           t;
    unsigned          i;
    faas_sigv4_str_t  s;

    static const struct {
        int64_t      t;
        const char  *text;
    } times[] = {
        { 0, "19700101T000000Z" },
        { 951782399, "20000228T235959Z" },
        { 951782400, "20000229T000000Z" },
        { 951868800, "20000301T000000Z" },
        { 1709164800, "20240229T000000Z" },
        { NOW, "20260102T030405Z" },
        { 4107542400, "21000301T000000Z" },
        { 253402300799, "99991231T235959Z" }
    };

    static const char *const  bad[] = {
        "", "20260102T030405", "20260102T030405z", "20260102 030405Z",
        "20261302T030405Z", "20260002T030405Z", "20260100T030405Z",
        "20260132T030405Z", "20260229T030405Z", "20260431T030405Z",
        "20260102T240405Z", "20260102T036005Z", "20260102T030460Z",
        "19691231T235959Z", "2026010aT030405Z", "21000229T000000Z",
        "2026-01-02T03:04:05Z"
    };

    static const char *const  bad_http[] = {
        "Fri, 02 Jan 2026 03:04:05", "Fri, 02 Jan 2026 03:04:05 CET",
        "Fri, 02 Jux 2026 03:04:05 GMT", "Fri, 2 Jan 2026 03:04:05 GMT",
        "Friday, 02-Jan-26 03:04:05 GMT", "Fri, 02 Jan 2026 03:04:05 +0100"
    };

    (void) state;

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        s = str(times[i].text);
        assert_int_equal(faas_sigv4_time_iso(&s, &t), 0);
        assert_int_equal(t, times[i].t);
        faas_sigv4_time_text(text, times[i].t);
        assert_string_equal(text, times[i].text);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s = str(bad[i]);
        assert_int_equal(faas_sigv4_time_iso(&s, &t), -1);
    }

    for (i = 0; i < sizeof(bad_http) / sizeof(bad_http[0]); i++) {
        s = str(bad_http[i]);
        assert_int_equal(faas_sigv4_time_http(&s, &t), -1);
    }

    s = str("Thu, 29 Feb 2024 00:00:00 GMT");
    assert_int_equal(faas_sigv4_time_http(&s, &t), 0);
    assert_int_equal(t, 1709164800);
}


static void
test_scope(void **state)
{
    (void) state;

    request(&invoke, "lambda");
    scene.r.region = "eu-west-1";
    assert_int_equal(faas_sigv4_parse(&scene.s, &scene.r), FAAS_SIGV4_SCOPE);
    assert_says(FAAS_SIGV4_SCOPE,
                "Credential should be scoped to a valid region.");

    scene.r.region = NULL;
    assert_int_equal(faas_sigv4_parse(&scene.s, &scene.r), FAAS_SIGV4_OK);

    request(&dotted, "lambda");
    assert_int_equal(faas_sigv4_parse(&scene.s, &scene.r), FAAS_SIGV4_SCOPE);
    assert_says(FAAS_SIGV4_SCOPE, "Credential should be scoped to correct "
                "service: 'lambda'. ");

    assert_int_equal(check_headers(DATED AUTH "AWS4-HMAC-SHA256 Credential="
                                   "A/20260103/us-east-1/execute-api/aws5, "
                                   SIGNED SHA), FAAS_SIGV4_SCOPE);
    assert_says(FAAS_SIGV4_SCOPE, "Credential should be scoped with a valid "
                "terminator: 'aws4_request'. Date in Credential scope does "
                "not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                "'20260103' != '20260102', from '20260102T030405Z'.");
}


static void
test_missing(void **state)
{
    (void) state;

    assert_int_equal(check_headers(HOST), FAAS_SIGV4_MISSING);
    assert_says(FAAS_SIGV4_MISSING, "Missing Authentication Token");
    assert_int_equal(check_headers(""), FAAS_SIGV4_MISSING);

    assert_incomplete(check_headers(HOST AUTH "Bearer abc"),
                      "Authorization header requires 'Credential' parameter. "
                      "Authorization header requires 'Signature' parameter. "
                      "Authorization header requires 'SignedHeaders' "
                      "parameter. Authorization header requires existence of "
                      "either a 'X-Amz-Date' or a 'Date' header.");
    assert_incomplete(check_headers(DATED AUTH EXECUTE
                                    "SignedHeaders=host;x-amz-date"),
                      "Authorization header requires 'Signature' parameter.");
    assert_incomplete(check_headers(DATED AUTH EXECUTE "SignedHeaders=,"
                                    "Signature=" SHA),
                      "Authorization header requires 'SignedHeaders' "
                      "parameter.");
    assert_incomplete(check_headers(DATED AUTH "AWS4-ECDSA-P256-SHA256 "
                                    "Credential=A/20260102/lambda/"
                                    "aws4_request, " SIGNED SHA),
                      "Unsupported AWS 'algorithm'.");
    assert_incomplete(check_headers(DATED AUTH),
                      "Authorization header requires 'Credential' parameter. "
                      "Authorization header requires 'Signature' parameter. "
                      "Authorization header requires 'SignedHeaders' "
                      "parameter.");
}


static void
test_malformed(void **state)
{
    unsigned  i;

    static const char *const  bad[] = {
        DATED AUTH EXECUTE SIGNED SHA "\n" AUTH EXECUTE SIGNED SHA,
        DATED "X-AMZ-Date: 20260102T030405Z\n" AUTH EXECUTE SIGNED SHA,
        HOST "x-amz-date: 20260102\n" AUTH EXECUTE SIGNED SHA,
        HOST "x-amz-date: Fri, 02 Jan 2026 03:04:05 GMT\n" AUTH EXECUTE
        SIGNED SHA,
        DATED AUTH EXECUTE SIGNED SHA ", Signature=" SHA,
        DATED AUTH EXECUTE SIGNED SHA ", Other=1",
        DATED AUTH EXECUTE SIGNED SHA ", junk",
        DATED AUTH EXECUTE SIGNED SHA ",",
        DATED AUTH EXECUTE "," SIGNED SHA,
        DATED AUTH "aws4-hmac-sha256 " SIGNED SHA,
        DATED AUTH CRED "lambda, " SIGNED SHA,
        DATED AUTH CRED "lambda/aws4_request/x, " SIGNED SHA,
        DATED AUTH "AWS4-HMAC-SHA256 Credential=a b/20260102/us-east-1/"
        "execute-api/aws4_request, " SIGNED SHA,
        DATED AUTH "AWS4-HMAC-SHA256 Credential=/20260102/us-east-1/"
        "execute-api/aws4_request, " SIGNED SHA,
        DATED AUTH EXECUTE "SignedHeaders=Host;X-Amz-Date, Signature=" SHA,
        DATED AUTH EXECUTE "SignedHeaders=host;;x-amz-date, Signature=" SHA,
        DATED AUTH EXECUTE "SignedHeaders=host;x-amz-date;, Signature=" SHA,
        DATED AUTH EXECUTE "SignedHeaders=host;x-amz-date;host, Signature="
        SHA,
        DATED "a: b\rc\n" AUTH EXECUTE
        "SignedHeaders=a;host;x-amz-date, Signature=" SHA
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(check_headers(bad[i]), FAAS_SIGV4_INCOMPLETE);
        assert_true(strlen(message(FAAS_SIGV4_INCOMPLETE)) > 0);
    }
}


static void
test_unsigned(void **state)
{
    (void) state;

    assert_int_equal(check_headers(DATED AUTH EXECUTE
                                   "SignedHeaders=x-amz-date, Signature="
                                   SHA), FAAS_SIGV4_UNSIGNED);
    assert_says(FAAS_SIGV4_UNSIGNED, "'Host' or ':authority' must be a "
                "'SignedHeader' in the AWS Authorization.");

    assert_int_equal(check_headers(DATED AUTH EXECUTE
                                   "SignedHeaders=host, Signature=" SHA),
                     FAAS_SIGV4_UNSIGNED);
    assert_int_equal(check_headers(DATED "X-AMZ-Other: 1\n" AUTH EXECUTE
                                   SIGNED SHA), FAAS_SIGV4_UNSIGNED);

    /* the rest may be added on the way, but nothing may be taken away */

    assert_int_equal(check_headers(DATED "Via: 1\nX-Amzn-Trace-Id: x\n"
                                   AUTH EXECUTE SIGNED
                                   "be707904b650fa2b7437c349924e320e"
                                   "cadaccd1c3fdd9e1b0936b1091e29a1d"),
                     FAAS_SIGV4_OK);
    assert_int_equal(check_headers(DATED AUTH EXECUTE
                                   "SignedHeaders=accept;host;x-amz-date, "
                                   "Signature=" SHA), FAAS_SIGV4_MISMATCH);
}


static void
test_limits(void **state)
{
    size_t       i;
    sent_t       sent;

    static char  text[FAAS_SIGV4_QUERY + 64], path[FAAS_SIGV4_PATH + 2];

    (void) state;

    sent = dotted;
    sent.path = path;
    memset(path, 'a', FAAS_SIGV4_PATH);
    path[0] = '/';
    assert_int_equal(check_sent(&sent, "execute-api"), FAAS_SIGV4_MISMATCH);
    path[FAAS_SIGV4_PATH] = '/';
    assert_int_equal(check_sent(&sent, "execute-api"), FAAS_SIGV4_INCOMPLETE);

    memset(text, '&', sizeof(text) - 1);

    for (i = 0; i < FAAS_SIGV4_PARAMS; i++) {
        text[i * 2] = 'a';
    }

    sent = dotted;
    sent.query = text;
    text[i * 2] = '\0';
    assert_int_equal(check_sent(&sent, "execute-api"), FAAS_SIGV4_MISMATCH);
    strcpy(text + i * 2, "a");
    assert_int_equal(check_sent(&sent, "execute-api"), FAAS_SIGV4_INCOMPLETE);

    memset(text, 'a', FAAS_SIGV4_QUERY);
    text[FAAS_SIGV4_QUERY] = '\0';
    assert_int_equal(check_sent(&sent, "execute-api"), FAAS_SIGV4_MISMATCH);
    strcpy(text + FAAS_SIGV4_QUERY, "a");
    assert_int_equal(check_sent(&sent, "execute-api"), FAAS_SIGV4_INCOMPLETE);

    (void) snprintf(text, sizeof(text), DATED AUTH EXECUTE
                    "SignedHeaders=host;x-amz-date");

    for (i = 0; i < FAAS_SIGV4_SIGNED; i++) {
        strcat(text, ";host");
    }

    assert_int_equal(check_headers(text), FAAS_SIGV4_INCOMPLETE);

    memset(text, 'a', FAAS_SIGV4_TEXT + 1);
    memcpy(text, "X-Amz-Signature=", 16);
    text[16 + FAAS_SIGV4_TEXT + 1] = '\0';
    sent = presigned;
    sent.query = text;
    memset(text + 16, 'a', FAAS_SIGV4_TEXT + 1);
    assert_incomplete(check_sent(&sent, "execute-api"), "The query-string "
                      "parameters of the signature are too long.");

    request(&invoke, "lambda");
    scene.r.n_headers = FAAS_SIGV4_HEADERS + 1;
    assert_int_equal(faas_sigv4_parse(&scene.s, &scene.r),
                     FAAS_SIGV4_INCOMPLETE);
}


static void
test_types(void **state)
{
    char  small[8];

    (void) state;

    assert_string_equal(faas_sigv4_type(FAAS_SIGV4_MISSING),
                        "MissingAuthenticationTokenException");
    assert_string_equal(faas_sigv4_type(FAAS_SIGV4_INCOMPLETE),
                        "IncompleteSignatureException");
    assert_string_equal(faas_sigv4_type(FAAS_SIGV4_SCOPE),
                        "InvalidSignatureException");
    assert_string_equal(faas_sigv4_type(FAAS_SIGV4_UNKNOWN_KEY),
                        "UnrecognizedClientException");
    assert_string_equal(faas_sigv4_type(FAAS_SIGV4_TOKEN_EXPIRED),
                        "ExpiredTokenException");

    request(&invoke, "lambda");
    assert_int_equal(faas_sigv4_parse(&scene.s, &scene.r), FAAS_SIGV4_OK);
    assert_says(FAAS_SIGV4_UNKNOWN_KEY, "The security token included in the "
                "request is invalid.");
    assert_says(FAAS_SIGV4_TOKEN_EXPIRED, "The security token included in the "
                "request is expired");

    assert_int_equal(faas_sigv4_message(&scene.s, &scene.r,
                                        FAAS_SIGV4_MISSING, small,
                                        sizeof(small)), sizeof(small) - 1);
    assert_string_equal(small, "Missing");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_presigned_bad),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_time_texts),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_unsigned),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_types)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("sigv4_bad", tests, NULL, NULL);
}
