#!/usr/bin/python3
"""Every directive, setting and variable has its entry in the reference, and
the reference has no others; links between documents lead somewhere."""

import glob
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from faas_e2e import TOP, Tap                                  # noqa: E402

MODULE = os.path.join(TOP, 'ngx_faas_module')


def read(*parts):
    with open(os.path.join(*parts)) as f:
        return f.read()


def sources():
    return '\n'.join(read(p) for p in glob.glob(os.path.join(MODULE, '*.c')))


def documents():
    for folder, dirs, files in os.walk(TOP):
        dirs[:] = [d for d in dirs if d not in ('.git', 'build')]
        for name in files:
            if name.endswith('.md'):
                yield os.path.join(folder, name)


def dead_links(path):
    for target in re.findall(r'\]\(([^)#\s]+)[^)]*\)', read(path)):
        if not re.match(r'[a-z]+:', target) and not os.path.exists(
                os.path.join(os.path.dirname(path), target)):
            yield '%s: %s' % (os.path.relpath(path, TOP), target)


with Tap() as tap:
    code = sources()
    reference = read(MODULE, 'README.md')
    headings = set(re.findall(r'^#+\s+`?\$?([a-z_]+)`?', reference, re.M))

    directives = set(re.findall(
        r'\{ ngx_string\("(faas_[a-z_]+)"\),\s+(?:NGX_|ngx_)', code))
    tap.ok(len(directives) > 10, 'the command table is found')
    tap.equal(sorted(directives - headings), [],
              'each directive has a heading in the reference')

    documented = {h for h in headings if h.startswith('faas_')}
    variables = set(re.findall(
        r'\{ ngx_string\("(faas_[a-z_]+)"\), (?:NULL|ngx_http_faas_\w*var)',
        code))
    tap.equal(sorted(v for v in variables if '$' + v not in reference), [],
              'each variable is in the reference')
    tap.equal(sorted(documented - directives - variables), [],
              'the reference describes nothing that does not exist')

    settings = re.findall(r'\{ ngx_string\("([a-z_]+)"\), '
                          r'ngx_http_faas_set_', code)
    tap.ok(len(settings) > 10, 'the settings of a function are found')
    tap.equal([s for s in settings if '`%s' % s not in reference], [],
              'each setting of faas_function is in the reference')

    tap.equal([d for p in documents() for d in dead_links(p)], [],
              'links lead to files')

    readme = read(TOP, 'README.md').splitlines()
    tap.ok(len(readme) <= 300, 'README.md has at most 300 lines')
