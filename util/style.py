#!/usr/bin/env python3
"""Checks the style of the sources; prints FILE:LINE: MESSAGE, exits with 1
when there was something to say.

usage: style.py [FILE ...]      default: all files of the project

All files: at most 80 columns, no trailing blanks, no tabs (but in
Makefiles), a newline at the end, no paths of a developer's machine.
C: also no // comments, a header comment, at most 600 lines, functions of at
most 60 lines whose name starts a line, two blank lines between functions.
Java, C#: also no // comments, a header comment, at most 600 lines.
"""

import os
import re
import subprocess
import sys

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '..'))

MAX_COLUMNS = 80
MAX_FILE = 600
MAX_FUNCTION = 60

TEXT = {'.c', '.h', '.py', '.pm', '.t', '.sh', '.js', '.mjs', '.cjs', '.conf',
        '.php', '.java', '.cs', '.md', ''}
SKIP_DIRS = {'.git', 'build', '__pycache__', 'servroot'}

# long lines that cannot be broken: tables and addresses in documents
LONG_OK = re.compile(r'^\s*\||https?://|^\s*code\s+/usr/share/doc/')

MACHINE = re.compile(r'(?<![\w.])/(?:root|home/\w+)/')


class Checker:
    def __init__(self):
        self.count = 0

    def say(self, path, line, message):
        self.count += 1
        print('%s:%d: %s' % (os.path.relpath(path, TOP), line, message))

    def text(self, path, lines):
        makefile = os.path.basename(path) == 'Makefile' \
            or path.endswith('.mk')

        for n, line in enumerate(lines, 1):
            # UTF-8 counts as one column a character; tables and the raw
            # requests and answers of tests cannot be folded
            if len(line) > MAX_COLUMNS and not LONG_OK.search(line) \
                    and not path.endswith(('.md', '.t')):
                self.say(path, n, '%d columns' % len(line))
            if line != line.rstrip():
                self.say(path, n, 'trailing blanks')
            if '\t' in line and not makefile:
                self.say(path, n, 'tab')
            if MACHINE.search(line):
                self.say(path, n, 'a path of one machine')

    def c(self, path, lines):
        if not lines or not lines[0].startswith('/*'):
            self.say(path, 1, 'no header comment')
        if len(lines) > MAX_FILE:
            self.say(path, len(lines), 'file of %d lines' % len(lines))

        plain = strip_c('\n'.join(lines)).split('\n')

        for n, line in enumerate(plain, 1):
            if '//' in line:
                self.say(path, n, '// comment')

        self.functions(path, lines, plain)

    def java(self, path, lines):
        if not lines[0].startswith('/*'):
            self.say(path, 1, 'no header comment')
        if len(lines) > MAX_FILE:
            self.say(path, len(lines), 'file of %d lines' % len(lines))
        for n, line in enumerate(strip_c('\n'.join(lines)).split('\n'), 1):
            if '//' in line:
                self.say(path, n, '// comment')

    def functions(self, path, lines, plain):
        """A body is what stands between "{" and "}" in column one."""
        start, last_end = None, None

        for n, line in enumerate(plain, 1):
            if line == '{':
                start = n
                head = find_head(plain, n)
                if not head:
                    continue
                self.head(path, lines, head, last_end)

            elif line.startswith('}') and start:
                if line == '}':
                    length = n - start - 1
                    if length > MAX_FUNCTION:
                        self.say(path, start, 'function of %d lines' % length)
                    last_end = n
                start = None

    def head(self, path, lines, head, last_end):
        """head: where the declaration begins, the return type's line."""
        if last_end is None:
            return

        # a comment may precede the function
        n = head - 1
        while n > last_end and lines[n - 1].strip() != '' \
                and re.match(r'\s*(/\*|\*|.*\*/)', lines[n - 1]):
            n -= 1
        while n > last_end and lines[n - 1] == '':
            n -= 1

        if n == last_end:
            blank, first = 0, last_end + 1
            while lines[first - 1] == '':
                blank, first = blank + 1, first + 1
            if blank != 2:
                self.say(path, first,
                         '%d blank lines between functions' % blank)


def find_head(plain, n):
    """The first line of the declaration whose body opens in line n."""
    head = n - 1
    while head > 0 and plain[head - 1].strip() != '' \
            and not plain[head - 1].startswith(('#', '}')):
        head -= 1
    head += 1
    return head if head < n and '(' in ''.join(plain[head - 1:n - 1]) else 0


def strip_c(text):
    """Blanks out comments, strings and characters, keeps the lines."""
    def blank(m):
        s = m.group(0)
        if s.startswith('//'):
            return s
        return re.sub(r'[^\n]', ' ', s)

    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
                  blank, text, flags=re.S)


def files():
    """Tracked files and new ones that are not ignored."""
    try:
        out = subprocess.run(
            ['git', '-C', TOP, 'ls-files', '-co', '--exclude-standard'],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        names = out.stdout.decode().splitlines()
    except (OSError, subprocess.CalledProcessError):
        names = []
        for folder, dirs, found in os.walk(TOP):
            dirs[:] = [d for d in dirs if d not in SKIP_DIRS]
            names += [os.path.relpath(os.path.join(folder, f), TOP)
                      for f in found]

    return [os.path.join(TOP, n) for n in sorted(names)
            if os.path.splitext(n)[1] in TEXT]


def main():
    checker = Checker()

    for path in [os.path.abspath(p) for p in sys.argv[1:]] or files():
        if not os.path.isfile(path) or os.path.islink(path):
            continue
        with open(path, 'rb') as f:
            data = f.read()
        if b'\0' in data:
            continue
        try:
            text = data.decode()
        except UnicodeDecodeError:
            checker.say(path, 1, 'not UTF-8')
            continue
        if not text:
            continue
        if not text.endswith('\n'):
            checker.say(path, text.count('\n') + 1, 'no newline at the end')

        lines = text.split('\n')[:-1]
        checker.text(path, lines)
        if path.endswith(('.c', '.h')):
            checker.c(path, lines)
        elif path.endswith(('.java', '.cs')):
            checker.java(path, lines)

    return 1 if checker.count else 0


if __name__ == '__main__':
    sys.exit(main())
