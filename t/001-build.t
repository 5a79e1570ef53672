#!/usr/bin/python3
"""What was built fits the nginx that is to load it."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from faas_e2e import (BINARY, MODULE, RUNTIME, TOP, Nginx, Tap,  # noqa: E402
                      skip_all)

SIGNATURE = re.compile(rb'\b\d,\d,\d,[01]{30,40}\b')

if not MODULE:
    skip_all('the module is linked in')


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT).stdout.decode()


def signature(path):
    with open(path, 'rb') as f:
        return SIGNATURE.findall(f.read())[0]


def symbols(path):
    """Names that the module shows to nginx and to other modules."""
    lines = output('nm', '-D', '--defined-only', path).splitlines()
    return [line.split()[2] for line in lines if len(line.split()) == 3]


with Tap() as tap:
    tap.equal(signature(MODULE), signature(BINARY),
              'the signature of module and binary')

    # modules are loaded with RTLD_GLOBAL: other names may clash
    strange = [s for s in symbols(MODULE)
               if not re.match(r'(?:ngx_http_)?faas_|ngx_module', s)]
    tap.equal(strange, [], 'only names with our prefix are exported')

    needed = re.findall(r'NEEDED.*\[(.*)\]', output('readelf', '-d', MODULE))
    tap.equal([n for n in needed if not re.match(r'lib(c|pthread|crypto|jansson)\.so', n)],
              [], 'the module needs no library but these')

    for name in ('faas-supervisor', 'faas-spawner', 'libfaas.so',
                 'python/bootstrap.py'):
        tap.ok(os.path.exists(os.path.join(RUNTIME, name)), 'runtime/' + name)

    tap.ok(os.path.isdir(os.path.join(RUNTIME, 'node')), 'runtime/node')

    nginx = Nginx()
    try:
        status, text = nginx.test_conf()
        tap.ok(status == 0, 'nginx -t with the module', text)
        tap.ok(not os.path.exists(os.path.join(nginx.dir, 'run')),
               'nginx -t starts and leaves nothing')
        tap.equal(nginx.processes(), [], 'no process of it')
    finally:
        nginx.destroy()

    # the module's and the change log's idea of the version
    with open(os.path.join(TOP, 'ngx_faas_module/ngx_http_faas.h')) as f:
        version = re.search(r'NGX_HTTP_FAAS_VERSION\s+"([^"]+)"', f.read())
    with open(os.path.join(TOP, 'CHANGES')) as f:
        newest = re.search(r'^Changes with ngx_faas (\S+)', f.read(), re.M)
    tap.equal(newest.group(1), version.group(1), 'CHANGES has this version')
