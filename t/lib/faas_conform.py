"""What the conformance suite expects of each runtime: the payloads of Lambda's
own (contract, sections 3 and 4), and where a runtime is another one."""

import os
import subprocess

import faas_java

from faas_e2e import BUILD, TOP
from faas_provided import Unavailable, built, copied, fetched

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      '../conformance')

MESSAGE = 'an "odd" \u00e9rror'

# what is sanitized takes more memory, and its leaks are looked for by others
SANITIZED = bool(os.environ.get('FAAS_SANITIZE'))
UNSEEN = 1 << 40

# of a killed one
KILLED = ('Runtime.ExitError', 'signal: killed')

ENDS = {
    'exit 0': ('Runtime.ExitError', 'Error: Runtime exited without providing '
               'a reason'),
    'exit 1': ('Runtime.ExitError', 'Error: Runtime exited with error: exit '
               'status 1'),
    'kill': ('Runtime.ExitError', 'Error: Runtime exited with error: signal: '
             'segmentation fault'),
}


def source(name):
    with open(os.path.join(FOLDER, name), encoding='utf-8') as f:
        return f.read()


class Runtime:
    """
    program: what has to be there; runtime, file, suffix: of the function; bad:
    code that is not valid, fails while it is loaded, takes too long for that;
    errors, ends: (type, message) of what the function does wrong, None: it does
    not fail; without: what the language cannot do; growth: bytes, of memory
    that is collected some time; client: the official one that runs it.
    """

    def __init__(self, program, runtime, suffix, bad, init, errors, ends=ENDS,
                 without=(), more='', handler='app.%s', growth=1 << 20,
                 client=None):
        self.program, self.runtime = program, runtime
        self.file = 'app' + suffix
        self.suffix = suffix
        self.bad, self.init, self.errors = bad, init, errors
        self.without, self.more = set(without), more
        self.handler = handler
        self.ends, self.growth, self.client = ends, growth, client
        self.memory = 256 if runtime == 'java' else 128
        if os.geteuid() != 0:
            # each process has its own limit, and finds out by itself
            self.memory = 512
            self.errors = {k: v for k, v in errors.items()
                           if k != 'memory' and v != KILLED}
        if SANITIZED and (client or runtime == 'bash'):
            self.memory, self.growth = 512, UNSEEN
            self.init = {k: v for k, v in init.items() if k != 'throws'}

    def installed(self):
        return os.access(self.program, os.X_OK) and (
            self.runtime != 'java' or faas_java.lacking() is None)

    def named(self, name, file=None):
        """The handler NAME, of another file than the usual one."""
        text = self.handler % name if '%' in self.handler else self.handler
        if file is None:
            return text
        return file + text[len('app'):]

    def files(self):
        if self.runtime == 'java':
            return {}
        if self.runtime == 'native':
            return {'app': (compiled(), 0o755)}
        files = {self.file: source(self.file)}
        for name, text in self.bad.items():
            files[name + self.suffix] = text
        return files


PYTHON_BAD = {
    'syntax': 'def handler(:\n',
    'throws': 'raise KeyError("while loading")\n',
    'slow': 'import time\ntime.sleep(60)\n\ndef handler(e, c):\n    pass\n'}
PYTHON_INIT = {
    'syntax': ('Runtime.UserCodeSyntaxError',
               "Syntax error in module 'syntax'"),
    'throws': ('KeyError', 'while loading'),
    'nothing': ('Runtime.HandlerNotFound',
                "Handler 'nothing' missing on module 'app'")}
PYTHON_ERRORS = {
    'throw': ('Odd', MESSAGE), 'throw_later': None,
    'stack': ('RecursionError', 'maximum recursion depth exceeded'),
    'memory': KILLED}

NODE_BAD = {
    'syntax': 'exports.handler = (;\n',
    'throws': 'throw new RangeError("while loading");\n',
    'slow': 'exports.handler = () => {};\n'
            'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0,'
            ' 60000);\n'}
