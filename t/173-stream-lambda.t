#!/usr/bin/python3
"""InvokeWithResponseStream of functions that stream: messages come as the
function writes, also to the SDKs of AWS.
"""

import base64
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap, skip_all, wait_for      # noqa: E402
from faas_stream import Gate, Stream                           # noqa: E402

if not os.path.exists('/usr/bin/node'):
    skip_all('no node')

NODE = r'''
const fs = require('fs');

async function gate(name) {
    while (!fs.existsSync('/mnt/gate/' + name)) {
        await new Promise((done) => setTimeout(done, 5));
    }
}

exports.handler = awslambda.streamifyResponse(async (event, out) => {
    console.log('a line');
    if (event.head) {
        out = awslambda.HttpResponseStream.from(out, { statusCode: 201 });
    }
    if (event.type) {
        out.setContentType(event.type);
    }
    for (const text of event.write || []) {
        out.write(text);
    }
    if (event.gate) {
        await gate(event.gate);
        out.write('second');
    }
    if (event.raise) {
        throw Object.assign(new Error('m "q"'), { name: event.raise });
    }
    if (event.exit) {
        process.exit(event.exit);
    }
    if (event.hang) {
        await new Promise((done) => setTimeout(done, 30000));
    }
    if (event.size) {
        out.write('x'.repeat(event.size));
    }
    out.end();
});
'''

HTTP = '''
    log_format faas "$faas_function $status|$faas_status|$faas_error";

    faas_function f {
        runtime nodejs; handler index.handler; code {functions}/f;
        mount {dir}/gate /mnt/gate;
    }
    faas_function short {
        runtime nodejs; handler index.handler; code {functions}/f;
        mount {dir}/gate /mnt/gate; timeout 1s;
    }
'''

SERVER = '''
        access_log {dir}/faas.log faas;
        client_max_body_size 6m;
        location / { faas_lambda_api; faas_auth off; }
        location /max/ {
            faas_lambda_api; faas_auth off; faas_streaming_max 1000;
            faas_response_max 2000;
        }
'''

BOTO = r'''
import sys
import boto3
from botocore.config import Config

client = boto3.client(
    'lambda', region_name='us-east-1', endpoint_url=sys.argv[1],
    aws_access_key_id='a', aws_secret_access_key='b',
    config=Config(retries={'total_max_attempts': 1}))
r = client.invoke_with_response_stream(
    FunctionName='f', LogType='Tail',
    Payload=b'{"write":["first "],"gate":"boto"}')
for event in r['EventStream']:
    if 'PayloadChunk' in event:
        print(event['PayloadChunk']['Payload'].decode(), flush=True)
    else:
        print(sorted(event['InvokeComplete']), flush=True)
'''

SDK = r'''
const { LambdaClient, InvokeWithResponseStreamCommand } =
    require('@aws-sdk/client-lambda');

(async () => {
    const client = new LambdaClient({
        region: 'us-east-1', endpoint: process.argv[2], maxAttempts: 1,
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    });
    const r = await client.send(new InvokeWithResponseStreamCommand({
        FunctionName: 'f', LogType: 'Tail',
        Payload: '{"write":["first "],"gate":"sdk"}',
    }));
    for await (const e of r.EventStream) {
        console.log(e.PayloadChunk
            ? Buffer.from(e.PayloadChunk.Payload).toString()
            : String(Object.keys(e.InvokeComplete).sort()));
    }
})();
'''


class Invoke(Stream):
    """Messages as they come: (type, content type, payload)."""

    def __init__(self, port, event, function='f', prefix='', op='', tail=0):
        headers = [('X-Amz-Log-Type', 'Tail')] if tail else []
        super().__init__(
            port, prefix + (op or '/2021-11-15/functions/%s/'
                            'response-streaming-invocations') % function,
            'POST', headers=headers, body=json.dumps(event).encode())
        self.at = 0
        self.messages = []

    def read(self):
        while len(self.body) - self.at >= 12:
            data = self.body[self.at:]
            total, size, crc = struct.unpack('>III', data[:12])
            assert crc == zlib.crc32(data[:8])
            if len(data) < total:
                return
            assert struct.unpack('>I', data[total - 4:total])[0] \
                == zlib.crc32(data[:total - 4])
            head, fields = data[12:12 + size], {}
            while head:
                n = head[0]
                name, kind = head[1:n + 1].decode(), head[n + 1]
                assert kind == 7
                length = struct.unpack('>H', head[n + 2:n + 4])[0]
                fields[name] = head[n + 4:n + 4 + length].decode()
                head = head[n + 4 + length:]
            assert fields[':message-type'] == 'event'
            self.messages.append((fields[':event-type'],
                                  fields[':content-type'],
                                  data[12 + size:total - 4]))
            self.at += total

    def text(self):
        self.read()
        return b''.join(m[2] for m in self.messages if m[0] == 'PayloadChunk')

    def until_text(self, text):
        while self.text() != text and not self.ended and not self.last:
            self.more()
        return self.messages

    def end(self):
        """The members of the last message, all that came before it."""
        self.rest()
        self.read()
        assert self.at == len(self.body)
        assert [m[0] for m in self.messages].count('InvokeComplete') == 1
        kind, content, payload = self.messages[-1]
        assert (kind, content) == ('InvokeComplete', 'application/json')
        return json.loads(payload), self.text(), self.complete


