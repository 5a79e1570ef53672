"""Functions in Java for tests: compiled once for what they consist of, against
the interfaces that the runtime brings."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '../..'))
BUILD = os.environ.get('FAAS_BUILD') or os.path.join(TOP, 'build')
RUNTIME = os.environ.get('FAAS_RUNTIME_DIR') or os.path.join(BUILD, 'runtime')
JAR = os.path.join(RUNTIME, 'java/faas-java.jar')
JAVA = '/usr/bin/java'

kept = []


def lacking():
    """None, or why functions in Java cannot be tested."""
    if not os.access(JAVA, os.X_OK):
        return 'no ' + JAVA
    if shutil.which('javac') is None:
        return 'there is no javac'
    if not os.path.exists(JAR):
        return 'the Java runtime was not built'
    return None


def folder(sources, classpath=(JAR,), release='17'):
    """The folder of the classes of {path: text}."""
    key = hashlib.sha256(repr(sorted(sources.items())).encode()
                         + repr((classpath, release)).encode())
    with open(JAR, 'rb') as f:
        key.update(f.read())
    out = os.path.join(BUILD, 't/java', key.hexdigest()[:16])
    if os.path.isdir(out):
        return out
    try:
        os.makedirs(os.path.dirname(out), exist_ok=True)
        lock = open(out + '.lock', 'w')
    except PermissionError:
        # the build is another user's
        own = tempfile.TemporaryDirectory(prefix='faas-java-')
        kept.append(own)
        os.mkdir(own.name + '/classes')
        compile_to(own.name + '/classes', own.name + '/source', sources,
                   classpath, release)
        return own.name + '/classes'

    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(out):
            source, new = out + '.source', out + '.new'
            for path in source, new:
                shutil.rmtree(path, ignore_errors=True)
            os.mkdir(new)
            compile_to(new, source, sources, classpath, release)
            shutil.rmtree(source)
            os.rename(new, out)
    return out


def compile_to(out, source, sources, classpath, release):
    for path, text in sources.items():
        path = os.path.join(source, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)
    subprocess.run(
        ['javac', '--release', release, '-g', '-encoding', 'UTF-8',
         '-cp', ':'.join(classpath), '-d', out]
        + [os.path.join(source, path) for path in sources], check=True)


def files(sources, **more):
    """The same as {path: bytes}, for folders of functions."""
    out = {}
    base = folder(sources, **more)
    for here, _, names in os.walk(base):
        for name in names:
            path = os.path.join(here, name)
            with open(path, 'rb') as f:
                out[os.path.relpath(path, base)] = f.read()
    return out
