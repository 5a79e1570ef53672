#!/usr/bin/env python3
"""Prints the machine's own package sources for another suite.

usage: apt_sources.py SUITE deb|deb-src

Reads what apt reads (sources.list, sources.list.d), picks the entries for
the distribution's own archive and prints them as deb822 stanzas, best
candidate first, with the suite and the type replaced and every option kept
(key ring, trust, architectures).  Nothing of the machine is changed.
"""

import glob
import os
import re
import sys

ETC = os.environ.get('FAAS_ETC_APT', '/etc/apt')

ONE_LINE = re.compile(r'^(deb|deb-src)\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)'
                      r'((?:\s+[^#\s]+)*)')

# options of the one-line form whose deb822 names differ
RENAMED = {'arch': 'Architectures', 'lang': 'Languages', 'target': 'Targets'}


def codename():
    with open('/etc/os-release') as f:
        for line in f:
            if line.startswith('VERSION_CODENAME='):
                return line.split('=', 1)[1].strip().strip('"')
    return 'sid'


def one_line(path):
    with open(path) as f:
        for line in f:
            m = ONE_LINE.match(line.strip())
            if not m:
                continue
            fields = {}
            for option in (m.group(2) or '').split():
                key, _, value = option.partition('=')
                key = RENAMED.get(key, key)
                fields[key] = value.replace(',', ' ')
            fields.update(Types=m.group(1), URIs=m.group(3),
                          Suites=m.group(4), Components=m.group(5).strip())
            yield fields


def deb822(path):
    with open(path) as f:
        stanzas = re.split(r'\n\s*\n', f.read())

    for stanza in stanzas:
        fields, key = {}, None
        for line in stanza.splitlines():
            if line.startswith('#'):
                continue
            if line[:1] in ' \t' and key:
                fields[key] += '\n' + line
            elif ':' in line:
                key, _, value = line.partition(':')
                fields[key] = value.strip()
        if 'URIs' in fields:
            yield fields


def entries():
    for path in [os.path.join(ETC, 'sources.list')] \
            + sorted(glob.glob(os.path.join(ETC, 'sources.list.d/*.list'))):
        if os.path.exists(path):
            yield from one_line(path)

    for path in sorted(glob.glob(os.path.join(ETC,
                                              'sources.list.d/*.sources'))):
        yield from deb822(path)


def candidates():
    """The archive's URIs with their options, /debian first."""
    suites = {codename(), 'stable', 'testing', 'unstable', 'sid'}
    found, seen = [], set()

    for fields in entries():
        if fields.get('Enabled', 'yes').lower() in ('no', 'false', '0'):
            continue
        if not suites & set(fields.get('Suites', '').split()):
            continue
        if 'main' not in fields.get('Components', '').split():
            continue
        for uri in fields['URIs'].split():
            if uri not in seen:
                seen.add(uri)
                found.append((uri, fields))

    found.sort(key=lambda c: not c[0].rstrip('/').endswith('/debian'))
    return found


def main():
    suite, kind = sys.argv[1:3]
    target = 'Packages' if kind == 'deb' else 'Sources'

    for uri, fields in candidates():
        out = dict(fields)
        out.update(Types=kind, URIs=uri, Suites=suite, Components='main',
                   Targets=target, Languages='none')
        out.pop('Enabled', None)
        for key, value in out.items():
            print('%s: %s' % (key, value))
        print()


if __name__ == '__main__':
    main()
