#!/usr/bin/python3
"""Code from zips, hostile ones among them, and reload_on_change."""

import io
import os
import stat
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

APP = 'import os\ndef handler(event, context):\n' \
      '    return ["%s", sorted(os.listdir("/var/task"))]\n'


def make_zip(name, entries):
    """entries: name -> text, or (text, mode)"""
    return write_zip(os.path.join(sup.dir, name), [
        (entry, *(what if isinstance(what, tuple) else (what, 0o100644)))
        for entry, what in entries.items()])


def extracted():
    folder = os.path.join(sup.state, 'code')
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def watches():
    """Inodes of the folders that the supervisor watches."""
    found = set()
    for fd in os.listdir('/proc/%d/fd' % sup.pid()):
        try:
            with open('/proc/%d/fdinfo/%s' % (sup.pid(), fd)) as f:
                lines = f.readlines()
        except OSError:
            continue                # closed since
        for line in lines:
            if line.startswith('inotify '):
                found.add(int(line.split('ino:')[1].split()[0], 16))
    return found


sup = Sup(start=False)
try:
    zip_fn = sup.add('z', make_zip('z.zip', {
        'app.py': APP % 'zip', 'run': ('#!/bin/sh\n', 0o104777),
        'lib/': ('', 0o40700), 'lib/x.py': ('', 0o100600),
        'link': ('lib/x.py', 0o120777)}))
    folder = sup.code({'app.py': 'def handler(e, c):\n    return "v1"\n'})
    watched = sup.add('w', folder, reload_on_change=True)
    sup.start()
    if sup.head('isolation') not in (2, 3):     # full, user
        diag('without isolation: file names differ')

    # zips

    status, value = sup.invoke(zip_fn)
    equal(status, 0, 'a function in a zip')
    equal(len(extracted()), 1, 'is unpacked once')
    root = os.path.join(sup.state, 'code', extracted()[0])
    equal(len(extracted()[0]), 64, 'by its digest')
    equal(sorted(os.listdir(root)), ['app.py', 'lib', 'link', 'run'],
          'completely')
    mode = os.stat(os.path.join(root, 'run')).st_mode
    equal(oct(mode & 0o7777), '0o755', 'setuid and write bits are dropped')
    equal(oct(os.stat(os.path.join(root, 'lib/x.py')).st_mode & 0o7777),
          '0o644', 'everything is readable')
    equal(oct(os.stat(os.path.join(root, 'lib')).st_mode & 0o7777), '0o755',
          'and folders can be entered')

    again = sup.add('again', make_zip('copy.zip', {}))
    with open(os.path.join(sup.dir, 'z.zip'), 'rb') as f, \
            open(os.path.join(sup.dir, 'copy.zip'), 'wb') as g:
        g.write(f.read())
    sup.reload()
    equal(sup.invoke(again)[0], 0, 'the same zip under another name')
    equal(len(extracted()), 1, 'is not unpacked again')

    pids = sup.pids(zip_fn)
    os.utime(os.path.join(sup.dir, 'z.zip'))
    sup.reload()
    equal(sup.pids(zip_fn), pids, 'touching a zip changes nothing')
    make_zip('z.zip', {'app.py': APP % 'new'})
    sup.reload()
    ok(wait_for(lambda: sup.invoke(zip_fn)[1][0] == 'new'),
       'a changed zip is a new version')
    equal(len(extracted()), 2, 'unpacked beside the old one')

    hostile = {
        'absolute': {'/etc/faas-test': 'x'},
        'parent': {'../faas-test': 'x'},
        'deep': {'a/../../faas-test': 'x'},
        'link-out': {'l': ('/etc', 0o120777), 'app.py': ''},
        'link-up': {'a/l': ('../../x', 0o120777), 'app.py': ''},
        'device': {'d': ('', 0o020666), 'app.py': ''},
    }
    for name, entries in hostile.items():
        f = sup.add(name, make_zip(name + '.zip', entries))
        sup.reload()
        _, why = sup.acquire(f)
        equal(why, 'spawn', 'hostile zip: ' + name)
        ok('refused' in sup.init_error(f), 'is refused', sup.init_error(f))
    ok(not os.path.exists('/etc/faas-test')
       and not os.path.exists(os.path.join(sup.state, 'faas-test')),
       'nothing was written outside')

    # through a link that the same zip made

    f = sup.add('chain', make_zip('chain.zip', {
        'd/': ('', 0o40755), 'd/l': ('..', 0o120777),
        'd/l/../../../faas-test': 'x'}))
    sup.reload()
    equal(sup.acquire(f)[1], 'spawn', 'a chain of links is refused')

    f = sup.add('big', make_zip('big.zip', {
        'a': b'\0' * 200000000, 'b': b'\0' * 100000000}))
    sup.reload()
    equal(sup.acquire(f)[1], 'spawn', 'a zip bomb is refused')
    ok('250 MB' in sup.init_error(f), 'with the limit', sup.init_error(f))
    f = sup.add('text', os.path.join(sup.dir, 'text.zip'))
    sup.write(os.path.join(sup.dir, 'text.zip'), 'no zip at all\n')
    sup.reload()
    equal(sup.acquire(f)[1], 'spawn', 'a file that is no zip')
    ok(wait_for(lambda: len(extracted()) == 2),
       'none of them left anything', extracted())

    # a broken zip behind a good one

    sup.change('z', code=os.path.join(sup.dir, 'text.zip'))
    sup.reload()
    ok(sup.logged('new version of function "z" failed to start'),
       'a bad zip over a good one is reported')
    equal(sup.invoke(zip_fn)[1][0], 'new', 'the good one serves')

    # reload_on_change

    equal(sup.invoke(watched), (0, 'v1'), 'a watched folder')
    times = []
    for n in range(2, 8):
        sup.write(os.path.join(folder, 'app.py'),
                  'def handler(e, c):\n    return "v%d"\n' % n)
        t = time.monotonic()
        wait_for(lambda: sup.invoke(watched)[1] == 'v%d' % n, 3)
        times.append((time.monotonic() - t) * 1000)
    diag('from save to new code answering, ms: '
         + ' '.join('%.0f' % t for t in times))
    ok(sorted(times)[3] < 100, 'a saved file is live within 100 ms')

    os.mkdir(os.path.join(folder, 'sub'))
    sup.write(os.path.join(folder, 'sub/m.py'), 'V = "sub"\n')
    sup.write(os.path.join(folder, 'app.py'),
              'from sub.m import V\ndef handler(e, c):\n    return V\n')
    ok(wait_for(lambda: sup.invoke(watched)[1] == 'sub'), 'a new folder')
    sup.write(os.path.join(folder, 'sub/m.py'), 'V = "deeper"\n')
    ok(wait_for(lambda: sup.invoke(watched)[1] == 'deeper'),
       'is watched as well')

    # folders that come and go

    os.rename(os.path.join(folder, 'sub'), os.path.join(sup.dir, 'aside'))
    sup.write(os.path.join(folder, 'app.py'),
              'def handler(e, c):\n    return "moved"\n')
    ok(wait_for(lambda: sup.invoke(watched)[1] == 'moved'), 'one goes')
    ok(wait_for(lambda: watches() == {os.stat(folder).st_ino}),
       'and is not watched elsewhere', watches())
    shutil.rmtree(os.path.join(sup.dir, 'aside'))
    for n in range(20):
        os.mkdir(os.path.join(folder, 'sub'))
        wait_for(lambda: len(watches()) == 2)
        os.rmdir(os.path.join(folder, 'sub'))
        wait_for(lambda: len(watches()) == 1)
    os.mkdir(os.path.join(folder, 'sub'))
    sup.write(os.path.join(folder, 'sub/m.py'), 'V = "deeper"\n')
    sup.write(os.path.join(folder, 'app.py'),
              'from sub.m import V\ndef handler(e, c):\n    return V\n')
    ok(wait_for(lambda: sup.invoke(watched)[1] == 'deeper'), 'and stays')

    version = sup.fn(watched, 'version')
    os.mkdir(os.path.join(folder, '__pycache__'))
    sup.write(os.path.join(folder, '__pycache__/x.pyc'), 'x')
    sup.write(os.path.join(folder, 'app.py'), 'syntax(\n')
    ok(sup.logged('new version of function "w" failed to start'),
       'an unfinished edit is reported')
    equal(sup.invoke(watched)[1], 'deeper', 'and the last good one serves')
    sup.write(os.path.join(folder, 'app.py'),
              'def handler(e, c):\n    return "done"\n')
    ok(wait_for(lambda: sup.invoke(watched)[1] == 'done'),
       'until the edit is finished')

    sup.change('w', reload_on_change=False)
    sup.reload()
    sup.write(os.path.join(folder, 'app.py'),
              'def handler(e, c):\n    return "unseen"\n')
    sup.reload()
    ok(wait_for(lambda: sup.invoke(watched)[1] == 'unseen'),
       'without it a reload does it')

    if sup.head('isolation') == 2:
        private = sup.code({'app.py': 'def handler(e, c):\n    return 1\n'})
        os.chmod(private, 0o700)
        f = sup.add('private', private)
        sup.reload()
        equal(sup.acquire(f)[1], 'spawn', 'a folder for its owner only')
        ok('lacks r-x for others' in sup.init_error(f), 'is said clearly')

    # unused ones go at the next start

    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')
    sup.functions = [f for f in sup.functions if f['name'] == 'again']
    sup.board = ctypes.c_void_p(sup.so.t_create(
        sup.path('board'), 64, sup.slots, ctypes.c_uint64(5)))
    os.makedirs(sup.path('workers'), exist_ok=True)
    f = sup.add('again', sup.functions[0]['code'])
    sup.start()
    equal(sup.invoke(f)[0], 0, 'started again')
    ok(wait_for(lambda: len(extracted()) == 1), 'unused zips were removed')
finally:
    if Tap.failed:
        diag(sup.log())
    sup.clean()
done()
