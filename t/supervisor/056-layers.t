#!/usr/bin/python3
"""Layers: merged below /opt, their limits, and what becomes of the store."""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

APP = '''
import os
def handler(event, context):
    return eval(event["do"]) if "do" in event else "app"
'''
FILE, PROGRAM, LINK = 0o100644, 0o100755, 0o120777


def archive(name, entries):
    """entries: name: text, or (text, mode of the whole type)"""
    return write_zip(os.path.join(sup.dir, name + '.zip'), [
        (entry, *(what if isinstance(what, tuple) else (what, FILE)))
        for entry, what in entries.items()])


def do(fn, text):
    return sup.invoke(fn, {'do': text})


def stored():
    folder = os.path.join(sup.state, 'code')
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def stopped(layer):
    """The process that merges this layer, stopped when it is about it."""
    def find():
        for pid in os.listdir('/proc'):
            try:
                with open('/proc/%s/cmdline' % pid, 'rb') as f:
                    words = f.read().split(b'\0')
                if b'--layers' in words and layer.encode() in words:
                    os.kill(int(pid), signal.SIGSTOP)
                    if 'tmp.' + pid in stored():
                        return int(pid)
                    os.kill(int(pid), signal.SIGCONT)
            except (OSError, ValueError):
                pass
        return None
    return wait_for(find)


def fails(name, reason, *layers, **more):
    fn = sup.add(name, more.pop('code', code), layers=list(layers), **more)
    sup.reload()
    why = sup.acquire(fn)[1]
    text = sup.init_error(fn)
    ok(why == 'spawn' and reason in text, 'refused: ' + reason, (why, text))
    return fn


sup = Sup(start=False, envs=24)
if os.access('/dev/shm', os.W_OK):      # so many files are slow on a disk
    sup.state = tempfile.mkdtemp(prefix='faas-t-', dir='/dev/shm')
    os.chmod(sup.state, 0o755)
