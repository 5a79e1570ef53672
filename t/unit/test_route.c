/*
 * Paths in segments, and which route takes a request (contract, section 7.5).
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "faas_route.h"


#define bytes(s)  (const unsigned char *) s, strlen(s)


/* "raw text n", with the number of segments */

static void
path_is(const char *raw, const char *want_raw, const char *want_text,
    unsigned n)
{
    size_t          len;
    faas_path_t     p;
    unsigned char  *buf, *copy;

    /* of their own sizes, so that a sanitizer sees an overrun */

    len = strlen(raw);
    copy = malloc(len + 1);
    buf = malloc(faas_path_size(len));
    memcpy(copy, raw, len);

    faas_path_init(&p, copy, len, buf);

    assert_int_equal(p.raw_len, strlen(want_raw));
    assert_memory_equal(p.raw, want_raw, p.raw_len);
    assert_int_equal(p.text_len, strlen(want_text));
    assert_memory_equal(p.text, want_text, p.text_len);
    assert_int_equal(p.n, n);

    free(buf);
    free(copy);
}


static void
test_paths(void **state)
{
    (void) state;

    path_is("/", "/", "/", 0);
    path_is("", "/", "/", 0);
    path_is("//", "/", "/", 0);
    path_is("/a", "/a", "/a", 1);
    path_is("/a/", "/a/", "/a/", 2);
    path_is("///a//b", "/a//b", "/a//b", 3);
    path_is("/a/b//", "/a/b//", "/a/b//", 4);
    path_is("/caf%C3%A9", "/caf%C3%A9", "/caf\xc3\xa9", 1);
    path_is("/a%2Fb/c", "/a%2Fb/c", "/a/b/c", 2);
    path_is("/100%", "/100%", "/100%", 1);
    path_is("/%4", "/%4", "/%4", 1);
    path_is("/%zz%41", "/%zz%41", "/%zzA", 1);
    path_is("/a+b", "/a+b", "/a+b", 1);
}


static void
test_dots(void **state)
{
    (void) state;

    path_is("/./a", "/a", "/a", 1);
    path_is("/a/.", "/a/", "/a/", 2);
    path_is("/a/..", "/", "/", 0);
    path_is("/a/b/..", "/a/", "/a/", 2);
    path_is("/a/../b", "/b", "/b", 1);
    path_is("/../../a", "/a", "/a", 1);
    path_is("/a/%2e%2E/b", "/b", "/b", 1);
    path_is("/a/%2e/b", "/a/b", "/a/b", 2);
    path_is("/a/.%2e", "/", "/", 0);
    path_is("/a/...", "/a/...", "/a/...", 2);
    path_is("/a//../b", "/a/b", "/a/b", 2);
    path_is("/.a/..b", "/.a/..b", "/.a/..b", 2);
}


/* --- tables --- */

static faas_routes_t  *rt;
static const char     *routes[64];
static uint32_t        n_routes;


static void
table(faas_routes_kind_e kind)
{
    rt = faas_routes_create(kind);
    assert_non_null(rt);
    n_routes = 0;
}


static int
add(const char *route, const char **error, uint32_t *other)
{
    const char  *path;

    path = strchr(route, ' ') + 1;
    routes[n_routes] = route;

    return faas_route_add(rt, (const unsigned char *) route,
                          (size_t) (path - 1 - route), bytes(path),
                          n_routes++, error, other);
}


static void
good(const char *route)
{
    uint32_t     other;
    const char  *error;

    assert_int_equal(add(route, &error, &other), 0);
    assert_null(error);
}


static void
bad(const char *path, const char *text)
{
    char         route[2048];
    uint32_t     other;
    const char  *error;

    (void) snprintf(route, sizeof(route), "GET %s", path);

    assert_int_equal(add(route, &error, &other), -1);
    assert_non_null(error);
    assert_non_null(strstr(error, text));
}


/* The route, with its parameters: "GET /a/{id} id=1|1", or the result. */

