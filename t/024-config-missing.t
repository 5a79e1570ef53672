#!/usr/bin/python3
"""Interpreters that are not there: nginx -t names the package.

In a mount namespace of its own, /usr/bin is covered and they are removed."""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import BINARY, MODULE, RUNTIME, Tap, skip_all    # noqa: E402

# runtime: handler, file, what is missing, package
CASES = {
    'ruby': ('app.h', 'app.rb', '/usr/bin/ruby', 'ruby'),
    'ruby3': ('app.h', 'app.rb', '/usr/bin/ruby', 'ruby'),
    'php': ('app.php', 'app.php', '/usr/bin/php', 'php-cli'),
    'php8': ('app.h', 'app.php', '/usr/bin/php', 'php-cli'),
    'lua': ('app', 'app.lua', '/usr/bin/luajit', 'luajit2'),
    'perl': ('app', 'app.pl', '/usr/bin/json_pp', 'perl'),
    'java': ('App', 'App.class', '/usr/bin/java', 'default-jre-headless'),
    'mono': ('App::App::Run', 'App.dll', '/usr/bin/mono', 'mono-runtime'),
}

CONF = '''
%s
events {}
http {
    faas_run_dir %s/run;
    faas_state_dir %s/state;
    faas_runtime_dir %s;
    faas_function f { runtime %s; handler %s; code %s; }
}
'''

COVER = '''
set -e
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work"
mount -t overlay overlay \\
    -o lowerdir=/usr/bin,upperdir="$1/upper",workdir="$1/work" /usr/bin
rm -f "$2"
shift 2
exec "$@"
'''

if os.geteuid() != 0:
    skip_all('needs root')

with tempfile.TemporaryDirectory(prefix='faas-missing-') as folder:
    os.mkdir(folder + '/cover')
    os.mkdir(folder + '/code')

    def covered(missing, *argv):
        return subprocess.run(
            ['unshare', '-m', 'sh', '-c', COVER, 'sh', folder + '/cover',
             missing] + list(argv),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    if covered('/usr/bin/none', 'true').returncode != 0:
        skip_all('no overlay file system')

    with Tap() as tap:
        for runtime, (handler, file, missing, package) in CASES.items():
            code = folder + '/code'
            with open(os.path.join(code, file), 'w') as f:
                f.write('\n')
            conf = folder + '/nginx.conf'
            with open(conf, 'w') as f:
                f.write(CONF % ('load_module %s;' % MODULE if MODULE else '',
                                folder, folder, RUNTIME, runtime, handler,
                                code))

            r = covered(missing, BINARY, '-t', '-c', conf)
            want = ('runtime "%s" is not installed: there is no "%s", '
                    'install the package "%s"' % (runtime, missing, package))
            tap.ok(r.returncode != 0 and want in r.stdout.decode(),
                   runtime + ' that is not there', r.stdout.decode())

        tap.ok(os.path.exists('/usr/bin/env'), '/usr/bin is as it was')

        # a build without a compiler for it has no runtime for a language
        for runtime, file, package in (
                ('java', 'faas-java.jar', 'openjdk-17-jdk-headless'),
                ('mono', 'faas-mono.exe', 'mono-mcs')):
            if not os.access('/usr/bin/' + runtime, os.X_OK):
                continue
            with open(conf, 'w') as f:
                f.write(CONF % ('load_module %s;' % MODULE if MODULE else '',
                                folder, folder, folder, runtime,
                                CASES[runtime][0], code))
            r = covered('/usr/bin/none', BINARY, '-t', '-c', conf)
            want = ('runtime "%s" of function "f" was not built: there is '
                    'no "%s/%s/%s", install the package "%s" and build again'
                    % (runtime, folder, runtime, file, package))
            tap.ok(r.returncode != 0 and want in r.stdout.decode(),
                   runtime + ': a runtime that was not built',
                   r.stdout.decode())