def arrival(tap, nginx, gate):
    with Invoke(nginx.port, {'write': ['first '], 'gate': 'raw'},
                tail=1) as s:
        tap.equal(s.until_text(b'first '),
                  [('PayloadChunk', 'application/octet-stream', b'first ')],
                  'a message of what was written')
        tap.equal([s.status, s.headers['content-type'],
                   s.headers['x-amz-executed-version'],
                   s.headers['transfer-encoding']],
                  [200, 'application/vnd.amazon.eventstream', '$LATEST',
                   'chunked'], 'its header')
        gate.open('raw')
        end, text, complete = s.end()
        tap.equal([list(end), text, complete],
                  [['LogResult'], b'first second', True], 'the rest')
        log = base64.b64decode(end['LogResult']).decode()
        tap.ok(log.startswith('START ') and '\ta line\n' in log
               and '\nREPORT ' in log, 'the log', log)

    for event, text in (({}, b''), ({'write': ['']}, b''),
                        ({'head': 1, 'write': ['a']},
                         b'{"statusCode":201}' + b'\0' * 8 + b'a'),
                        ({'write': ['a'] * 500, 'size': 3000000},
                         b'a' * 500 + b'x' * 3000000)):
        with Invoke(nginx.port, event) as s:
            tap.ok(s.end() == ({}, text, True), '%.40s' % event)


def memory(tap, nginx):
    def peak():
        with open('/proc/%d/status' % nginx.workers[0]) as f:
            return int(re.search(r'VmHWM:\s+(\d+) kB', f.read()).group(1))

    size, before = 24000000, peak()
    with Invoke(nginx.port, {'size': size}) as s:
        n = 0
        while not s.last and not s.ended:
            s.more()
            n += len(s.text())
            s.messages = [m for m in s.messages if m[0] != 'PayloadChunk']
            s.body, s.at = s.body[s.at:], 0
        tap.equal([n, s.complete, [m[0] for m in s.messages]],
                  [size, True, ['InvokeComplete']], 'a long one')
    # sanitizers have memory of their own
    tap.ok(peak() - before < 2048 * SLOW or 'FAAS_SANITIZE' in os.environ,
           'the worker needs no more memory', peak() - before)


def sdks(tap, nginx, gate):
    url = 'http://127.0.0.1:%d' % nginx.port

    def run(name, argv, cwd, end):
        with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=cwd) as p:
            first = p.stdout.readline()
            tap.equal(first, b'first \n', name + ': the first message')
            gate.open({'boto3': 'boto', 'JavaScript': 'sdk'}[name])
            tap.equal([p.stdout.read(), p.wait()],
                      [b'second\n' + end + b'\n', 0], name + ': the rest')

    script = os.path.join(nginx.dir, 'call.py')
    with open(script, 'w') as f:
        f.write(BOTO)
    able = [p for p in (sys.executable, shutil.which('python3'))
            if p and subprocess.run(
                [p, '-c', 'import boto3; boto3.client("lambda", '
                 'region_name="a").invoke_with_response_stream'],
                stderr=subprocess.DEVNULL).returncode == 0]
    if able:
        run('boto3', [able[0], script, url], None, b"['LogResult']")
    else:
        tap.skip('boto3', 'there is none that knows streams')

    folder = os.path.join(nginx.dir, 'sdk')
    os.mkdir(folder)
    try:
        from faas_apps import NODE as node, install
        os.symlink(install(), os.path.join(folder, 'node_modules'))
    except SystemExit:
        tap.skip('JavaScript', 'there is no SDK')
        return
    with open(os.path.join(folder, 'call.js'), 'w') as f:
        f.write(SDK)
    run('JavaScript', [node, 'call.js', url], folder, b'LogResult')