static void
takes(const char *request, const char *want)
{
    int             rc;
    char            got[2048], *p;
    size_t          len;
    unsigned        i;
    const char     *path;
    faas_path_t     fp;
    faas_match_t    m;
    unsigned char  *buf;

    path = strchr(request, ' ') + 1;
    len = strlen(path);
    buf = malloc(faas_path_size(len));
    faas_path_init(&fp, bytes(path), buf);

    rc = faas_route_match(rt, (const unsigned char *) request,
                          (size_t) (path - 1 - request), &fp, &m);

    p = got;

    if (rc != FAAS_ROUTE_OK) {
        p += sprintf(p, "%s", rc == FAAS_ROUTE_NO_PATH ? "no path"
                                                       : "no method");

    } else {
        p += sprintf(p, "%s", routes[m.value]);
    }

    for (i = 0; rc == FAAS_ROUTE_OK && i < m.n; i++) {
        p += sprintf(p, " %.*s=%.*s|%.*s", (int) m.params[i].name_len,
                     m.params[i].name, (int) m.params[i].text_len,
                     m.params[i].text, (int) m.params[i].raw_len,
                     m.params[i].raw);
    }

    assert_string_equal(got, want);
    free(buf);
}


static void
done(void)
{
    faas_routes_destroy(rt);
}


/* AWS's own example, in the wrong order */

static void
test_example(void **state)
{
    (void) state;

    table(FAAS_ROUTES_HTTP);
    good("ANY /{proxy+}");
    good("GET /pets/{proxy+}");
    good("GET /pets/dog/{id}");
    good("GET /pets/dog/1");

    takes("GET /pets/dog/1", "GET /pets/dog/1");
    takes("GET /pets/dog/2", "GET /pets/dog/{id} id=2|2");
    takes("GET /pets/cat/1", "GET /pets/{proxy+} proxy=cat/1|cat/1");
    takes("POST /test/5", "ANY /{proxy+} proxy=test/5|test/5");
    takes("GET /", "no path");
    done();
}


static void
test_segments(void **state)
{
    (void) state;

    table(FAAS_ROUTES_HTTP);
    good("GET /");
    good("GET /a/{x}/c");
    good("GET /a/b/d");
    good("GET /{any}");
    good("ANY /{any}");
    good("POST /a/b/{y}");
    good("GET /s/");
    good("GET /u/{name}/caf%c3%a9");

    takes("GET /", "GET /");
    takes("GET /a/b/d", "GET /a/b/d");
    takes("GET /a/b/c", "GET /a/{x}/c x=b|b");
    takes("POST /a/b/d", "POST /a/b/{y} y=d|d");
    takes("GET /z", "GET /{any} any=z|z");
    takes("PUT /z", "ANY /{any} any=z|z");
    takes("GET /z/", "no path");
    takes("GET /a//c", "no path");
    takes("GET /s/", "GET /s/");
    takes("PUT /s/", "no path");
    takes("GET /%2f%20x", "GET /{any} any=/ x|%2f%20x");
    takes("GET /%61/%62/d", "GET /a/b/d");
    takes("GET /u/1/caf\xc3\xa9", "GET /u/{name}/caf%c3%a9 name=1|1");
    takes("GET /u/1/caf%C3%A9", "GET /u/{name}/caf%c3%a9 name=1|1");
    takes("get /z", "ANY /{any} any=z|z");
    done();
}


static void
test_greedy(void **state)
{
    (void) state;

    table(FAAS_ROUTES_HTTP);
    good("GET /a/{p+}");
    good("ANY /a/b/{q+}");
    good("GET /{r+}");
    good("GET /a/{v}/x/{w+}");

    takes("GET /a/b/c", "ANY /a/b/{q+} q=c|c");
    takes("GET /a/b", "GET /a/{p+} p=b|b");
    takes("GET /a/", "GET /{r+} r=a/|a/");
    takes("GET /a", "GET /{r+} r=a|a");
    takes("POST /a/c", "no path");
    takes("GET /a/c/x/1//2/",
          "GET /a/{v}/x/{w+} v=c|c w=1//2/|1//2/");
    takes("GET /q/%2F%2f/", "GET /{r+} r=q////|q/%2F%2f/");
    done();
}


