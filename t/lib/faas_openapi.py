"""Small documents, what faasctl makes of them, and nginx's reading of it."""

import os
import re
import subprocess
import tempfile

LIB = os.path.dirname(os.path.abspath(__file__))
FAASCTL = os.path.join(LIB, '..', '..', 'util', 'faasctl')
NGINX = os.environ.get('TEST_NGINX_BINARY', '/usr/sbin/nginx')

URI = ('arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/'
       'arn:aws:lambda:eu-west-1:123456789012:function:%s/invocations')
REFUSED = (r'return 501 "{\"message\":\"Not Implemented\"}" '
           'type=application/json')


class Result:
    def __init__(self, process):
        self.status = process.returncode
        self.out = process.stdout.decode()
        self.reports = process.stderr.decode().splitlines()

    @property
    def block(self):
        """The faas_api block, its first line and its last left out."""
        m = re.search(r'^faas_api \S+ \{\n(.*?)^\}', self.out, re.M | re.S)
        return [' '.join(s.split(None, 1)) for s in
                (m.group(1).splitlines() if m else [])]

    @property
    def routes(self):
        return [s[len('route '):-1] for s in self.block
                if s.startswith('route ')]

    @property
    def rest(self):
        return self.out[self.out.index('\n}\n') + 3:]


def faasctl(*args, cwd=None, program=FAASCTL):
    return Result(subprocess.run([program, *args], cwd=cwd,
                                 stdin=subprocess.DEVNULL,
                                 capture_output=True, timeout=60))


def run(text, *args, name='api.yaml', **files):
    """faasctl openapi on a document; files: others beside it."""
    with tempfile.TemporaryDirectory() as folder:
        for key, content in {name: text, **files}.items():
            with open(os.path.join(folder, key.replace('__', '.')),
                      'wb') as f:
                f.write(content if isinstance(content, bytes)
                        else content.encode())
        return faasctl('openapi', name, *args, cwd=folder)


def document(paths, top=''):
    """paths begin in line 4."""
    return 'openapi: 3.0.1\ninfo: {title: t}\npaths:\n' + paths + top


def operation(integration, path='/a', more='', method='get'):
    """The integration in flow style is in line 7, more in line 6."""
    return '  %s:\n    %s:\n%s\n      x-amazon-apigateway-integration: %s\n' \
        % (path, method, more or '      summary: x', integration)


def lambda_(uri, more=''):
    return '{type: aws_proxy, uri: %s%s}' % (uri, more)


def tokens(text):
    """Words of directives as nginx reads them: a list for each directive."""
    out, words, n = [], [], 0
    while n < len(text):
        c = text[n]
        if c in ' \n':
            n += 1
        elif c in ';{}':
            out.append(words + ([c] if c != ';' else []))
            words, n = [], n + 1
        elif c == '#':
            n = text.index('\n', n)
        else:
            m = re.compile(r'"((?:[^"\\]|\\.)*)"(?=[ ;])|'
                           r'((?:[^\s;{"\\]|\\.|(?<=\$)\{)+)',
                           re.S).match(text, n)
            word = m.group(1) if m.group(1) is not None else m.group(2)
            words.append(re.sub(r'\\(["\\nrt\'])', lambda e: {
                'n': '\n', 'r': '\r', 't': '\t'}.get(e.group(1), e.group(1)),
                word))
            n = m.end()
    return out


def nginx_takes(text):
    """What nginx says of the words; None when it is content."""
    with tempfile.TemporaryDirectory() as folder:
        conf = os.path.join(folder, 'nginx.conf')
        with open(conf, 'w') as f:
            f.write('pid %s/pid; error_log stderr; events {} http { '
                    'access_log off; types_hash_bucket_size 8192; %s }'
                    % (folder, text))
        p = subprocess.run([NGINX, '-t', '-q', '-p', folder, '-c', conf],
                           stderr=subprocess.PIPE)
    return None if p.returncode == 0 else p.stderr.decode()
