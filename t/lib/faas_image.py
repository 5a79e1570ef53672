"""Container images for tests, made without any tool for them: layers of what
this machine has, an OCI layout of them (a folder or an archive), and what
"docker save" writes.
"""

import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import sysconfig
import tarfile

ARCH = {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(os.uname().machine, '?')
LAYER = 'application/vnd.oci.image.layer.v1.tar'
MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
INDEX = 'application/vnd.oci.image.index.v1+json'

# tests run some of the standard library only
LEFT_OUT = re.compile(r'/(test|idlelib|lib2to3|ensurepip|distutils|tkinter|'
                      r'pydoc_data|dist-packages|__pycache__|config-[^/]+|'
                      r'turtledemo|unittest|sqlite3|curses|multiprocessing)$')


def sha(data):
    return hashlib.sha256(data).hexdigest()


def layer(entries):
    """A tar: (name, what, mode); what is bytes or text, None for a folder,
    ('link' or 'hard', target), ('dev', major, minor), or ('fifo',)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=tarfile.PAX_FORMAT) as t:
        for entry in entries:
            name, what = entry[:2]
            info = tarfile.TarInfo(name)
            info.mode = entry[2] if len(entry) > 2 else 0o644
            info.mtime = 1000000000
            data = None
            if what is None:
                info.type = tarfile.DIRTYPE
                info.mode = entry[2] if len(entry) > 2 else 0o755
            elif isinstance(what, tuple):
                info.type = {'link': tarfile.SYMTYPE, 'hard': tarfile.LNKTYPE,
                             'dev': tarfile.CHRTYPE,
                             'fifo': tarfile.FIFOTYPE}[what[0]]
                if what[0] == 'dev':
                    info.devmajor, info.devminor = what[1:]
                elif len(what) > 1:
                    info.linkname = what[1]
            else:
                data = what.encode() if isinstance(what, str) else what
                info.size = len(data)
            t.addfile(info, io.BytesIO(data) if data is not None else None)
    return out.getvalue()


def libraries(path):
    """What the program needs to be run: paths on this machine."""
    text = subprocess.run(['ldd', path], stdout=subprocess.PIPE, text=True,
                          check=False).stdout
    return sorted(set(re.findall(r'(/[^ ]+) \(0x', text)))


def programs(*paths):
    """Entries for programs and their libraries."""
    names = set(paths)
    for path in paths:
        names.update(libraries(path))
    found = []
    for name in sorted(names):
        with open(name, 'rb') as f:
            found.append((name[1:], f.read(), 0o755))
    return found


def python():
    """Entries for python3 with its library."""
    program = os.path.realpath('/usr/bin/python3')
    root = sysconfig.get_path('stdlib')
    names = [program]
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders
                      if not LEFT_OUT.search(os.path.join(folder, f))]
        names += [os.path.join(folder, f) for f in files
                  if f.endswith(('.py', '.so'))]
    entries = {}
    for name in names:
        with open(name, 'rb') as f:
            entries[name[1:]] = (name[1:], f.read(),
                                 0o755 if name == program else 0o644)
        if name == program or name.endswith('.so'):
            for lib in libraries(name):
                with open(lib, 'rb') as f:
                    entries[lib[1:]] = (lib[1:], f.read(), 0o755)
    return list(entries.values()) + [
        ('usr/bin/python3', ('link', os.path.basename(program)))]


def packed(data, how):
    if how == 'gzip':
        return gzip.compress(data, 1)
    if how == 'zstd':
        return subprocess.run(['zstd', '-q', '-1', '-c'], input=data,
                              stdout=subprocess.PIPE, check=True).stdout
    return data


class Image:
    """LAYERS are tars; CONFIG is the "config" of the configuration."""

    def __init__(self, layers, config, how='gzip', arch=ARCH):
        self.blobs = {}
        self.tars = layers
        self.config = json.dumps({
            'os': 'linux', 'architecture': arch, 'config': config,
            'rootfs': {'type': 'layers', 'diff_ids': [
                'sha256:' + sha(data) for data in layers]}}).encode()
        kinds = [how] * len(layers) if isinstance(how, str) else how
        self.manifest = {
            'schemaVersion': 2, 'mediaType': MANIFEST,
            'config': self.blob(
                'application/vnd.oci.image.config.v1+json', self.config),
            'layers': [self.blob(LAYER + ('+' + kind if kind else ''),
                                 packed(data, kind))
                       for data, kind in zip(layers, kinds)]}
        self.arch = arch

    def blob(self, kind, data):
        self.blobs['blobs/sha256/' + sha(data)] = data
        return {'mediaType': kind, 'digest': 'sha256:' + sha(data),
                'size': len(data)}

    def described(self):
        return dict(self.blob(MANIFEST, json.dumps(self.manifest).encode()),
                    platform={'os': 'linux', 'architecture': self.arch})

    def files(self, *others):
        """Of a layout; OTHERS are images for other machines."""
        index = [self.described()]
        if others:
            index += [image.described() for image in others]
            inner = {'schemaVersion': 2, 'mediaType': INDEX,
                     'manifests': index}
            index = [self.blob(INDEX, json.dumps(inner).encode())]
        files = {'oci-layout': b'{"imageLayoutVersion": "1.0.0"}',
                 'index.json': json.dumps({
                     'schemaVersion': 2, 'manifests': index}).encode()}
        for image in (self,) + others:
            files.update(image.blobs)
        return files

    def folder(self, path, *others):
        for name, data in self.files(*others).items():
            name = os.path.join(path, name)
            os.makedirs(os.path.dirname(name), exist_ok=True)
            with open(name + '.n', 'wb') as f:
                f.write(data)
            os.chmod(name + '.n', 0o644)
            os.rename(name + '.n', name)
        return path

    def archive(self, path, files=None):
        with tarfile.open(path + '.n', 'w') as t:
            for name, data in (files or self.files()).items():
                info = tarfile.TarInfo(name)
                if isinstance(data, tuple):
                    info.type, info.linkname = tarfile.SYMTYPE, data[0]
                    t.addfile(info)
                    continue
                info.size = len(data)
                t.addfile(info, io.BytesIO(data))
        os.rename(path + '.n', path)
        return path

    def saved(self, path):
        """As "docker save" did it, with its list at the end."""
        files, names, seen = {}, [], {}
        for i, data in enumerate(self.tars):
            name = '%s/layer.tar' % sha(b'%d' % i + data)
            names.append(name)
            if data in seen:
                files[name] = ('../' + seen[data],)
            else:
                files[name] = data
                seen[data] = name
        config = sha(self.config) + '.json'
        files[config] = self.config
        files['manifest.json'] = json.dumps([{
            'Config': config, 'RepoTags': ['test:1'],
            'Layers': names}]).encode()
        return self.archive(path, files)