try:
    code = sup.code({'app.py': APP})
    sup.start()

    if sup.head('isolation') not in (2, 3):            # full, user
        fails('f', 'isolation level', sup.code({'x': ''}))
        ok('layers are mounted at /opt' in sup.log(), 'which the log says')
        sup.stop()
        done()

    # one of each kind, then in an order

    one = archive('one', {'a': 'one', 'same': 'one', 'd/x': 'one',
                          'file': 'one', 'folder/x': 'one',
                          'bin/tool': ('#!/bin/sh\necho tool\n', PROGRAM),
                          'link': ('a', LINK)})
    two = sup.code({'b': 'two', 'same': 'two', 'd/y': 'two',
                    'file/x': 'two', 'folder': 'two', 'link': 'two'})
    os.symlink('/etc/hostname', two + '/out')
    os.symlink('/var/task/app.py', two + '/task')
    os.utime(two + '/b', (1000000000, 1000000000))
    three = archive('three', {'c': 'three', 'same': 'three'})

    def read(name):
        return 'open("/opt/%s").read()' % name

    alone = sup.add('alone', code, layers=[one])
    folder = sup.add('folder', code, layers=[two])
    all3 = sup.add('all', code, layers=[one, two, three])
    back = sup.add('back', code, layers=[three, two, one])
    none = sup.add('none', code)
    sup.reload()
    equal(do(alone, read('a')), (0, 'one'), 'a zip')
    equal(do(folder, read('b')), (0, 'two'), 'a folder')
    equal([do(all3, read(n))[1] for n in ('a', 'b', 'c', 'd/x', 'd/y')],
          ['one', 'two', 'three', 'one', 'two'], 'three are one folder')
    equal([do(all3, read('same'))[1], do(back, read('same'))[1]],
          ['three', 'one'], 'the last one wins')
    equal([do(all3, read('file/x'))[1], do(all3, read('folder'))[1],
           do(all3, read('link'))[1], do(all3, read('a'))[1]],
          ['two', 'two', 'two', 'one'],
          'a folder, a file, a link in the place of another kind')
    equal(do(all3, 'int(os.stat("/opt/b").st_mtime)'), (0, 1000000000),
          'files keep their times')
    equal(do(all3, 'os.popen("tool").read()'), (0, 'tool\n'), 'a program')
    equal(do(none, 'os.listdir("/opt") == ["lib"]'
                   ' and os.listdir("/opt/lib") == []'), (0, True),
          'without layers there is nothing')
    equal(do(all3, 'sorted(os.listdir("/opt"))'), (0, sorted(
        ['a', 'b', 'c', 'd', 'same', 'file', 'folder', 'bin', 'link', 'out',
         'task'])), 'nothing else is there')

    # what cannot be done

    for what in ('open("/opt/new", "w")', 'open("/opt/a", "a")',
                 'os.unlink("/opt/a")', 'os.chmod("/opt/a", 0o777)',
                 'os.mkdir("/opt/d/new")'):
        for fn in alone, all3:
            status, answer = do(fn, what)
            ok(status == 1 and re.search('Errno (13|30)',
                                         answer['errorMessage']),
               'refused: ' + what, answer)
    equal(do(all3, 'os.path.exists("/opt/out")'), (0, False),
          'a link to the outside leads to what the sandbox has')
    equal(do(all3, '"def handler" in open("/opt/task").read()'), (0, True),
          'as does any other')
    status, answer = do(all3, 'os.listdir("/opt/..")')
    ok(status == 0 and 'home' not in answer and 'srv' not in answer,
       'nor does ".."', answer)

    # zips that are refused, and what a folder may not have

    fails('slip', 'its name has ".."', archive('slip', {'../x': ''}))
    fails('linkout', 'it is a link to the outside',
          archive('linkout', {'l': ('/etc/passwd', LINK)}))
    fails('gone', 'cannot be opened', os.path.join(sup.dir, 'nope'))
    plain = os.path.join(sup.dir, 'plain')
    sup.write(plain, 'text')
    fails('plain', 'layer "%s"' % plain, plain)
    pipes = sup.code({'x': ''})
    os.mkfifo(pipes + '/pipe')
    fails('pipes', 'it is neither file nor folder nor link: "pipe"', one,
          pipes)
    if os.getuid() == 0:
        os.mknod(pipes + '/pipe.n', 0o020666, os.makedev(1, 3))
        os.rename(pipes + '/pipe.n', pipes + '/pipe')
        fails('device', 'it is neither file nor folder nor link: "pipe"', one,
              pipes)
        secret = sup.code({'d/secret': 'x'})
        os.chmod(secret + '/d/secret', 0o640)
        fails('secret', 'not readable for the user of the environment: '
              '"d/secret"', one, secret)
        os.chmod(secret + '/d', 0o700)
        fails('closed', 'not readable for the user of the environment: "d"',
              one, secret)

    # together they are within the limit

    big = sup.code({})
    with open(big + '/big', 'wb') as f:
        f.truncate(250 << 20)
    os.chmod(big + '/big', 0o644)
    limit = os.path.join(big, 'big')
    exact = 262144000 - os.path.getsize(os.path.join(code, 'app.py'))
    os.truncate(limit, exact)
    fn = sup.add('exact', code, layers=[big])
    sup.reload()
    equal(do(fn, 'os.path.getsize("/opt/big")'), (0, exact),
          'as large as it may be')
    os.truncate(limit, exact + 1)
    fails('above', 'more than 250 MB unpacked together with the code', big)
    half = [archive('half%d' % i, {'h%d' % i: bytes(126 << 20)})
            for i in range(2)]
    fails('halves', 'more than 250 MB unpacked together with the code',
          *half)
    before = stored()
    ok(not [n for n in before if len(n) != 64], 'none of it left anything',
       before)

    # a layer that changes makes another pool; the others go on

    pid = do(all3, 'os.getppid() or os.getpid()')[1]
    pids = sup.pids(all3)
    sup.reload()
    equal((do(all3, read('c'))[1], sup.pids(all3)), ('three', pids),
          'the same layers are the same pool')
    alone_pids = sup.pids(alone)
    archive('three', {'c': 'newer', 'same': 'newer'})
    sup.reload()
    ok(wait_for(lambda: do(all3, read('c')) == (0, 'newer')),
       'another zip makes another one')
    ok(not set(sup.pids(all3)) & set(pids), 'of new processes')
    equal(sup.pids(alone), alone_pids, 'not of functions without it')
    sup.write(two + '/b', 'changed')
    sup.reload()
    ok(wait_for(lambda: do(all3, read('b')) == (0, 'changed')),
       'a changed folder makes another one')
    sup.change('all', layers=[three, two, one])
    sup.reload()
    ok(wait_for(lambda: do(all3, read('same')) == (0, 'one')),
       'so does another order')
    sup.change('all', layers=[])
    sup.reload()
    ok(wait_for(lambda: do(all3, 'os.path.exists("/opt/a")') == (0, False)),
       'and none')

    # reload_on_change

    watched = sup.code({'sub/v': '1'})
    fn = sup.add('watch', code, layers=[one, watched, three],
                 reload_on_change=True)
    sup.reload()
    equal(do(fn, read('sub/v')), (0, '1'), 'a folder that is watched')
    sup.write(watched + '/sub/v', '2')
    ok(wait_for(lambda: do(fn, read('sub/v')) == (0, '2')),
       'a changed file is seen at once')
    archive('three', {'c': 'newest'})
    ok(wait_for(lambda: do(fn, read('c')) == (0, 'newest')),
       'and a zip that was replaced')

    # interrupted: never seen as complete, and done again

    many = sup.code({'m/%d' % i: '' for i in range(20000)})
    fn = sup.add('many', code, layers=[one, many])
    sup.reload()
    pid = stopped(many)
    ok(pid, 'several are merged by a process')
    equal([n for n in stored() if len(n) == 64 and os.path.exists(
        os.path.join(sup.state, 'code', n, 'm'))], [],
          'half of it is not there')
    os.kill(pid, signal.SIGKILL)
    equal(sup.acquire(fn)[1], 'spawn', 'it is interrupted')
    ok(sup.init_error(fn).startswith('layers '), 'which is an error',
       sup.init_error(fn))
    ok(wait_for(lambda: do(fn, 'len(os.listdir("/opt/m"))') == (0, 20000), 20),
       'it is done again when it is asked for')
    ok(wait_for(lambda: not [n for n in stored() if len(n) != 64]),
       'nothing else is left', stored())

    # written to while it is read

    fn = sup.add('moving', code, layers=[three, many])
    sup.reload()
    pid = stopped(many)
    sup.write(many + '/m/new', '')
    os.kill(pid, signal.SIGCONT)
    why = sup.acquire(fn)[1]
    ok(why == 'spawn' and 'have changed while they were merged'
       in sup.init_error(fn) or do(fn, 'len(os.listdir("/opt/m"))')
       == (0, 20001), 'a folder that changes meanwhile is not used',
       (why, sup.init_error(fn)))
    ok(wait_for(lambda: do(fn, 'len(os.listdir("/opt/m"))') == (0, 20001), 20),
       'the next attempt has it whole')

    # the next supervisor: the same pools; what nobody has goes

    before = {n: sup.pids(n) for n in (alone, back)}
    old = sup.pid()
    os.kill(old, signal.SIGKILL)
    ok(wait_for(lambda: sup.pid() not in (0, old) and sup.head('up')
                and sup.head('applied') == sup.generation),
       'the supervisor is killed')
    equal((do(alone, read('a')), do(back, read('same'))),
          ((0, 'one'), (0, 'one')), 'all goes on')
    equal({n: sup.pids(n) for n in (alone, back)}, before,
          'in the same processes')
    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')

    inode = {n: os.stat(os.path.join(sup.state, 'code', n)).st_ino
             for n in stored()}
    os.makedirs(os.path.join(sup.state, 'code', 'tmp.1', 'x'))
    sup.functions = []
    sup.board = ctypes.c_void_p(sup.so.t_create(
        sup.path('board'), 64, sup.slots, ctypes.c_uint64(5)))
    os.makedirs(sup.path('workers'), exist_ok=True)
    fn = sup.add('back', code, layers=[three, two, one])
    sup.start()
    equal(do(fn, read('same')), (0, 'one'), 'started again')
    ok(wait_for(lambda: len(stored()) == 3), 'two zips and what they make '
       'are kept, all else is removed', stored())
    ok(all(inode.get(n) == os.stat(os.path.join(
        sup.state, 'code', n)).st_ino for n in stored()),
       'they are the same as before')
    equal(sup.stop(), 0, 'the end')
finally:
    if Tap.failed:
        diag('\n'.join(line for line in sup.log().splitlines()
                       if '[info]' not in line))
    sup.clean()
    shutil.rmtree(sup.state, ignore_errors=True)
done()
