/*
 * Signature Version 4: requests that botocore signed, and small changes to
 * them.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "unit_sigv4.h"


static const sent_t  good[] = {
    { "GET", "/a/./b/../c//d/", "", DATED AUTH EXECUTE SIGNED
      "bc1a689ec294aa3a132016fe980b8e7939a95573762d01517595bda20179932b", "" },
    { "GET", "/%E4%BD%A0/a%20b/~x_y.z-", "", DATED
      "X-Empty:\nX-Spaces:   a   b\t c  \n" AUTH EXECUTE
      "SignedHeaders=host;x-amz-date;x-empty;x-spaces, Signature="
      "9d1f8876cbbed94ee15a362a2bb131a08328963815824b208eb64831398e95df",
      "" },
    { "GET", "/q", "tagKeys=b&tagKeys=a&B=1&a%3D=%26&a=&z=&A%2FB=%C3%BC&a-b=2"
      "&aB=3&a%20b=4", DATED AUTH EXECUTE SIGNED
      "819c3a1ac95adf55b52ffcd46d98272bec24214be95bf1cdd02e09f73435d777",
      "" },
    /* the same with other spellings of it */
    { "GET", "/q", "&a+b=4&z&t%61gKeys=b&tagKeys=a&B=1&&a%3d=%26&a&"
      "A/B=%c3%bc&a-b=2&aB=3", DATED AUTH EXECUTE SIGNED
      "819c3a1ac95adf55b52ffcd46d98272bec24214be95bf1cdd02e09f73435d777",
      "" },
    { "PUT", "/d", "", HOST "Date: Fri, 02 Jan 2026 03:04:05 -0000\n"
      AUTH EXECUTE "SignedHeaders=date;host, Signature="
      "48cbe73bbc31e83c9340ce15fdbd5a1536e2aa85c674c31c70d365fe6778987a",
      "" },
    { "PUT", "/h", "", DATED "X-Amz-Content-SHA256: " SHA "\n" AUTH EXECUTE
      "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="
      "dd17fc7144aa334777b466a4fd78373e40f845754f7d22ce7e64ccc7bb840a0d",
      BODY },
    { "GET", "/r", "", "X-List: one\n" DATED "X-LIST: two  three\n" AUTH EXECUTE
      "SignedHeaders=host;x-amz-date;x-list, Signature="
      "dab25cc6bf85a7157edea62f0f9c1e69c7089000b12bd27888089bd93df59322",
      "" },
    { "GET", "/../x/..", "", DATED AUTH EXECUTE SIGNED
      "203d46705efe24648c524614d6c8477f2eaab0f538bfc75b77cc2589c7c59e73",
      "" },
    { "GET", "", "", DATED AUTH EXECUTE SIGNED
      "203d46705efe24648c524614d6c8477f2eaab0f538bfc75b77cc2589c7c59e73",
      "" },
    { "GET", "/x/.", "", DATED AUTH EXECUTE SIGNED
      "be707904b650fa2b7437c349924e320ecadaccd1c3fdd9e1b0936b1091e29a1d",
      "" },
    /* spaces after commas are optional, and the order is free */
    { "GET", "/x/.", "", DATED AUTH "AWS4-HMAC-SHA256  Signature="
      "be707904b650fa2b7437c349924e320ecadaccd1c3fdd9e1b0936b1091e29a1d,"
      "SignedHeaders=host;x-amz-date,Credential=AKIDEXAMPLE/20260102/"
      "us-east-1/execute-api/aws4_request", "" }
};


static int
collect(void *ctx, const unsigned char *p, size_t n)
{
    strncat(ctx, (const char *) p, n);

    return 0;
}


