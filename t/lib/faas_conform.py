"""What the conformance suite expects of each runtime: the payloads of Lambda's
own (contract, sections 3 and 4), and where a runtime is another one."""

import os
import subprocess

import faas_clients
import faas_java
import faas_mono

from faas_e2e import BUILD, TOP
from faas_provided import CLIENTS, Unavailable, built, copied, fetched

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


# the runtime of what brings its own client
PROVIDED = 'provided.al2023'

# runtimes whose functions are compiled by the tests
SOURCES = {'java': faas_java, 'mono': faas_mono}


def source(name):
    with open(os.path.join(FOLDER, name), encoding='utf-8') as f:
        return f.read()


class Runtime:
    """
    program: what has to be there; runtime, file, suffix: of the function; bad:
    code that is not valid, fails while it is loaded, takes too long for that;
    errors, ends: (type, message) of what the function does wrong, None: it does
    not fail; without: what the language cannot do; growth: bytes, of memory
    that is collected some time; client: the official one that runs it; heap:
    of that of Java; prelude: what comes before a stream; gone: {error: does it
    end the process, too?}; left_out: {case: why it has none}; alarming: a
    pattern of lines that its language logs.
    """

    def __init__(self, program, runtime, suffix, bad, init, errors, ends=ENDS,
                 without=(), handler='app.%s', growth=1 << 20,
                 client=None, memory=128, heap=None, prelude=b'', gone=None,
                 left_out=None, alarming=None):
        self.program, self.runtime = program, runtime
        self.file = 'app' + suffix
        self.suffix = suffix
        self.bad, self.init, self.errors = bad, init, errors
        self.without, self.handler = set(without), handler
        self.ends, self.growth, self.client = ends, growth, client
        self.prelude, self.gone = prelude, gone or {}
        self.left_out = left_out or {}
        self.memory, self.heap, self.alarming = memory, heap, alarming
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
            self.runtime not in SOURCES
            or SOURCES[self.runtime].lacking() is None)

    def named(self, name, file=None):
        """The handler NAME, of another file than the usual one."""
        text = self.handler % name if '%' in self.handler else self.handler
        if file is None:
            return text
        return file + text[len('app'):]

    def more(self, handler):
        """Other settings."""
        if self.heap is None:
            return 'official_client on;' if self.client in CLIENTS else ''
        return 'command %s;' % faas_clients.java_command(handler, self.heap)

    def files(self):
        if self.suffix == '.java':
            return dict({'App.java': source('App.java')},
                        **{bad + '.java': text
                           for bad, text in self.bad.items()})
        if self.suffix == '.cs':
            return dict({'app': source('app.cs')}, **self.bad)
        if self.runtime == 'native':
            return {'app': (compiled(), 0o755)}
        files = {self.file: source(self.file)}
        if self.client not in COMPILED:
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