static void
test_rest(void **state)
{
    (void) state;

    table(FAAS_ROUTES_REST);
    good("ANY /{proxy+}");
    good("GET /pets/dog");
    good("POST /pets/{name}");
    good("ANY /pets/{name}/{rest+}");

    takes("GET /pets/dog", "GET /pets/dog");
    takes("GET /pets/dog/", "GET /pets/dog");
    takes("POST /pets/dog", "no method");
    takes("POST /pets/cat", "POST /pets/{name} name=cat|cat");
    takes("GET /pets/cat", "no method");
    takes("GET /pets", "no method");
    takes("GET /pets/", "no method");
    takes("GET /", "no method");
    takes("GET /pets/cat/a//b/",
          "ANY /pets/{name}/{rest+} name=cat|cat rest=a//b|a//b");
    takes("GET /pets/dog/1",
          "ANY /pets/{name}/{rest+} name=dog|dog rest=1|1");
    takes("PUT /x%2By/", "ANY /{proxy+} proxy=x+y|x%2By");
    done();
}


static void
test_deep(void **state)
{
    char  path[1024], want[2200], *p;
    int   i;

    (void) state;

    table(FAAS_ROUTES_HTTP);
    good("GET /{first}/{rest+}");

    p = path + sprintf(path, "GET /x");

    for (i = 0; i < 200; i++) {
        p += sprintf(p, "/%d", i);
    }

    (void) sprintf(want, "GET /{first}/{rest+} first=x|x rest=%s|%s",
                   path + 7, path + 7);
    takes(path, want);
    done();
}


static void
test_bad(void **state)
{
    int   i;
    char  path[1200], *p;

    (void) state;

    table(FAAS_ROUTES_HTTP);
    bad("", "begin");
    bad("a", "begin");
    bad("/a//b", "empty segment");
    bad("//a", "empty segment");
    bad("/a?b", "\"?\"");
    bad("/{a", "whole segment");
    bad("/a}", "whole segment");
    bad("/x{a}", "whole segment");
    bad("/{}", "name");
    bad("/{+}", "name");
    bad("/{a b}", "name");
    bad("/{a+}/b", "after");
    bad("/{a+}/", "after");
    bad("/{a}/{a}", "same name");
    bad("/{a}/b/{a+}", "same name");

    memset(path, 'x', 1025);
    path[0] = '/';
    path[1025] = '\0';
    bad(path, "1024");

    for (p = path, i = 0; i < 64; i++) {
        p += sprintf(p, "/a");
    }

    bad(path, "63");
    done();
}


static void
test_conflicts(void **state)
{
    uint32_t     other;
    const char  *error;

    (void) state;

    table(FAAS_ROUTES_HTTP);
    good("GET /a/{id}");
    good("GET /a/{id}/b");
    good("ANY /a/{id}");

    assert_int_equal(add("GET /a/{name}", &error, &other), -1);
    assert_null(error);
    assert_int_equal(other, 0);

    good("GET /a/{name}/c");
    takes("GET /a/1/c", "GET /a/{name}/c name=1|1");
    takes("GET /a/1/b", "GET /a/{id}/b id=1|1");

    assert_int_equal(add("ANY /a/{id}", &error, &other), -1);
    assert_int_equal(other, 2);

    good("GET /b%20c");
    assert_int_equal(add("GET /b c", &error, &other), -1);
    assert_null(error);
    done();
}


/* Many routes are all found. */

static void
test_many(void **state)
{
    int            i;
    char           path[64];
    uint32_t       other;
    const char    *error;
    faas_path_t    p;
    faas_match_t   m;
    unsigned char  buf[faas_path_size(64)];

    (void) state;

    table(FAAS_ROUTES_HTTP);

    for (i = 0; i < 20000; i++) {
        (void) sprintf(path, "/r%d/{id}/s%d", i, i % 7);
        assert_int_equal(faas_route_add(rt, bytes("GET"), bytes(path),
                                        (uint32_t) i, &error, &other), 0);
    }

    for (i = 0; i < 20000; i++) {
        (void) sprintf(path, "/r%d/x/s%d", i, i % 7);
        faas_path_init(&p, bytes(path), buf);
        assert_int_equal(faas_route_match(rt, bytes("GET"), &p, &m), 0);
        assert_int_equal(m.value, i);
    }

    done();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_dots),
        cmocka_unit_test(test_example),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_greedy),
        cmocka_unit_test(test_rest),
        cmocka_unit_test(test_deep),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_conflicts),
        cmocka_unit_test(test_many)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