static void
test_contract(void **state)
{
    char              text[1024];
    unsigned          i;
    unsigned char     key[FAAS_SIGV4_KEY_LEN];
    faas_sigv4_str_t  hash;

    static const unsigned char  expected[] = {
        0xd9, 0xc3, 0x27, 0xe5, 0xb2, 0x0a, 0x53, 0x7e,
        0x07, 0xea, 0xc0, 0x8f, 0xff, 0x31, 0xe2, 0x4f,
        0x62, 0xd8, 0x93, 0xfc, 0x00, 0x49, 0x50, 0xb3,
        0xf6, 0xdd, 0x68, 0x06, 0xb2, 0x38, 0xb7, 0x2b
    };

    (void) state;

    assert_int_equal(check_sent(&invoke, "lambda"), FAAS_SIGV4_OK);
    assert_true(faas_sigv4_eq(&scene.s.access_key, "AKIDEXAMPLE"));
    assert_true(faas_sigv4_eq(&scene.s.token, "SESSIONTOKEN"));
    assert_int_equal(scene.s.payload, FAAS_SIGV4_BODY);
    assert_false(scene.s.presigned);

    assert_int_equal(faas_sigv4_key(key, (const unsigned char *) SECRET,
                                    sizeof(SECRET) - 1, &scene.s.date,
                                    &scene.s.region, &scene.s.service), 0);

    for (i = 0; i < sizeof(expected); i++) {
        assert_int_equal(key[i], expected[i]);
    }

    text[0] = '\0';
    hash = str(SHA);
    assert_int_equal(faas_sigv4_canonical(&scene.s, &scene.r, &hash, collect,
                                          text), 0);
    assert_string_equal(text,
        "POST\n/2015-03-31/functions/arn%253Aaws%253Alambda%253Aus-east-1"
        "%253A000000000000%253Afunction%253Ahello%253Av1/invocations\n"
        "Qualifier=v1\ncontent-type:application/octet-stream\n"
        "host:127.0.0.1:9000\nx-amz-date:20260102T030405Z\n"
        "x-amz-invocation-type:RequestResponse\n"
        "x-amz-security-token:SESSIONTOKEN\n\n"
        "content-type;host;x-amz-date;x-amz-invocation-type;"
        "x-amz-security-token\n" SHA);
}


static void
test_good(void **state)
{
    unsigned  i;

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(check_sent(&good[i], "execute-api"), FAAS_SIGV4_OK);
    }
}


static void
test_mismatch(void **state)
{
    char    text[1024], *p;
    sent_t  sent;

    (void) state;

    sent = invoke;
    sent.body = "{\"a\":2}";
    assert_int_equal(check_sent(&sent, "lambda"), FAAS_SIGV4_MISMATCH);
    assert_says(FAAS_SIGV4_MISMATCH, "The request signature we calculated does "
                "not match the signature you provided. Check your AWS Secret "
                "Access Key and signing method. Consult the service "
                "documentation for details.");

    sent = invoke;
    sent.method = "PUT";
    assert_int_equal(check_sent(&sent, "lambda"), FAAS_SIGV4_MISMATCH);

    sent = invoke;
    sent.query = "Qualifier=v2";
    assert_int_equal(check_sent(&sent, "lambda"), FAAS_SIGV4_MISMATCH);

    sent = invoke;
    sent.path = "/2015-03-31/functions/hello/invocations";
    assert_int_equal(check_sent(&sent, "lambda"), FAAS_SIGV4_MISMATCH);

    request(&invoke, "lambda");
    assert_int_equal(faas_sigv4_parse(&scene.s, &scene.r), FAAS_SIGV4_OK);
    assert_int_equal(second("other", BODY), FAAS_SIGV4_MISMATCH);

    /* every character counts, and so does its case */

    (void) snprintf(text, sizeof(text), "%s", invoke.headers);
    sent = invoke;
    sent.headers = text;
    p = strstr(text, "Signature=") + 10;

    *p = '6';
    assert_int_equal(check_sent(&sent, "lambda"), FAAS_SIGV4_MISMATCH);
    *p = '5';
    assert_int_equal(check_sent(&sent, "lambda"), FAAS_SIGV4_OK);
    p[63] = 'a';
    assert_int_equal(check_sent(&sent, "lambda"), FAAS_SIGV4_MISMATCH);
    p[63] = 'B';
    assert_int_equal(check_sent(&sent, "lambda"), FAAS_SIGV4_MISMATCH);
    p[63] = '\n';
    assert_int_equal(check_sent(&sent, "lambda"), FAAS_SIGV4_MISMATCH);
}