NODE_INIT = {
    'syntax': ('Runtime.UserCodeSyntaxError', 'SyntaxError: '),
    'throws': ('RangeError', 'while loading'),
    'nothing': ('Runtime.HandlerNotFound',
                'app.nothing is undefined or not exported')}
# abort() of the first process of a namespace is a fault
NODE_ENDS = dict(ENDS, kill=('Runtime.ExitError',
                             'Error: Runtime exited with error: signal: '))
NODE_ERRORS = {
    'throw': ('Odd', MESSAGE), 'throw_later': ('Odd', 'later'),
    'stack': ('RangeError', 'Maximum call stack size exceeded'),
    'memory': KILLED}

ALL = {
    'python3': Runtime('/usr/bin/python3', 'python3', '.py', PYTHON_BAD,
                       PYTHON_INIT, PYTHON_ERRORS),

    'nodejs': Runtime('/usr/bin/node', 'nodejs', '.js', NODE_BAD, NODE_INIT,
                      NODE_ERRORS, ends=NODE_ENDS, growth=8 << 20),

    'ruby': Runtime('/usr/bin/ruby', 'ruby', '.rb', {
        'syntax': 'def handler(\n',
        'throws': 'raise KeyError, "while loading"\n',
        'slow': 'sleep 60\ndef handler(event:, context:) = nil\n',
    }, {
        'syntax': ('Init<SyntaxError>', 'syntax error'),
        'throws': ('Init<KeyError>', 'while loading'),
        'nothing': ('Runtime.HandlerNotFound',
                    "Handler 'nothing' missing in file 'app.rb'"),
    }, {
        'throw': ('Function<Odd>', MESSAGE),
        'throw_later': ('Function<Odd>', 'later'),
        'stack': ('Function<SystemStackError>', 'stack level too deep'),
        'memory': KILLED,
    }),

    'php': Runtime('/usr/bin/php', 'php', '.php', {
        'syntax': '<?php function handler( {\n',
        'throws': '<?php throw new DomainException("while loading");\n',
        'slow': '<?php sleep(60); return fn() => null;\n',
    }, {
        'syntax': ('Runtime.UserCodeSyntaxError', 'syntax error'),
        'throws': ('DomainException', 'while loading'),
        'nothing': ('Runtime.HandlerNotFound', 'nothing'),
    }, {
        'throw': ('Odd', MESSAGE),
        # a recursion is in memory, not on the stack
        'stack': KILLED, 'memory': KILLED,
    }, without=['empty objects']),

    'perl': Runtime('/usr/bin/json_pp', 'perl', '.pl', {
        'syntax': 'sub handler {\n',
        'throws': 'die "while loading\\n";\n',
        'slow': 'sleep 60;\nsub handler { }\n1;\n',
    }, {
        'syntax': ('Runtime.UserCodeSyntaxError', 'Missing right curly'),
        'throws': ('Error', 'while loading'),
        'nothing': ('Runtime.HandlerNotFound', 'nothing'),
    }, {
        'throw': ('Error', MESSAGE),
        'stack': KILLED, 'memory': KILLED,
    }),

    'lua': Runtime('/usr/bin/luajit', 'lua', '.lua', {
        'syntax': 'return function(\n',
        'throws': 'error("while loading", 0)\n',
        'slow': 'os.execute("sleep 60")\nreturn { handler = print }\n',
    }, {
        'syntax': ('Runtime.UserCodeSyntaxError', 'expected near'),
        'throws': ('Error', 'while loading'),
        'nothing': ('Runtime.HandlerNotFound', 'nothing'),
    }, {
        'throw': ('Error', MESSAGE),
        'stack': ('Error', 'stack overflow'), 'memory': KILLED,
    }),

    # a shell for each invocation: what it does does not end the environment
    'bash': Runtime('/bin/bash', 'bash', '.sh', {
        'syntax': 'handler() {\n',
        'throws': 'echo while loading >&2\nexit 5\n',
        'slow': 'sleep 60\nhandler() { :; }\n',
    }, {
        'syntax': ('Runtime.UserCodeSyntaxError', 'Syntax error in'),
        'throws': ('Runtime.ExitError', 'exit status 5'),
        'nothing': ('Runtime.HandlerNotFound', 'nothing'),
    }, {
        'throw': ('ExitError', 'exit status 7: ' + MESSAGE),
        'memory': ('ExitError', 'signal'),
    }, ends={'exit 0': None, 'exit 1': ('ExitError', 'exit status 1'),
             'kill': ('ExitError', 'signal')},
        without=['stream', 'stdout', 'execution env']),

    'native': Runtime('/usr/bin/cc', 'native', '', {}, {}, {
        'throw': ('Odd', MESSAGE),
        'stack': ('Runtime.ExitError', 'signal: segmentation fault'),
        'memory': KILLED,
    }, without=['stdout', 'execution env'], handler='app'),

    # a heap that is collected when it is full, threads as it needs them
    'java': Runtime('/usr/bin/java', 'java', '.java', {
        'Throws': '''
public class Throws {
    static int n = Integer.parseInt("while loading");
    public Object handler(Object event) { return n; }
}
''',
        'Slow': '''
public class Slow {
    public Slow() throws Exception { Thread.sleep(60000); }
    public Object handler(Object event) { return event; }
}
''',
    }, {
        'Throws': ('java.lang.ExceptionInInitializerError',
                   'Error loading class Throws'),
        'nothing': ('java.lang.NoSuchMethodException',
                    'No public method named nothing with appropriate'),
    }, {
        'throw': ('App$Odd', MESSAGE), 'throw_later': None,
        'stack': ('java.lang.StackOverflowError', ''),
        'memory': ('java.lang.OutOfMemoryError', 'Java heap space'),
    }, ends=dict(ENDS, kill=('Runtime.ExitError',
                             'Error: Runtime exited with error: ')),
        without=['stream', 'execution env'],
        handler='App::%s', growth=128 << 20),

    # Lambda's own clients, of the same functions
    'ric-python': Runtime('/usr/bin/python3', 'python3', '.py', PYTHON_BAD,
                          PYTHON_INIT, PYTHON_ERRORS, without=['stream'],
                          more='official_client on;', client='python'),

    'ric-node': Runtime('/usr/bin/node', 'nodejs', '.js', NODE_BAD, NODE_INIT,
                        NODE_ERRORS, ends=NODE_ENDS, growth=8 << 20,
                        more='official_client on;', client='node'),
}


