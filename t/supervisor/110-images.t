#!/usr/bin/python3
"""Container images: what they may be, how they are started, what of them is
refused.
"""

import os
import signal
import sys
import tarfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '../lib'))
import faas_image                                               # noqa: E402
from faas_image import Image, layer                             # noqa: E402
from faas_provided import PYTHON                                # noqa: E402
from suptest import *           # noqa: E402,F403

CONFIG = {'Entrypoint': ['python3', '-u'], 'Cmd': ['/srv/run.py', 'word'],
          'Env': ['PATH=/usr/bin', 'COLOUR=blue', 'LAMBDA_TASK_ROOT=/srv'],
          'WorkingDir': '/srv', 'User': 'nobody'}


def do(fn, text):
    return sup.invoke(fn, {'do': text})


def add(name, path, **more):
    return sup.add(name, path, **dict(dict(
        runtime='provided', handler='', image=True, memory_mb=512), **more))


def path(name):
    return os.path.join(sup.dir, name)


def stored():
    folder = os.path.join(sup.state, 'code')
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def fails(name, where, reason, **more):
    fn = add(name, where, **more)
    sup.reload()
    why = sup.acquire(fn)[1]
    text = sup.init_error(fn)
    ok(why == 'spawn' and reason in text, 'refused: ' + reason, (why, text))


def refused(name, entries, reason):
    """An image with one more layer."""
    image = Image([small, layer(entries)], CONFIG, how='')
    fails(name, image.folder(path(name)), reason)


if not os.path.exists(os.path.join(RUNTIME, 'faas-provided-static')):
    skip_all('no static libraries')

outside = None
sup = Sup(start=False, envs=24)
if os.access('/dev/shm', os.W_OK):      # so many files are slow on a disk
    sup.state = tempfile.mkdtemp(prefix='faas-t-', dir='/dev/shm')
    os.chmod(sup.state, 0o755)
