#!/usr/bin/python3
"""Every example configuration is right, and the one in README.md: turned to
the tree by the script that "make run" uses, nginx -t accepts it, and
quickstart.conf answers."""

import glob
import os
import re
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from faas_e2e import (BUILD, MODULE, RUNTIME, TOP, Nginx, Tap,  # noqa: E402
                      wait_for, SLOW)


def example(nginx, path):
    """The text of an example, for the folder and the port of nginx."""
    r = subprocess.run(
        ['bash', os.path.join(TOP, 'util/example.sh'), path, nginx.dir,
         str(nginx.port)],
        stdout=subprocess.PIPE, check=True, env=dict(os.environ, BUILD=BUILD))
    text = r.stdout.decode().replace(os.path.join(BUILD, 'runtime'), RUNTIME)
    text = text.replace('error_log stderr',
                        'error_log %s/error.log' % nginx.dir)
    if not MODULE:
        text = text.replace('load_module', '#')
    return text


def readme(nginx):
    """A file with the configuration in README.md, and its function."""
    with open(os.path.join(TOP, 'README.md')) as f:
        text = f.read()
    conf = re.search(r'```nginx\n(.*?)```', text, re.S).group(1)
    code = re.search(r'```python\n(.*?)```', text, re.S).group(1)
    folder = nginx.write_function('thumbnail', {'app.py': code})
    conf = conf.replace('modules/', '/usr/lib/nginx/modules/', 1)
    conf = conf.replace('/srv/thumbnail', folder)
    pictures = os.path.join(nginx.dir, 'pictures')
    os.mkdir(pictures)
    if os.getuid() == 0:
        os.chown(pictures, 33, 33)
    conf = conf.replace('/srv/pictures', pictures)
    conf = conf.replace('python3.11', 'python3')
    conf = conf.replace('listen      8080', 'listen 127.0.0.1:8080')
    path = os.path.join(nginx.dir, 'readme.conf')
    with open(path, 'w') as f:
        f.write('pid /run/nginx.pid;\n' + conf + '\nevents {}\n')
    return path


def compiled(nginx, path):
    """Makes its programs by the commands that it names; the text for it."""
    with open(path) as f:
        commands = '\n'.join(re.findall('^#     (.*)', f.read(), re.M))
    srv = os.path.join(nginx.dir, 'srv/')
    for name, place in (
            ('/usr/lib/faas/include', os.path.join(TOP, 'runtime/libfaas')),
            ('/usr/lib/faas/libfaas.a', LIBFAAS),
            ('/usr/share/doc/ngx-faas', TOP), ('/srv/', srv)):
        commands = commands.replace(name, place)
    subprocess.run(['bash', '-ec', commands], check=True,
                   stdout=subprocess.DEVNULL,
                   env=dict(os.environ, GO111MODULE='off'))
    return srv


LIBFAAS = os.path.join(BUILD, 'libfaas/libfaas.a')
ANSWERS = {'quickstart.conf': ('/python', '/node', '/status'),
           'compiled.conf': ('/c', '/go')}

with Tap() as tap:
    nginx = Nginx()
    try:
        path = readme(nginx)
        with open(nginx.conf, 'w') as f:
            f.write(example(nginx, path))
        status, text = nginx.test_conf()
        tap.ok(status == 0, 'README.md: nginx -t', text)
    finally:
        nginx.destroy()

    for path in sorted(glob.glob(os.path.join(TOP, 'conf-examples/*.conf'))):
        name = os.path.basename(path)
        nginx = Nginx()
        try:
            srv = '/srv/'
            if name == 'compiled.conf':
                if shutil.which('go') is None:
                    tap.skip(name, 'there is no go')
                    continue
                srv = compiled(nginx, path)

            with open(nginx.conf, 'w') as f:
                f.write(example(nginx, path).replace('/srv/', srv))

            status, text = nginx.test_conf()
            tap.ok(status == 0, name + ': nginx -t', text)

            if name not in ANSWERS or status != 0:
                continue

            nginx.start()
            for where in ANSWERS[name]:
                r = wait_for(lambda: nginx.get(where, timeout=30), 30 * SLOW)
                tap.equal(r.status, 200, '%s: %s' % (name, where))
            nginx.finish(tap, signal.SIGQUIT)
        finally:
            nginx.destroy()
