#!/usr/bin/python3
"""Zips: what is refused, who unpacks them, and what interrupts that."""

import os
import signal
import stat
import sys
import time
import warnings
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

APP = 'def handler(event, context):\n    return "%s"\n'
ROOT = os.getuid() == 0

warnings.simplefilter('ignore')         # names that are there twice


def make_zip(name, entries, app='app'):
    """entries: (name, text, mode of the whole type) in this order"""
    return write_zip(os.path.join(sup.dir, name + '.zip'),
                     [('app.py', APP % app, 0o100644)] + entries)


def many(name, n, size=0, app='app'):
    text = os.urandom(size)
    return make_zip(name, [('d%d/f%d' % (i % 100, i), text, 0o100644)
                           for i in range(n - 1)], app)


def added(name, path, **more):
    fn = sup.add(name, path, **more)
    sup.reload()
    return fn


def stored():
    folder = os.path.join(sup.state, 'code')
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def whole():
    return [name for name in stored() if len(name) == 64]


def processes(name, of=''):
    """Pids of our own with this name, at work on this zip."""
    of = os.path.join(sup.dir, of + '.zip' if of else '').encode()
    found = []
    for pid in os.listdir('/proc'):
        try:
            with open('/proc/%s/comm' % pid) as f:
                if f.read().strip() != name:
                    continue
            with open('/proc/%s/cmdline' % pid, 'rb') as f:
                if of in f.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def field(pid, name):
    with open('/proc/%d/status' % pid) as f:
        return [line.split()[1:] for line in f
                if line.startswith(name + ':')][0]


def caught(name, of):
    """A process of this name, stopped."""
    def find():
        for pid in processes(name, of):
            try:
                if name != 'faas-extract' \
                        or field(pid, 'NoNewPrivs') == ['1']:
                    os.kill(pid, signal.SIGSTOP)
                    return pid
            except OSError:
                pass
        return None
    return wait_for(find)


def unpackers():
    """Their number; what they fork has their name for a moment."""
    n = 0
    for pid in processes('faas-unpack'):
        try:
            n += int(field(pid, 'PPid')[0]) == sup.pid()
        except OSError:
            pass
    return n


def refused(name, entries, entry, reason):
    fn = added(name, make_zip(name, entries))
    _, why = sup.acquire(fn)
    text = sup.init_error(fn)
    ok(why == 'spawn' and reason in text and name + '.zip"' in text
       and entry in text, 'refused: ' + reason + ' (' + name + ')',
       (why, text))
    ok(any(reason in line and entry in line and name + '.zip"' in line
           for line in sup.log().splitlines() if '[error]' in line),
       'with a line in the log')


FILE, LINK, DIR = 0o100644, 0o120777, 0o40755

sup = Sup(start=False, envs=24)
if os.access('/dev/shm', os.W_OK):      # so many files are slow on a disk
    sup.state = tempfile.mkdtemp(prefix='faas-t-', dir='/dev/shm')
    os.chmod(sup.state, 0o755)