JAVA_BAD = {
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
'''}

# errors of the JVM itself end it
JAVA_GONE = {'throw': False, 'stack': True}
JAVA_INIT = {
    # what the JVM throws, and not its cause
    'Throws': ('java.lang.ExceptionInInitializerError',
               'Error loading class Throws'),
    'nothing': ('java.lang.NoSuchMethodException',
                'No public method named nothing with appropriate method '
                'signature found on class App')}

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
    'java': Runtime('/usr/bin/java', 'java', '.java', JAVA_BAD, JAVA_INIT, {
        'throw': ('App$Odd', MESSAGE), 'throw_later': None,
        'stack': ('java.lang.StackOverflowError', ''),
        'memory': ('java.lang.OutOfMemoryError', 'Java heap space'),
    }, ends=dict(ENDS, kill=('Runtime.ExitError',
                             'Error: Runtime exited with error: ')),
        without=['stream', 'execution env'],
        handler='App::%s', growth=128 << 20, memory=256, gone=JAVA_GONE),

    # as on Lambda an exception of a thread ends the process
    'mono': Runtime('/usr/bin/mono', 'mono', '.cs', {
        'throws': '''
public class App
{
    static int n = int.Parse("while loading");
    public int handler(object e) { return n; }
}
''',
        'slow': '''
public class App
{
    public App() { System.Threading.Thread.Sleep(60000); }
    public object handler(object e) { return e; }
}
''',
    }, {
        # what the runtime throws, and not its cause
        'throws': ('TypeInitializationException', "initializer for 'App'"),
        'nothing': ('LambdaValidationException', "Unable to find method "
                    "'nothing' in type 'App' from assembly 'app'"),
    }, {
        'throw': ('Odd', MESSAGE), 'throw_later': ENDS['exit 1'],
        # no handler of exceptions gets that one
        'stack': ENDS['exit 1'], 'memory': KILLED,
    }, ends=dict(ENDS, kill=('Runtime.ExitError',
                             'Error: Runtime exited with error: ')),
        without=['stream'], handler='app::App::%s', growth=16 << 20,
        gone={'throw': False}),

    # Lambda's own clients, of the same functions
    'ric-python': Runtime('/usr/bin/python3', 'python3', '.py', PYTHON_BAD,
                          PYTHON_INIT, PYTHON_ERRORS, without=['stream'],
                          client='python'),

    'ric-node': Runtime('/usr/bin/node', 'nodejs', '.js', NODE_BAD, NODE_INIT,
                        NODE_ERRORS, ends=NODE_ENDS, growth=8 << 20,
                        client='node'),
}

# Official clients of compiled languages. What an error looks like is theirs
# (contract, 3.6); what each entry says is in the client's source, and why it is
# another one than that of the runtimes above is said here.

LEFT_OUT = {
    'init: syntax': 'the compiler finds it',
    'init: nothing': 'the handler is any text, and the program is there'}
ABORTED = ('Runtime.ExitError',
           'Error: Runtime exited with error: signal: aborted')
# a panic that nobody catches, in Go
STATUS_2 = ('Runtime.ExitError',
            'Error: Runtime exited with error: exit status 2')

GO_ERRORS = {
    # the type behind the pointer
    'throw': ('Odd', MESSAGE), 'plain': ('errorString', MESSAGE),
    # the type of what is given to panic(); the client ends the process
    'panic': ('string', MESSAGE),
    # of another goroutine than the client's: not reported
    'throw_later': STATUS_2,
    # a stack grows until the memory is used up
    'stack': KILLED, 'memory': KILLED}
# Go makes a panic of a fault, which the client reports
GO_ENDS = dict(ENDS, kill=('errorString', 'invalid memory address'))
# outside of invocations the client does not report one
GO_INIT = {'throws': STATUS_2}

RUST_ERRORS = {
    # that type names itself, others are named as the boxes they come in
    'throw': ('Odd', MESSAGE),
    'plain': ('&alloc::boxed::Box<dyn core::error::Error + '
              'core::marker::Send + core::marker::Sync>', MESSAGE),
    # caught by the client, which goes on
    'panic': ('&alloc::boxed::Box<dyn core::any::Any + core::marker::Send>',
              'Lambda panicked: ' + MESSAGE),
    # a panic of another task ends that one
    'throw_later': None,
    # Rust's own handler of that fault aborts
    'stack': ABORTED, 'memory': KILLED}
# main() returns an error
RUST_INIT = {'throws': ENDS['exit 1']}
# that of its client, always, which InvokeWithResponseStream does not read
RUST_PRELUDE = (b'{"statusCode":200,"headers":{"content-type":'
                b'"application/octet-stream"},"cookies":[]}' + bytes(8))

CPP_ERRORS = {
    # failure() of the client takes bytes beyond ASCII for negative numbers, of
    # which it keeps the first digits
    'throw': ('Odd', 'an "odd" \uffff\uffffrror'),
    # a body of one's own is not changed
    'plain': ('Odd', MESSAGE),
    # the client catches nothing
    'panic': ABORTED, 'throw_later': ABORTED,
    'stack': ENDS['kill'], 'memory': KILLED}
# the program sends that to init/error
CPP_INIT = {'throws': ('Odd', 'while loading')}

# found by the client itself: no exception, and so no type
JAVA_CLIENT_INIT = dict(JAVA_INIT, nothing=(None, JAVA_INIT['nothing'][1]))

# these programs are told by their handler
PROGRAM = {'throws': None, 'slow': None}

ALL.update({
    'ric-go': Runtime('/bin/sh', PROVIDED, '.go', PROGRAM, GO_INIT, GO_ERRORS,
                      ends=GO_ENDS, without=['execution env'], client='go',
                      gone={'throw': False, 'panic': True}, left_out=LEFT_OUT,
                      alarming='runtime error: invalid memory address'),

    'ric-rust': Runtime('/bin/sh', PROVIDED, '.rs', PROGRAM, RUST_INIT,
                        RUST_ERRORS, without=['execution env'], client='rust',
                        prelude=RUST_PRELUDE, left_out=LEFT_OUT,
                        gone={'throw': False, 'panic': False},
                        alarming='fatal runtime error: stack overflow'),

    'ric-java': Runtime('/usr/bin/java', PROVIDED, '.java', JAVA_BAD,
                        JAVA_CLIENT_INIT, ALL['java'].errors,
                        ends=ALL['java'].ends,
                        without=['stream', 'execution env'],
                        handler='App::%s', memory=512, heap=128,
                        client='java', gone=JAVA_GONE, left_out={
                            'init: syntax': 'the compiler finds it',
                            'stream': 'the client has none'}),

    'ric-cpp': Runtime('/bin/sh', PROVIDED, '.cpp', PROGRAM, CPP_INIT,
                       CPP_ERRORS, without=['stream', 'execution env'],
                       client='cpp', gone={'throw': False}, left_out=dict(
                           LEFT_OUT, stream='the client has none')),
})

# their code, of files
COMPILED = {
    'go': lambda files: faas_clients.go(
        'conformance-go', {'main.go': files['app.go']}, fetched),
    'rust': lambda files: faas_clients.rust(
        'conformance-rust', {'app': files['app.rs']}, fetched) + '/app',
    'java': lambda files: faas_clients.java('conformance-java', files,
                                            fetched),
    'cpp': lambda files: faas_clients.cpp('conformance-cpp', files['app.cpp'],
                                          fetched),
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
    if runtime.runtime in SOURCES:
        return SOURCES[runtime.runtime].folder(runtime.files()), None
    if runtime.client is None:
        return '{functions}/' + name, None
    try:
        if runtime.client in COMPILED:
            return COMPILED[runtime.client](runtime.files()), None
        return built('conformance-' + name, runtime.files(),
                     copied(runtime.client), fetched), None
    except Unavailable as e:
        return None, str(e)


def installed():
    return {name: r for name, r in ALL.items() if r.installed()}
