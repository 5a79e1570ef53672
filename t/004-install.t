#!/usr/bin/python3
"""make install puts the files where the examples look for them; make
uninstall takes them away again."""

import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from faas_e2e import MODULE, TOP, Tap, skip_all                # noqa: E402

EXPECTED = '''
usr/lib/nginx/modules/ngx_http_faas_module.so
usr/lib/faas/faas-supervisor
usr/lib/faas/faas-spawner
usr/lib/faas/faas-web
usr/lib/faas/libfaas.so
usr/lib/faas/libfaas.a
usr/lib/faas/include/faas_env.h
usr/lib/faas/python/bootstrap.py
usr/lib/systemd/system/nginx.service.d/faas.conf
usr/share/nginx/modules-available/mod-http-faas.conf
usr/bin/faasctl
usr/lib/faas/faasctl_lib/cli.py
usr/share/lua/5.1/resty/faas.lua
usr/share/doc/ngx-faas/README.md
usr/share/doc/ngx-faas/conf-examples/quickstart.conf
usr/share/doc/ngx-faas/conf-examples/functions/hello-python/app.py
'''.split()

JAVA = '''
usr/lib/faas/java/faas-java.jar
usr/lib/faas/java/libfaas-java.so
usr/lib/faas/java/warm/Warm$Part.class
'''.split()

MONO = '''
usr/lib/faas/mono/faas-mono.exe
usr/lib/faas/mono/libfaas-mono.so
'''.split()

for built in JAVA, MONO:
    if MODULE and os.path.exists(os.path.join(
            os.path.dirname(MODULE),
            built[0].replace('usr/lib/faas', 'runtime'))):
        EXPECTED += built

if not MODULE:
    skip_all('the module is linked in')


def make(target, dest):
    return subprocess.run(
        ['make', '-s', '-C', TOP, target, 'DESTDIR=' + dest,
         'BUILD=' + os.path.dirname(MODULE)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=dict(os.environ, FAAS_PACKAGES_OK='1'))


def files(folder):
    return {os.path.relpath(os.path.join(f, name), folder)
            for f, _, names in os.walk(folder) for name in names}


with Tap() as tap:
    dest = tempfile.mkdtemp(prefix='faas-install-')
    try:
        r = make('install', dest)
        tap.ok(r.returncode == 0, 'make install', r.stdout.decode())

        found = files(dest)
        tap.equal([e for e in EXPECTED if e not in found], [],
                  'what has to be there is')
        tap.equal([f for f in found if '__pycache__' in f], [],
                  'no left-overs of a run')

        snippet = os.path.join(dest, 'usr/share/nginx/modules-available',
                               'mod-http-faas.conf')
        with open(snippet) as f:
            tap.equal(f.read(), 'load_module /usr/lib/nginx/modules/'
                      'ngx_http_faas_module.so;\n',
                      'the snippet names the installed module')

        r = make('uninstall', dest)
        tap.ok(r.returncode == 0, 'make uninstall', r.stdout.decode())
        tap.equal(sorted(files(dest)), [], 'nothing stays')
    finally:
        shutil.rmtree(dest)
