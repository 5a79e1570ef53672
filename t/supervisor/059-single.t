#!/usr/bin/python3
"""Code that is a single file: the only one in /var/task, by its own name."""

import os
import sys
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

APP = '''
import os
def handler(event, context):
    return eval(event["do"]) if event and "do" in event else "%s"
'''


def do(fn, text):
    return sup.invoke(fn, {'do': text})


def stored():
    folder = os.path.join(sup.state, 'code')
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def fails(name, path, reason):
    fn = sup.add(name, path)
    sup.reload()
    why = sup.acquire(fn)[1]
    text = sup.init_error(fn)
    ok(why == 'spawn' and reason in text, 'refused: ' + reason, (why, text))


sup = Sup(start=False, envs=24)
try:
    folder = sup.code({'app.py': APP % 'one', 'other.py': APP % 'other',
                       'index.js': 'exports.handler = async () => "node";\n'})
    path = os.path.join(folder, 'app.py')
    fn = sup.add('one', path)
    same = sup.add('same', path)
    named = sup.add('named', os.path.join(folder, 'other.py'),
                    handler='other.handler')
    node = None
    if os.path.exists('/usr/bin/node'):
        node = sup.add('node', os.path.join(folder, 'index.js'),
                       runtime='nodejs', handler='index.handler')
    sup.start()
    bare = sup.head('isolation') in (1, 4)

    equal(sup.invoke(fn), (0, 'one'), 'a file')
    equal(sup.invoke(same), (0, 'one'), 'of two functions')
    equal(sup.invoke(named), (0, 'other'), 'another one')
    if node is not None:
        equal(sup.invoke(node), (0, 'node'), 'in another language')
    equal(do(fn, 'os.listdir(os.getcwd())'), (0, ['app.py']),
          'nothing is beside it')
    if not bare:
        equal(do(fn, 'os.getcwd()'), (0, '/var/task'), 'in its folder')
    status, answer = do(fn, 'open("app.py", "a")')
    equal(status, 1, 'it cannot be written to')
    equal(len(stored()), 3 if node is not None else 2,
          'each file is stored once')

    # identity: the text, the name, the mode; not the time

    pids = sup.pids(fn)
    os.utime(path, (1, 1))
    sup.reload()
    ok(wait_for(lambda: sup.invoke(fn) == (0, 'one')) and
       sup.pids(fn) == pids, 'the same text is the same pool')
    sup.write(path, APP % 'two')
    sup.reload()
    ok(wait_for(lambda: sup.invoke(fn) == (0, 'two')), 'a new text is not')
    copy = os.path.join(folder, 'copy.py')
    sup.write(copy, APP % 'two')
    sup.change('one', code=copy, handler='copy.handler')
    sup.reload()
    ok(wait_for(lambda: do(fn, 'os.listdir(os.getcwd())')
                == (0, ['copy.py'])), 'nor is another name')

    # editors write another file and rename it, or write in place

    sup.change('one', code=path, handler='app.handler', reload_on_change=True)
    sup.reload()
    ok(wait_for(lambda: do(fn, 'os.listdir(os.getcwd())')
                == (0, ['app.py'])), 'a file that is watched')
    sup.write(path, APP % 'renamed')
    ok(wait_for(lambda: sup.invoke(fn) == (0, 'renamed')),
       'one that is replaced takes effect at once')
    with open(path, 'w') as f:
        f.write(APP % 'written')
    ok(wait_for(lambda: sup.invoke(fn) == (0, 'written')),
       'so does one that is written to')

    # it becomes an archive, and a file again: by the same name

    plain = os.path.join(folder, 'code')
    sup.write(plain, APP % 'no module of this name')
    fn = sup.add('form', plain, handler='app.handler')
    sup.reload()
    status = sup.acquire(fn)[1]
    equal(status, 'init error', 'a file with another name than the handler')
    with zipfile.ZipFile(plain + '.n', 'w') as z:
        z.writestr('app.py', APP % 'zip')
    os.rename(plain + '.n', plain)
    sup.reload()
    ok(wait_for(lambda: sup.invoke(fn) == (0, 'zip')),
       'is an archive when it is one')

    # programs

    program = os.path.join(folder, 'bootstrap')
    sup.write(program, '#!/bin/sh\nexit 7\n')
    os.chmod(program, 0o755)
    fn = sup.add('program', program, runtime='native', handler='bootstrap')
    sup.reload()
    sup.acquire(fn)
    ok(sup.logged('exit code 7'), 'a program is executed')

    # what is refused

    large = os.path.join(folder, 'large.py')
    with open(large, 'wb') as f:
        f.truncate((50 << 20) + 1)
    os.chmod(large, 0o644)
    fails('large', large, 'larger than 50 MB')
    fails('gone', os.path.join(folder, 'gone.py'), 'cannot be opened')
    if os.getuid() == 0:
        secret = os.path.join(folder, 'secret.py')
        sup.write(secret, APP % 'secret')
        os.chmod(secret, 0o640)
        link = os.path.join(folder, 'link.py')
        os.symlink(secret, link)
        for name in 'secret', 'link':
            fails(name, os.path.join(folder, name + '.py'),
                  'it lacks r for others')
    ok(not [n for n in stored() if len(n) != 64], 'nothing else is left',
       stored())
    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')
finally:
    if Tap.failed:
        diag('\n'.join(line for line in sup.log().splitlines()
                       if '[info]' not in line))
    sup.clean()
done()