static void
test_presigned(void **state)
{
    sent_t  sent;

    (void) state;

    assert_int_equal(check_sent(&presigned, "execute-api"), FAAS_SIGV4_OK);
    assert_true(scene.s.presigned);
    assert_int_equal(scene.s.token.len, 0);

    /* whatever stands before or behind the signature */

    assert_int_equal(check_query("X-Amz-Expires=900" PRESIGN_REST
                                 "&y=a%20b&x=1&" PRESIGN), FAAS_SIGV4_OK);
    assert_int_equal(check_query("X-Amz-Expires=900" PRESIGN_REST
                                 "&y=a%20b&x=2&" PRESIGN),
                     FAAS_SIGV4_MISMATCH);

    /* a body is not what botocore signs */

    sent = presigned;
    sent.body = BODY;
    assert_int_equal(check_sent(&sent, "execute-api"), FAAS_SIGV4_MISMATCH);

    sent = invoke;
    sent.path = "/2015-03-31/functions/hello/invocations";
    sent.query = "a=1&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
        "AKIDEXAMPLE%2F20260102%2Fus-east-1%2Flambda%2Faws4_request&"
        "X-Amz-Date=20260102T030405Z&X-Amz-Expires=900&X-Amz-SignedHeaders="
        "host&X-Amz-Security-Token=SESSION%2FTOKEN%2B%3D&X-Amz-Signature="
        "b462fec2a15074b07d07d79c0ca1a1fdfedccb3b64fcd0e8f6024ee1ec7ff369";
    sent.headers = HOST;
    sent.body = "";
    assert_int_equal(check_sent(&sent, "lambda"), FAAS_SIGV4_OK);
    assert_true(faas_sigv4_eq(&scene.s.token, "SESSION/TOKEN+="));

    /* headers that it has not signed */

    sent = presigned;
    sent.headers = HOST "X-Amz-Security-Token: other\n";
    assert_int_equal(check_sent(&sent, "execute-api"), FAAS_SIGV4_UNSIGNED);
    assert_says(FAAS_SIGV4_UNSIGNED, "There were headers present in the "
                "request which were not signed.");
}


static void
test_payload(void **state)
{
    char           hash[FAAS_SIGV4_HASH_LEN + 1];
    sent_t         sent;
    unsigned char  key[FAAS_SIGV4_KEY_LEN];

    (void) state;

    /* refused or not before there is a body */

    request(&good[5], "execute-api");
    assert_int_equal(faas_sigv4_parse(&scene.s, &scene.r), FAAS_SIGV4_OK);
    assert_int_equal(scene.s.payload, FAAS_SIGV4_DECLARED);
    assert_int_equal(faas_sigv4_key(key, (const unsigned char *) SECRET,
                                    sizeof(SECRET) - 1, &scene.s.date,
                                    &scene.s.region, &scene.s.service), 0);
    assert_int_equal(faas_sigv4_verify(&scene.s, &scene.r, key, NULL),
                     FAAS_SIGV4_OK);

    hash_of("", hash);
    assert_string_equal(hash, FAAS_SIGV4_EMPTY);
    assert_false(faas_sigv4_body_ok(&scene.s, hash));
    assert_int_equal(faas_sigv4_verify(&scene.s, &scene.r, key, hash),
                     FAAS_SIGV4_MISMATCH);
    hash_of(BODY, hash);
    assert_string_equal(hash, SHA);
    assert_true(faas_sigv4_body_ok(&scene.s, hash));

    key[0] ^= 1;
    assert_int_equal(faas_sigv4_verify(&scene.s, &scene.r, key, hash),
                     FAAS_SIGV4_MISMATCH);

    /* who forgets the first step does not get far */

    scene.r.now += 1000;
    assert_int_equal(faas_sigv4_parse(&scene.s, &scene.r),
                     FAAS_SIGV4_EXPIRED);
    assert_int_equal(faas_sigv4_verify(&scene.s, &scene.r, key, hash),
                     FAAS_SIGV4_FAILED);

    sent = good[5];
    sent.headers = DATED "X-Amz-Content-SHA256: UNSIGNED-PAYLOAD\n" AUTH
        EXECUTE "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="
        "ecba69cc9f65a7a2785284e28f8fdc28cfbdaf94324b8c7bfd6f28fe70a434c1";
    assert_incomplete(check_sent(&sent, "execute-api"),
                      "X-Amz-Content-Sha256 must be the SHA-256 of the body "
                      "in hexadecimal.");

    scene.r.allow_unsigned_payload = 1;
    assert_int_equal(faas_sigv4_parse(&scene.s, &scene.r), FAAS_SIGV4_OK);
    assert_int_equal(scene.s.payload, FAAS_SIGV4_UNSIGNED_PAYLOAD);
    assert_int_equal(second(SECRET, "anything"), FAAS_SIGV4_OK);

    sent.headers = DATED "X-Amz-Content-SHA256: STREAMING-AWS4-HMAC-SHA256-"
        "PAYLOAD\n" AUTH EXECUTE
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=" SHA;
    request(&sent, "execute-api");
    scene.r.allow_unsigned_payload = 1;
    assert_int_equal(faas_sigv4_parse(&scene.s, &scene.r),
                     FAAS_SIGV4_INCOMPLETE);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_contract),
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_mismatch),
        cmocka_unit_test(test_presigned),
        cmocka_unit_test(test_payload)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("sigv4", tests, NULL, NULL);
}