try:
    good = sup.add('good', make_zip('good', [
        ('sub/', '', DIR), ('sub/x.txt', 'x', 0o100400),
        ('./sub//y.txt', 'y', FILE), ('run', '#!/bin/sh\n', 0o106711),
        ('link', 'sub/x.txt', LINK), ('sub/up', '../run', LINK),
        ('late/z', 'z', FILE), ('late/', '', DIR),
        ('n\u00e4me', 'n', FILE), ('nowhere', 'sub/none', LINK)]))
    sup.start()
    equal(sup.invoke(good), (0, 'app'), 'a zip with everything that may be')
    root = os.path.join(sup.state, 'code', whole()[0])
    found = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, root)] = os.lstat(path)
    equal(sorted(found), sorted([
        'app.py', 'sub', 'sub/x.txt', 'sub/y.txt', 'sub/up', 'run', 'link',
        'late', 'late/z', 'n\u00e4me', 'nowhere']), 'all of it is there')
    equal({s.st_uid for s in found.values()}, {os.getuid()}, 'and is ours')
    equal({oct(s.st_mode) for s in found.values()},
          {'0o40755', '0o100644', '0o100755', '0o120777'},
          'without write bits for others, setuid bits and the like')
    ok(stat.S_IMODE(found['run'].st_mode) == 0o755
       and stat.S_IMODE(found['sub/x.txt'].st_mode) == 0o644,
       'programs can be executed, all can be read')

    # refusals

    refused('absolute', [('/etc/faas-t', 'x', FILE)], '/etc/faas-t',
            'its name is absolute')
    for n, name in enumerate(('../faas-t', 'a/../../faas-t', 'a/../b',
                              'a/..')):
        refused('dots%d' % n, [(name, 'x', FILE)], name, 'its name has ".."')
    for n, target in enumerate(('/etc/passwd', '..', '../x', 'a/../../x')):
        refused('link%d' % n, [('l', target, LINK)], '"l"',
                'it is a link to the outside')
    refused('linkdeep', [('a/b/l', '../../../x', LINK)], 'a/b/l',
            'it is a link to the outside')
    refused('chain', [('d/', '', DIR), ('d/l', '..', LINK),
                      ('e', 'd/l/../../x', LINK)], '"e"',
            'it is a link to the outside')
    for name, kind in (('char', stat.S_IFCHR), ('block', stat.S_IFBLK),
                       ('socket', stat.S_IFSOCK)):
        refused(name, [('dev', '', kind | 0o666)], '"dev"',
                'it is neither file nor folder nor link')
    refused('twice', [('x', '1', FILE), ('y', '', FILE), ('x', '2', FILE)],
            '"x"', 'its name is in the archive twice')
    refused('twicedir', [('x/', '', DIR), ('x/', '', DIR)], '"x/"',
            'its name is in the archive twice')
    refused('same', [('x/y', '1', FILE), ('./x//y', '2', FILE)], 'x//y',
            'its name is in the archive twice')
    refused('mixed', [('x/', '', DIR), ('x', '1', FILE)], '"x"',
            'a folder and a file have the same name')
    refused('implied', [('x/y', '1', FILE), ('x', '1', FILE)], '"x"',
            'a folder and a file have the same name')
    refused('below', [('x', '1', FILE), ('x/y', '1', FILE)], 'x/y',
            'a file is used as a folder')
    refused('through', [('l', 'sub', LINK), ('l/y', '1', FILE)], 'l/y',
            'a file is used as a folder')
    refused('case', [('lib/Name', '1', FILE), ('lib/name', '2', FILE)],
            '"lib/name"', 'another one differs in nothing but case')
    refused('casedir', [('Lib/x', '1', FILE), ('lib/y', '2', FILE)],
            '"lib/y"', 'another one differs in nothing but case')
    refused('casewide', [('\u00c4', '1', FILE), ('\u00e4', '2', FILE)],
            '\u00e4', 'another one differs in nothing but case')
    refused('deep', [('a/' * 101 + 'x', '1', FILE)], 'a/a/a',
            'its name is too long or too deep')
    refused('long', [('a' * 2100, '1', FILE)], 'aaaa',
            'its name is too long or too deep')
    refused('ugly', [('../\x1b[31m\nx', '1', FILE)], '../\\x1B[31m\\x0Ax',
            'its name has ".."')
    begin = time.monotonic()
    refused('bomb', [('a', bytes(200 << 20), FILE),
                     ('b', bytes(100 << 20), FILE)], '"b"',
            'more than 250 MB unpacked')
    diag('a bomb: %.1f s' % (time.monotonic() - begin))
    refused('folders', [('/'.join(['%d' % i] + ['x'] * 90), '', FILE)
                        for i in range(2300)], '/x/x', 'too many folders')

    # what was read from a pipe is a file, the library says

    fn = added('fifo', make_zip('fifo', [('p', '', stat.S_IFIFO | 0o666)]))
    equal(sup.invoke(fn), (0, 'app'), 'a FIFO')
    equal([oct(os.lstat(os.path.join(sup.state, 'code', name, 'p')).st_mode)
           for name in whole() if os.path.lexists(os.path.join(
               sup.state, 'code', name, 'p'))], ['0o100644'], 'is none')

    # a size that lies: what comes out counts

    path = make_zip('liar', [('big', bytes(260 << 20), FILE)])
    with open(path, 'rb') as f:
        data = bytearray(f.read())
    size = (260 << 20).to_bytes(4, 'little')
    at = data.find(size)
    while at != -1:
        data[at:at + 4] = (1000).to_bytes(4, 'little')
        at = data.find(size)
    with open(path, 'wb') as f:
        f.write(data)
    fn = added('liar', path)
    equal(sup.acquire(fn)[1], 'spawn', 'a size that lies is found out')

    # damaged ones

    with open(make_zip('cut', [('x', os.urandom(100000), FILE)]), 'r+b') as f:
        f.truncate(60000)
    fn = added('cut', os.path.join(sup.dir, 'cut.zip'))
    equal(sup.acquire(fn)[1], 'spawn', 'half a zip')
    path = make_zip('crc', [('x', 'A' * 1000, FILE)])
    with zipfile.ZipFile(path) as z:
        crc = z.getinfo('x').CRC.to_bytes(4, 'little')
    with open(path, 'rb') as f:
        data = f.read()
    with open(path, 'wb') as f:
        f.write(data.replace(crc, b'abcd'))
    fn = added('crc', path)
    equal(sup.acquire(fn)[1], 'spawn', 'a wrong checksum')
    ok('"x"' in sup.init_error(fn), 'names the entry', sup.init_error(fn))
    with open(os.path.join(sup.dir, 'large.zip'), 'wb') as f:
        f.truncate(51 << 20)
    fn = added('large', os.path.join(sup.dir, 'large.zip'))
    equal(sup.acquire(fn)[1], 'spawn', 'a zip of more than 50 MB')
    ok('larger than 50 MB' in sup.init_error(fn), 'is refused',
       sup.init_error(fn))
    os.mkfifo(os.path.join(sup.dir, 'pipe.zip'))
    fn = added('pipe', os.path.join(sup.dir, 'pipe.zip'))
    equal(sup.acquire(fn)[1], 'spawn', 'a FIFO in the place of one')

    ok(wait_for(lambda: len(stored()) == 3), 'none of them left anything',
       stored())
    ok(not os.path.exists('/etc/faas-t') and
       not os.path.exists(os.path.join(sup.state, 'faas-t')),
       'nothing was written outside')

    # many entries, and who unpacks them, while others are served

    path = many('many', 100000)
    fn = sup.add('many', path)
    begin = time.monotonic()
    sup.reload()
    pid = caught('faas-extract', 'many')
    ok(pid, 'an extractor')
    if ROOT:
        ok(all(1899999990 < int(u) < 1900000000 for u in field(pid, 'Uid')),
           'has a user of its own', field(pid, 'Uid'))
        equal(field(pid, 'Uid'), field(pid, 'Gid'), 'and a group')
        equal(field(pid, 'Groups'), [], 'no other group')
        equal(field(pid, 'CapEff') + field(pid, 'CapPrm'), ['0' * 16] * 2,
              'no capability')
    equal(field(pid, 'NoNewPrivs'), ['1'], 'and will not get any')
    equal(sorted(int(n) for n in os.listdir('/proc/%d/fd' % pid))[:5],
          [0, 1, 2, 3, 4], 'few descriptors')
    equal(len(os.listdir('/proc/%d/fd' % pid)) <= 6, True, 'no others')
    with open('/proc/%d/maps' % pid) as f:
        ok(sup.run not in f.read(), 'no scoreboard')
    slowest = 0
    unpacker = int(field(pid, 'PPid')[0])
    os.kill(pid, signal.SIGCONT)
    while not wait_for(lambda: not os.path.exists('/proc/%d' % unpacker),
                       0.05):
        t = time.monotonic()
        sup.change('good', timeout_ms=int(t * 1000) % 10000 + 1)
        sup.reload()
        slowest = max(slowest, time.monotonic() - t)
    diag('100000 entries: %.1f s, meanwhile a reload took at most %.0f ms'
         % (time.monotonic() - begin, slowest * 1000))
    equal(sup.invoke(fn), (0, 'app'), '100000 entries')
    ok(slowest < 0.5, 'hold up nobody', slowest)
    fn = added('more', many('more', 100001))
    equal(sup.acquire(fn)[1], 'spawn', 'one more')
    ok('more than 100000 entries' in sup.init_error(fn), 'is refused',
       sup.init_error(fn))

    # interrupted: never seen as complete, and done again

    def interrupted(name, victim, text):
        done = whole()
        fn = sup.add(name, many(name, 20000, app=name))
        sup.reload()
        pid = caught(victim, name)
        equal(whole(), done, 'half a zip is not there')
        os.kill(pid, signal.SIGKILL)
        equal(sup.acquire(fn)[1], 'spawn', 'an interrupted unpacker')
        ok(text in sup.init_error(fn), 'is an error', sup.init_error(fn))
        ok(wait_for(lambda: sup.invoke(fn) == (0, name), 20),
           'it is unpacked when it is asked for')
        ok(wait_for(lambda: stored() == whole()), 'nothing else is left',
           stored())
        return fn

    interrupted('first', 'faas-extract', 'was killed by signal 9')
    fn = interrupted('second', 'faas-unpack', 'its unpacker was killed')
    equal(len(os.listdir([os.path.join(sup.state, 'code', name)
                          for name in whole()
                          if 'second' in open(os.path.join(
                              sup.state, 'code', name, 'app.py')).read()][0])),
          101, 'all of it')

    fn = sup.add('third', many('third', 20000, app='third'))
    sup.reload()
    caught('faas-extract', 'third')
    old = sup.pid()
    os.kill(old, signal.SIGKILL)
    ok(wait_for(lambda: sup.pid() not in (0, old) and sup.head('up')),
       'the supervisor is killed meanwhile')
    equal(sup.invoke(fn), (0, 'third'), 'the next one does it again')
    ok(wait_for(lambda: stored() == whole()
                and not processes('faas-extract')), 'nothing is left',
       stored())

    # written to while it is read

    path = many('changing', 20000, app='changing')
    fn = added('changing', path)
    pid = caught('faas-extract', 'changing')
    with open(path, 'ab') as f:
        f.write(b'\0')
    os.kill(pid, signal.SIGCONT)
    equal(sup.acquire(fn)[1], 'spawn',
          'a zip that changes under our hands is not used')
    ok('has changed while it was unpacked' in sup.init_error(fn),
       'which is an error', sup.init_error(fn))
    os.unlink(path)
    many('changing', 10, app='changed')
    ok(wait_for(lambda: sup.invoke(fn) == (0, 'changed'), 20),
       'the next attempt finds it whole')

    # replaced by another one: what serves goes on

    path = many('good', 20000, app='newer')
    os.utime(path, (1, 1))
    sup.change('good', timeout_ms=3000)
    sup.reload()
    pid = caught('faas-extract', 'good')
    equal(sup.invoke(good), (0, 'app'), 'the old one serves meanwhile')
    os.kill(pid, signal.SIGCONT)
    ok(wait_for(lambda: sup.invoke(good) == (0, 'newer')), 'then the new one')

    # a crowd

    crowd = [sup.add('c%d' % n, many('c%d' % n, 3000, app='c%d' % n))
             for n in range(9)]
    shared = [sup.add('s%d' % n, os.path.join(sup.dir, 'c0.zip'))
              for n in range(3)]
    sup.reload()
    most = 0

    def some():
        global most
        most = max(most, unpackers())
        return most > 1

    wait_for(some)
    while unpackers():
        some()
    ok(1 < most <= 4, 'a few are unpacked at a time', most)
    equal([sup.invoke(fn)[1] for fn in crowd],
          ['c%d' % n for n in range(9)], 'all of them in the end')
    equal([sup.invoke(fn)[1] for fn in shared], ['c0'] * 3,
          'those that share one as well')

    # what is in use stays, what is not goes, at the next start

    inode = {name: os.stat(os.path.join(sup.state, 'code', name)).st_ino
             for name in whole()}
    os.makedirs(os.path.join(sup.state, 'code', 'tmp.1', 'x'))
    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')
    keep = [f for f in sup.functions if f['name'] in ('c1', 'many')]
    sup.functions = []
    sup.board = ctypes.c_void_p(sup.so.t_create(
        sup.path('board'), 64, sup.slots, ctypes.c_uint64(5)))
    os.makedirs(sup.path('workers'), exist_ok=True)
    one = sup.add('c1', keep[1]['code'])
    new = sup.add('new', many('new', 5000, app='new'))
    two = sup.add('many', keep[0]['code'])
    sup.start()
    equal([sup.invoke(fn)[1] for fn in (one, new, two)],
          ['c1', 'new', 'app'], 'started again')
    ok(wait_for(lambda: len(stored()) == 3), 'the others were removed',
       stored())
    equal(len([name for name in whole() if inode.get(name) == os.stat(
        os.path.join(sup.state, 'code', name)).st_ino]), 2,
        'those in use are the same as before')

    # the end does not wait for an unpacker

    sup.add('last', many('last', 50000, app='last'))
    sup.reload()
    wait_for(lambda: processes('faas-extract'))
    equal(sup.stop(), 0, 'an end while a zip is unpacked')
    ok(wait_for(lambda: len(stored()) == 3
                and not processes('faas-extract')), 'leaves nothing',
       stored())
finally:
    if Tap.failed:
        diag('\n'.join(line for line in sup.log().splitlines()
                       if '[info]' not in line))
    sup.clean()
    shutil.rmtree(sup.state, ignore_errors=True)
done()
