"""Owns http integrations: the named locations that their routes lead to.

nginx takes no path after the address in a named location, so what the
integration makes of the path is a rewrite.
"""

import re

from .nginxtext import milliseconds, quoted, unfit, word

URL = re.compile(r'(https?)://([A-Za-z0-9._-]+(?::[0-9]+)?|'
                 r'\[[0-9A-Fa-f:.]+\](?::[0-9]+)?)(/[^\s]*)?\Z', re.I)
PARAMETER = re.compile(r'\{([^{}+]+)\+?\}')


class BadUrl(Exception):
    pass


class Upstreams:
    """locations: lines of each location by its name, in order."""

    def __init__(self, name, prefixes):
        self.name = name
        self.prefixes = [p for p in prefixes if p.strip('/')]
        self.locations = {}

    def add(self, path, url, mapping, method=None, timeout=None):
        """The name of the location that sends path to url.

        mapping: names in the URL to names in the path; path is None for
        $default."""
        m = URL.match(url)
        if not m or unfit(url):
            raise BadUrl('not an address: "%s"' % url)

        lines = self.rewrite(path, m.group(3) or '', mapping)
        if method:
            lines.append('proxy_method %s;' % word(method))
        lines.append('proxy_pass %s://%s;' % (m.group(1).lower(),
                                              m.group(2)))
        if m.group(1).lower() == 'https':
            lines.append('proxy_ssl_server_name on;')
        if timeout:
            lines.append('proxy_read_timeout %s;' % milliseconds(timeout))

        for name, known in self.locations.items():
            if known == lines:
                return name
        name = '@%s_%d' % (self.name, len(self.locations) + 1)
        self.locations[name] = lines
        return name

    def rewrite(self, path, target, mapping):
        if re.search(r'[$%\\;"\']', target):
            raise BadUrl('a path that no rewrite gives: "%s"' % target)

        prefix = ''.join('(?:%s)?' % literal(p.rstrip('/'))
                         for p in self.prefixes)
        if path is None:
            base = target.rstrip('/')
            if PARAMETER.search(base) or '?' in base:
                raise BadUrl('a path that $default does not give: "%s"'
                             % target)
            if not prefix and not base:
                return []
            return [rewrite('^%s(.*)$' % prefix, base + '$1')]

        pattern, names = '', []
        for part in re.split(r'(\{[^{}]+\})', path):
            if PARAMETER.fullmatch(part):
                names.append(PARAMETER.fullmatch(part).group(1))
                pattern += '(.+)' if part.endswith('+}') else '([^/]+)'
            else:
                pattern += literal(part)

        def capture(m):
            name = mapping.get(m.group(1), m.group(1))
            if name not in names[:9]:
                raise BadUrl('"{%s}" is not in the path' % m.group(1))
            return '$%d' % (names.index(name) + 1)

        to = PARAMETER.sub(capture, target or '/')
        if re.search('[{}]', to):
            raise BadUrl('not a path: "%s"' % target)
        if not prefix and to == PARAMETER.sub(capture_own(names), path):
            return []
        return [rewrite('^%s%s$' % (prefix, pattern), to)]


def capture_own(names):
    return lambda m: '$%d' % (names.index(m.group(1)) + 1)


def literal(text):
    return re.sub(r'[][\\.^$|?*+(){}]', r'\\\g<0>', text)


def rewrite(pattern, target):
    return 'rewrite %s %s break;' % (quoted(pattern), quoted(target))