def compiled():
    """The function in C, or None."""
    path = os.path.join(BUILD, 'clients')
    os.makedirs(path, exist_ok=True)
    path = os.path.join(path, 'conformance-%d' % os.getpid())
    done = subprocess.run(
        ['cc', '-O1', '-Wall', '-Wextra', '-fno-optimize-sibling-calls',
         '-Wno-infinite-recursion', '-I', os.path.join(TOP, 'runtime/libfaas'),
         '-o', path, os.path.join(FOLDER, 'app.c'),
         os.path.join(BUILD, 'libfaas/libfaas.a'), '-pthread'])
    if done.returncode:
        raise RuntimeError('app.c does not compile')
    with open(path, 'rb') as f:
        program = f.read()
    os.unlink(path)
    return program


def code(name, runtime):
    """The setting "code", and why there is none."""
    if runtime.runtime == 'java':
        return faas_java.folder(dict(
            {'App.java': source('App.java')},
            **{bad + '.java': text for bad, text in runtime.bad.items()})), \
            None
    if runtime.client is None:
        return '{functions}/' + name, None
    try:
        return built('conformance-' + name, runtime.files(),
                     copied(runtime.client), fetched), None
    except Unavailable as e:
        return None, str(e)


def installed():
    return {name: r for name, r in ALL.items() if r.installed()}
