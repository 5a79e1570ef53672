#!/usr/bin/python3
"""Node, compiled functions and FastCGI programs."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

JS = '''
exports.handler = async (event, context) => {
    if (event === "heap")
        return require("v8").getHeapStatistics().heap_size_limit / 1048576;
    return [event, context.functionName, process.cwd(), process.env.K];
};
'''

CGI = '''
#include <fcgi_stdio.h>
#include <stdlib.h>
int main(void) {
    int n = 0;
    while (FCGI_Accept() >= 0) {
        printf("Content-Type: text/plain\\r\\n\\r\\n%d %s %s", ++n,
               getenv("FAAS_REQUEST_ID") ? "id" : "none",
               getenv("K") ? getenv("K") : "");
    }
    return 0;
}
'''

NATIVE = '''
#include <stdio.h>
#include <stdlib.h>
#include "faas_env.h"
static int handler(const faas_invocation_t *inv, void *data) {
    static int n;
    char out[100];
    (void) inv;
    (void) data;
    return faas_respond(out, snprintf(out, sizeof(out),
        "{\\"n\\":%d,\\"k\\":\\"%s\\"}", ++n, getenv("K")));
}
int main(void) {
    return faas_main(handler, NULL);
}
'''

sup = Sup(start=False)
try:
    have_node = os.path.exists(os.path.join(RUNTIME, 'node/bootstrap.cjs'))
    sup.start()
    mounted = sup.head('isolation') in (2, 3)      # full, user

    if have_node:
        code = sup.code({'index.js': JS})
        js = sup.add('js', code, runtime='nodejs', handler='index.handler',
                     environment={'K': 'V'})
        big = sup.add('big', code, runtime='nodejs', memory_mb=512,
                      handler='index.handler')
        sup.reload()
        status, value = sup.invoke(js, {'n': 1})
        equal(status, 0, 'a Node function')
        equal(value[:2], [{'n': 1}, 'js'], 'event and context')
        if mounted:
            equal(value[2], '/var/task', 'its folder')
        equal(value[3], 'V', 'its variable')
        small_heap = sup.invoke(js, 'heap')[1]
        big_heap = sup.invoke(big, 'heap')[1]
        ok(small_heap < 128 < big_heap < 512, 'a heap by its memory',
           (small_heap, big_heap))
        ok(wait_for(lambda: len(sup.blanks_up()) >= 4),
           'blanks of both classes')
        from_blank = []
        for n in range(8):
            f = sup.add('js%d' % n, code, runtime='nodejs',
                        handler='index.handler')
            sup.reload()
            wait_for(lambda: len(sup.blanks_up()) >= 4)
            blanks = [sup.env(i, 'pid') for i in sup.blanks_up()]
            sup.invoke(f, 1)
            from_blank.append(sup.pids(f)[0] in blanks)
            sup.functions = sup.functions[:-1]
        equal(from_blank, [True] * 8, 'a cold start takes a blank that waits')
        bad = sup.add('bad', sup.code({'index.js': 'throw Error("no")'}),
                      runtime='nodejs', handler='index.handler')
        sup.reload()
        equal(sup.acquire(bad)[1], 'init error', 'a throw at load')

    # a FastCGI program

    source = os.path.join(sup.dir, 'cgi.c')
    sup.write(source, CGI)
    folder = sup.code({'readme': ''})
    have_cgi = os.system('cc -o %s/prog %s -lfcgi 2>/dev/null'
                         % (folder, source)) == 0
    if have_cgi:
        os.chmod(folder + '/prog', 0o755)
        prog = '/var/task/prog' if mounted else folder + '/prog'
        cgi = sup.add('cgi', folder, runtime='fastcgi', command=[prog],
                      handler='', environment={'K': 'V'})
        sup.reload()
        ticket, lease = sup.acquire(cgi)
        status, out, _ = sup.talk(ticket, lease, None)
        equal(status, 0, 'a FastCGI program')
        ok(out.endswith(b'\\r\\n\\r\\n1 id '.decode('unicode_escape')
                        .encode()), 'answers', out)
        equal(lease.flags, 3, 'cgi profile, one connection at a time')
        sup.release(ticket)
        ticket, lease = sup.acquire(cgi)
        ok(b'2 id' in sup.talk(ticket, lease, None)[1], 'the same process')
        sup.release(ticket)

    missing = sup.add('missing', folder, runtime='fastcgi', handler='',
                      command=['/nonexistent/program', '-x'])
    sup.reload()

    def failed():
        ticket, lease = sup.acquire(missing)
        if not isinstance(lease, Lease):
            return lease in ('spawn', BACKOFF)
        try:
            sup.talk(ticket, lease, None)
        except OSError:
            pass
        sup.release(ticket, 'crashed', count=0)
        return False

    ok(wait_for(failed), 'a program that does not exist')
    ok(wait_for(lambda: '/nonexistent/program' in sup.init_error(missing)),
       'is named in the error', sup.init_error(missing))
    if os.path.exists('/usr/bin/php-cgi'):
        php = sup.add('php', sup.code({'index.php': '<?php echo 6*7;'}),
                      runtime='fastcgi', command=['/usr/bin/php-cgi'],
                      handler='')
        sup.reload()
        ticket, lease = sup.acquire(php)
        s = sup.connect(lease)
        sup.so.faas_lease_run(sup.board, ticket)
        root = '/var/task' if mounted else sup.functions[-1]['code']
        s.sendall(fcgi_request({
            'SCRIPT_FILENAME': root + '/index.php', 'REQUEST_METHOD': 'GET',
            'REDIRECT_STATUS': '200'}, b''))
        ok(fcgi_answer(s)[1].endswith(b'42'), 'php-cgi')
        s.close()
        sup.release(ticket)

    # a compiled function

    lib = os.path.join(BUILD, 'libfaas/libfaas.a')
    if os.path.exists(lib):
        native = sup.code({'main.c': NATIVE})
        subprocess.run(['cc', '-I', os.path.join(TOP, 'runtime/libfaas'),
                        '-o', native + '/bootstrap', native + '/main.c', lib,
                        '-pthread'], check=True)
        os.chmod(native + '/bootstrap', 0o755)
        nat = sup.add('native', native, runtime='native', handler='',
                      environment={'K': 'V'}, memory_mb=64)
        sup.reload()
        equal(sup.invoke(nat, {}), (0, {'n': 1, 'k': 'V'}),
              'a compiled function')
        equal(sup.invoke(nat, {}), (0, {'n': 2, 'k': 'V'}), 'again')
        none = sup.add('none', folder, runtime='native', handler='')
        sup.reload()
        equal(sup.acquire(none)[1], 'spawn', 'one without an executable')

    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')
finally:
    if Tap.failed:
        diag(sup.log())
    sup.clean()
done()