try:
    sup.start()
    small = layer([('srv/run.py', PYTHON, 0o755)])

    if sup.head('isolation') not in (2, 3):            # full, user
        fails('f', Image([small], CONFIG).folder(path('f')),
              'images are the root of their environments')
        sup.stop()
        done()

    base = layer(faas_image.python() + [
        ('etc', None), ('etc/passwd', 'root:x:0:0::/:/bin/sh\n'),
        ('etc/release', 'image\n'), ('lib64/old', ''), ('var/gone/x', 'x'),
        ('var/gone/y', 'y'), ('var/opaque/old', 'old'), ('secret', 'x', 0o600),
        ('strange', 'x', 0o6777), ('srv', None), ('abs', ('link', '/srv')),
        ('up', ('link', '../../../../srv')), ('dev/null', ('dev', 1, 3))])
    over = layer([
        ('srv/run.py', PYTHON, 0o755), ('./etc/release', 'newer\n'),
        ('var/gone/.wh.x', ''), ('lib64/.wh.old', ''),
        ('var/opaque/new', 'new'),
        ('var/opaque/.wh..wh..opq', ''), ('abs/through', 'absolute'),
        ('up/up', 'up'), ('/slash', 'slash'),
        ('hard', ('hard', 'etc/release')), ('A', 'A'), ('a', 'a')])
    kinds = ['gzip', 'zstd'] if shutil.which('zstd') else ['gzip', '']
    image = Image([base, over], CONFIG, how=kinds)
    other = Image([small], CONFIG, arch='s390x')

    folder = add('folder', image.folder(path('folder')))
    many = add('many', image.folder(path('many'), other))
    archive = add('archive', image.archive(path('archive.tar')))
    saved = add('saved', image.saved(path('saved.tar')))
    sup.reload()
    for name, fn in (('a layout', folder), ('one for several machines', many),
                     ('an archive of it', archive), ('docker save', saved)):
        status, got = do(fn, '[os.getcwd(), os.listdir("/srv"), '
                             'open("/etc/release").read()]')
        equal((status, got and [got[0], sorted(got[1]), got[2]]),
              (0, ['/srv', ['run.py', 'through', 'up'], 'newer\n']), name)
    equal(len(stored()), 1, 'all of them are one image, stored once')

    # what an environment sees of it

    equal(do(folder, 'sys.argv')[1], ['/srv/run.py', 'word'],
          'entry point and command')
    env = do(folder, 'dict(os.environ)')[1]
    equal([env[n] for n in ('PATH', 'COLOUR', 'LAMBDA_TASK_ROOT', '_HANDLER',
                            'AWS_LAMBDA_FUNCTION_NAME')],
          ['/usr/bin', 'blue', '/srv', 'word', 'folder'], 'variables')
    ok('LD_LIBRARY_PATH' not in env, 'and none that the image knows better',
       env)
    equal(do(folder, 'sorted(os.listdir("/var/gone")) + '
                     'os.listdir("/var/opaque")'), (0, ['y', 'new']),
          'what a layer removes')
    equal(do(folder, '[os.path.exists("/lib64/old"), '
                     'open("/abs/through").read(), open("/slash").read(), '
                     'open("/hard").read(), open("/A").read(), '
                     'open("/a").read()]'),
          (0, [False, 'absolute', 'slash', 'newer\n', 'A', 'a']),
          'links, absolute names, names that differ in case')
    equal(do(folder, '[int(os.stat("/srv/run.py").st_mtime), '
                     'oct(os.stat("/strange").st_mode), '
                     'os.stat("/strange").st_uid in (0, 65534)'
                     ' or os.getuid() == os.stat("/strange").st_uid]'),
          (0, [1000000000, '0o100755', True]), 'times, modes, owner')
    if os.getuid() == 0:
        status, got = do(folder, 'tried(open, "/secret")')
        equal(got, 'EACCES', 'what only root may read it may not')
    for what in ('open("/new", "w")', 'open("/srv/run.py", "a")',
                 'os.mkdir("/.faas/x")', 'os.unlink("/etc/release")'):
        status, got = do(folder, 'tried(lambda: %s)' % what)
        ok(got in ('EROFS', 'EACCES'), 'refused: ' + what, got)
    equal(do(folder, 'open("/tmp/x", "w").write("abc")'), (0, 3),
          '/tmp is its own')
    equal(do(folder, 'open("/dev/null", "w").write("abc")'), (0, 3),
          'so are devices')
    equal(do(folder, 'os.path.exists("/usr/bin/perl") or '
                     'os.path.exists("/home") or os.path.exists("/root")'),
          (0, False), 'nothing of the machine')
    equal(do(folder, '[os.path.ismount("/mnt"), os.listdir("/mnt")]'),
          (0, [False, []]), 'nor of the root before')
    status, got = do(folder, 'os.listdir("/proc/1/root")')
    ok(status != 0 or 'srv' in got, 'not by way of /proc either', got)
    ok(do(folder, 'len([p for p in os.listdir("/proc") if p.isdigit()])')[1]
       < 4, 'it sees its own processes')
    equal(do(folder, 'tried(os.chroot, "/srv")'), (0, 'EPERM'),
          'it cannot leave it')

    status, got = do(folder, 'open("/proc/self/status").read()')
    for line in ('CapEff:\t0000000000000000', 'CapBnd:\t0000000000000000',
                 'NoNewPrivs:\t1', 'Seccomp:\t2'):
        ok(line in got, line.replace('\t', ' '), got)
    shared = path('shared')
    os.mkdir(shared)
    sup.write(shared + '/x', 'shared')
    fn = add('mounts', path('folder'), shared=[
        {'source': shared, 'target': '/mnt/here', 'write': False}])
    sup.reload()
    equal(do(fn, '[open("/mnt/here/x").read(), '
                 'tried(lambda: open("/mnt/here/y", "w"))]'),
          (0, ['shared', 'EROFS']), 'folders that it shares')

    # settings of the function in the place of the image's

    handler = add('handler', path('folder'), handler='/srv/run.py')
    command = add('command', path('folder'), handler='',
                  command=['/usr/bin/python3', '-u', '/abs/run.py', '1'],
                  environment={'COLOUR': 'red'})
    sup.reload()
    equal(do(handler, 'sys.argv'), (0, ['/srv/run.py']),
          'a handler is the command')
    equal(do(command, '[sys.argv, os.environ["COLOUR"]]'),
          (0, [['/abs/run.py', '1'], 'red']), 'a command is all of it')
    boot = Image([base, layer([('var/runtime/bootstrap', PYTHON, 0o755)])],
                 {'Env': ['PATH=/usr/bin']})
    fn = add('boot', boot.folder(path('boot')))
    sup.reload()
    equal(do(fn, '[sys.argv[0], os.getcwd()]'),
          (0, ['/var/runtime/bootstrap', '/']),
          'without both of them its bootstrap')

    same = layer([('same', 'same')])
    twice = Image([base, over, same, same], CONFIG)
    fn = add('twice', twice.saved(path('twice.tar')))
    sup.reload()
    equal(do(fn, 'open("/same").read()'), (0, 'same'),
          'a layer that "docker save" has linked')

    # errors of the function

    def begins(name, config, error):
        broken = Image([base, over], config)
        fn = add(name, broken.folder(path(name)))
        sup.reload()
        why = sup.acquire(fn)[1]
        ok(why == 'init error' and error in sup.init_error(fn), error,
           (why, sup.init_error(fn)))

    begins('workdir', dict(CONFIG, WorkingDir='/nowhere'),
           'Runtime.InvalidWorkingDir')
    begins('entry', dict(CONFIG, Entrypoint=['no-such-program']),
           'Runtime.InvalidEntrypoint')
    begins('none', {}, 'Runtime.InvalidEntrypoint')

    # images that are refused

    fails('arch', Image([small], CONFIG, arch='s390x').folder(path('arch')),
          'has no image for linux/' + faas_image.ARCH)
    fails('arch2', Image([small], CONFIG, arch='s390x').saved(
        path('arch2.tar')), 'but for "linux/s390x"')
    sup.write(path('text'), 'no image')
    fails('text', path('text'), 'is neither an OCI layout nor of "docker save"')
    os.mkdir(path('empty'))
    fails('empty', path('empty'), 'nor a folder with index.json')
    fails('gone', path('nowhere'), 'cannot be opened')

    def damaged(name, change, reason):
        broken = Image([small], CONFIG, how='')
        files = broken.files()
        change(broken, files)
        fails(name, broken.archive(path(name + '.tar'), files), reason)

    def blob(descriptor):
        return 'blobs/sha256/' + descriptor['digest'][7:]

    damaged('layer', lambda i, f: f.__setitem__(
        blob(i.manifest['layers'][0]), layer([('srv/run.py', 'evil')])),
        'has a layer with another digest')
    damaged('config', lambda i, f: f.__setitem__(
        blob(i.manifest['config']), i.config + b' '),
        'has a blob with another digest')
    damaged('lacking', lambda i, f: f.pop(blob(i.manifest['layers'][0])),
            'has no blob')
    damaged('cut', lambda i, f: f.__setitem__(
        blob(i.manifest['layers'][0]),
        f[blob(i.manifest['layers'][0])][:700]), 'Truncated')
    damaged('json', lambda i, f: f.__setitem__('index.json', b'{"x": 1'),
            'has a blob that is not JSON')
    damaged('two', lambda i, f: f.__setitem__('index.json', json.dumps({
        'manifests': json.loads(f['index.json'])['manifests'] * 2}).encode()),
        'has more than one image')
    damaged('kind', lambda i, f: (
        i.manifest['layers'][0].__setitem__('mediaType', 'x/encrypted'),
        f.update(i.files())), 'has a layer of a type that is not known')
    damaged('number', lambda i, f: (
        i.manifest['layers'].append(i.manifest['layers'][0]),
        f.update(i.files())), 'has another number of layers')
    damaged('digest', lambda i, f: (
        i.manifest['layers'][0].__setitem__('digest', 'sha256:../../x'),
        f.update(i.files())), 'has a digest that is not sha256')

    # what layers may not have

    for n, name in enumerate(('../x', 'a/../../x', 'a/..')):
        refused('dots%d' % n, [(name, 'x')], 'its name has ".."')
    refused('device', [('x', ('dev', 1, 3))],
            'it is neither file nor folder nor link')
    refused('fifo', [('x', ('fifo',))],
            'it is neither file nor folder nor link')
    refused('hardout', [('x', ('hard', '../../../etc/passwd'))],
            'its name has ".."')
    refused('hardnone', [('x', ('hard', 'etc/passwd'))],
            'a hard link to what is not there')
    refused('etc', [('.wh.etc', ''), ('etc', ('link', '/srv'))],
            'it is not a folder: "etc"')
    refused('whiteout', [('.wh...', '')], 'it removes nothing that can be')
    outside = tempfile.mkdtemp(prefix='faas-t-', dir='/var/tmp')
    os.chmod(outside, 0o777)
    escape = Image([base, over, layer([(outside[1:], None)]), layer([
        ('out', ('link', outside)), ('out/x', 'x'), ('nowhere', ('link', '/none')),
        ('nowhere/z', 'z'),
        ('rel', ('link', '../' * 30 + outside[1:])), ('rel/y', 'y')])],
        CONFIG)
    fn = add('escape', escape.folder(path('escape')))
    sup.reload()
    equal(do(fn, '[open("%s/x").read(), open("%s/y").read(), '
                 'open("/nowhere/z").read()]' % (outside, outside)),
          (0, ['x', 'y', 'z']),
          'a link to the outside stays inside')
    equal(os.listdir(outside), [], 'nothing was written there')
    info = tarfile.TarInfo('big')
    info.size = 11 << 30
    bomb = Image([small, info.tobuf() + bytes(1024)], CONFIG)
    fails('bomb', bomb.folder(path('bomb')), 'more than 10 GB unpacked')

    ok(wait_for(lambda: not [n for n in stored() if len(n) != 64]),
       'none of them left anything', stored())

    # another image by the same name

    newer = Image([base, over, layer([('etc/release', 'third\n')])], CONFIG)
    sup.change('archive', reload_on_change=True)
    sup.reload()
    pids = sup.pids(archive)
    equal(do(archive, 'open("/etc/release").read()'), (0, 'newer\n'),
          'the same image')
    equal(sup.pids(archive), pids, 'is the same pool')
    newer.archive(path('archive.tar'))
    ok(wait_for(lambda: do(archive, 'open("/etc/release").read()')
                == (0, 'third\n'), 20), 'another one takes over')
    newer.folder(path('many'))
    sup.reload()
    ok(wait_for(lambda: do(many, 'open("/etc/release").read()')
                == (0, 'third\n'), 20), 'also as a layout')

    # interrupted, and what nobody has

    slow = Image([base, over, layer([('s/%d' % i, '')
                                     for i in range(20000)])], CONFIG)
    fn = add('slow', slow.folder(path('slow')))
    before = stored()
    sup.reload()

    def extracting():
        for pid in os.listdir('/proc'):
            try:
                with open('/proc/%s/cmdline' % pid, 'rb') as f:
                    words = f.read().split(b'\0')
                if b'--image' in words and path('slow').encode() in words \
                        and 'tmp.' + pid in stored():
                    return int(pid)
            except OSError:
                pass
        return None

    pid = wait_for(extracting)
    os.kill(pid, signal.SIGKILL)
    equal([n for n in stored() if len(n) == 64], before,
          'half an image is not there')
    equal(sup.acquire(fn)[1], 'spawn', 'it is interrupted')
    ok(wait_for(lambda: do(fn, 'len(os.listdir("/s"))') == (0, 20000), 20),
       'it is unpacked when it is asked for', sup.init_error(fn))
    ok(wait_for(lambda: not [n for n in stored() if len(n) != 64]),
       'nothing else is left', stored())
    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')
    sup.functions = []
    sup.board = ctypes.c_void_p(sup.so.t_create(
        sup.path('board'), 64, sup.slots, ctypes.c_uint64(5)))
    os.makedirs(sup.path('workers'), exist_ok=True)
    fn = add('folder', path('folder'))
    sup.start()
    equal(do(fn, 'open("/etc/release").read()'), (0, 'newer\n'),
          'started again')
    ok(wait_for(lambda: len(stored()) == 1), 'the others are removed',
       stored())
    equal(sup.stop(), 0, 'the end')
finally:
    if Tap.failed:
        diag('\n'.join(line for line in sup.log().splitlines()
                       if '[info]' not in line))
    sup.clean()
    shutil.rmtree(sup.state, ignore_errors=True)
    if outside is not None:
        shutil.rmtree(outside, ignore_errors=True)
done()