def failures(tap, nginx):
    def end(event, function='f', prefix=''):
        with Invoke(nginx.port, event, function, prefix, tail=1) as s:
            got, text, complete = s.end()
            log = base64.b64decode(got['LogResult']).decode()
            return [s.status, got.get('ErrorCode'),
                    got.get('ErrorDetails', ''), text, complete, log]

    for name, code in (('My.Error', 'My.Error'), ('no "good"', 'Unhandled'),
                       ('x' * 200, 'x' * 128)):
        got = end({'write': ['first'], 'raise': name})
        tap.equal([got[:2], json.loads(got[2])['errorMessage'], got[3:5]],
                  [[200, code], 'm "q"', [b'first', True]],
                  'it fails: %.20s' % name)
    tap.ok('Invoke Error' in got[5] and '\nREPORT ' in got[5], 'the log',
           got[5])
    got = end({'raise': 'My.Error'})
    tap.equal([got[1], json.loads(got[2])['errorType'], got[3]],
              ['Unhandled', 'My.Error', b''], 'it fails at once')

    got = end({'write': ['first'], 'exit': 3})
    tap.equal([got[1], json.loads(got[2])['errorType'], got[3:5]],
              ['Runtime.ExitError', 'Runtime.ExitError', [b'first', True]],
              'it exits')
    tap.ok('exit status 3' in got[2] and 'exit status 3' in got[5],
           'it exits: why', got)
    got = end({'write': ['first'], 'hang': 1}, 'short')
    tap.equal([got[1], 'Task timed out after 1.00 seconds' in got[2],
               got[3:5], 'Task timed out' in got[5]],
              ['Sandbox.Timedout', True, [b'first', True], True],
              'it is too slow')
    got = end({'size': 5000}, prefix='/max')
    tap.equal([got[1], len(got[3]), got[4]],
              ['Function.ResponseSizeTooLarge', 1000, True],
              'it is too large')

    def logged():
        with open(os.path.join(nginx.dir, 'faas.log')) as f:
            return f.read()

    for line in ('f 200|error|My.Error', 'f 200|crash|Runtime.ExitError',
                 'short 200|timeout|Sandbox.Timedout',
                 'f 200|error|Function.ResponseSizeTooLarge'):
        wait_for(lambda: line in logged(), 5, line)


def collected(tap, nginx):
    op = '/2015-03-31/functions/%s/invocations'
    for event, text, kind in (
            ({'write': ['a', 'b']}, b'ab', 'application/octet-stream'),
            ({'write': ['a'], 'type': 'text/x'}, b'a', 'text/x'),
            ({}, b'', 'application/octet-stream'),
            ({'head': 1, 'write': ['a']},
             b'{"statusCode":201}' + b'\0' * 8 + b'a',
             'application/vnd.awslambda.http-integration-response')):
        with Invoke(nginx.port, event, op=op) as s:
            s.rest()
            tap.equal([s.status, s.body, s.headers['content-type'],
                       s.headers.get('x-amz-function-error')],
                      [200, text, kind, None], 'Invoke: %s' % event)
    with Invoke(nginx.port, {'write': ['a'], 'raise': 'E'}, op=op) as s:
        s.rest()
        tap.equal([s.status, json.loads(s.body)['errorType'],
                   s.headers['content-type'],
                   s.headers['x-amz-function-error']],
                  [200, 'E', 'application/json', 'Unhandled'],
                  'Invoke: it fails')
    with Invoke(nginx.port, {'size': 3000}, prefix='/max', op=op) as s:
        s.rest()
        tap.equal([json.loads(s.body)['errorType'],
                   s.headers['x-amz-function-error']],
                  ['Function.ResponseSizeTooLarge', 'Unhandled'],
                  'Invoke: it is too large')


with Tap() as tap:
    nginx = Nginx(http=HTTP, server=SERVER, functions={'f': {'index.js': NODE}})
    gate = Gate(os.path.join(nginx.dir, 'gate'))
    with nginx:
        arrival(tap, nginx, gate)
        failures(tap, nginx)
        collected(tap, nginx)
        memory(tap, nginx)
        sdks(tap, nginx, gate)
        nginx.finish(tap)
