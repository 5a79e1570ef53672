#!/usr/bin/python3
"""The Lambda Invoke API as boto3 and the aws command line use it (contract,
sections 4.2, 5 and 11)."""

import base64
import json
import os
import re
import struct
import subprocess
import sys
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, skip_all                      # noqa: E402

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError:
    skip_all('there is no boto3')

CODE = '''\
import os, time

def handler(event, context):
    if event == "raise":
        raise ValueError("no")
    if event == "exit":
        os._exit(3)
    if event == "sleep":
        time.sleep(30)
    if event == "talk":
        print("x" * 5000)
    if event == "none":
        return None
    print("hello from the log")
    client = context.client_context
    return {"event": event, "arn": context.invoked_function_arn,
            "id": context.aws_request_id,
            "client": client.custom if client else None}
'''

KEYS = {'keys': [
    {'accessKeyId': 'AKIDALL', 'secretAccessKey': 'secret/all',
     'arn': 'arn:aws:iam::123456789012:user/all',
     'policy': {'Version': '2012-10-17', 'Statement': [
         {'Effect': 'Allow', 'Action': 'lambda:*', 'Resource': '*'}]}},
    {'accessKeyId': 'AKIDONE', 'secretAccessKey': 'secret/one',
     'sessionToken': 'TOKEN',
     'arn': 'arn:aws:iam::123456789012:user/one',
     'policy': {'Statement': [
         {'Effect': 'Allow', 'Action': 'lambda:InvokeFunction',
          'Resource': 'arn:aws:lambda:us-east-1:*:function:f'},
         {'Effect': 'Deny', 'Action': '*',
          'Resource': 'arn:aws:lambda:*:*:function:g'}]}}]}

HTTP = '''
    client_max_body_size 0;
    log_format lambda '$status $faas_function $faas_memory_mb $faas_status';
    access_log {dir}/lambda.log lambda;

    faas_function f {
        runtime python3; handler app.handler; code {functions}/f;
        timeout 2s; concurrency 5; account 123456789012;
    }
    faas_function g {
        runtime python3; handler app.handler; code {functions}/f;
        concurrency 0; account 123456789012;
    }
    faas_function bad {
        runtime python3; handler app.handler; code {functions}/bad;
        account 123456789012;
    }
'''

SERVER = '''
    location / { faas_lambda_api; faas_auth {dir}/keys.json; }
    location /open/ {
        rewrite ^ /2015-03-31/functions/f/invocations break;
        faas_lambda_api; faas_auth off;
    }
'''


def client(nginx, key='AKIDALL', secret='secret/all', token=None,
           region='us-east-1'):
    return boto3.client(
        'lambda', region_name=region, aws_access_key_id=key,
        aws_secret_access_key=secret, aws_session_token=token,
        endpoint_url='http://127.0.0.1:%d' % nginx.port,
        config=Config(retries={'max_attempts': 0}, read_timeout=30))


def refused(call, *args, **options):
    """Status, code and message of the error."""
    try:
        call(*args, **options)
    except ClientError as e:
        return [e.response['ResponseMetadata']['HTTPStatusCode'],
                e.response['Error']['Code'], e.response['Error']['Message']]
    return None


def invoke(c, name='f', event=None, **options):
    return c.invoke(FunctionName=name, Payload=json.dumps(event).encode(),
                    **options)


def results(tap, c):
    r = invoke(c, event={'a': 'é'})
    result = json.loads(r['Payload'].read())
    headers = r['ResponseMetadata']['HTTPHeaders']
    tap.equal([r['StatusCode'], r['ExecutedVersion'], 'FunctionError' in r,
               result['event'], result['client']],
              [200, '$LATEST', False, {'a': 'é'}, None], 'a result')
    tap.equal([r['ResponseMetadata']['RequestId'], result['arn'],
               headers['content-type'],
               headers['x-amzn-remapped-content-length']],
              [result['id'],
               'arn:aws:lambda:us-east-1:123456789012:function:f',
               'application/json', '0'], 'its request id, ARN and headers')
    tap.ok(re.match(r'^root=1-[0-9a-f]{8}-[0-9a-f]{24};sampled=0$',
                    headers['x-amzn-trace-id']), 'its trace id')
    r = c.invoke(FunctionName='f')
    tap.equal(json.loads(r['Payload'].read())['event'], {},
              'without a payload the event is {}')
    tap.equal(invoke(c, event='none')['Payload'].read(), b'null',
              'a handler that returns nothing')
    r = invoke(c, event=1, ClientContext=base64.b64encode(
        b'{"custom":{"a":1}}').decode())
    tap.equal(json.loads(r['Payload'].read())['client'], {'a': 1},
              'the client context')
    r = invoke(c, event=1, InvocationType='DryRun')
    tap.equal([r['StatusCode'], r['Payload'].read()], [204, b''], 'DryRun')


def names(tap, c):
    arn = 'arn:aws:lambda:us-east-1:123456789012:function:f'
    for name in ('f', 'f:$LATEST', 'function:f', '123456789012:f',
                 '123456789012:function:f',
                 'us-east-1:123456789012:function:f', arn,
                 arn + ':$LATEST'):
        result = json.loads(invoke(c, name, 1)['Payload'].read())
        tap.equal(result['arn'], arn + (':$LATEST' if 'LATEST' in name
                                        else ''), 'name: ' + name)
    result = json.loads(invoke(c, event=1, Qualifier='$LATEST')[
        'Payload'].read())
    tap.equal(result['arn'], arn + ':$LATEST', 'a qualifier')
    tap.equal(refused(invoke, c, 'f:$LATEST', 1, Qualifier='1'),
              [400, 'InvalidParameterValueException',
               'The derived qualifier from the function name does not match '
               'the specified qualifier.'], 'two qualifiers')
    tap.equal(refused(invoke, c, 'nobody', 1),
              [404, 'ResourceNotFoundException',
               'Function not found: arn:aws:lambda:us-east-1:123456789012:'
               'function:nobody:$LATEST'], 'no such function')
    tap.equal(refused(invoke, c, 'f', 1, Qualifier='prod'),
              [404, 'ResourceNotFoundException',
               'Function not found: ' + arn + ':prod'], 'no such alias')
    tap.equal(refused(invoke, c, arn.replace('us-east-1', 'eu-west-1'), 1),
              [404, 'ResourceNotFoundException',
               "Functions from 'eu-west-1' are not reachable in this region "
               "('us-east-1')"], 'another region')
    tap.equal(refused(invoke, c, '210987654321:f', 1)[:2],
              [403, 'AccessDeniedException'], 'another account')
    tap.equal(refused(invoke, c, 'a:b:c:d', 1)[:2],
              [400, 'ValidationException'], 'a name that is none')


def errors(tap, c):
    r = invoke(c, event='raise')
    result = json.loads(r['Payload'].read())
    tap.equal([r['StatusCode'], r['FunctionError'], result['errorType'],
               result['errorMessage']], [200, 'Unhandled', 'ValueError',
                                         'no'], 'a function that failed')
    r = invoke(c, event='exit')
    rid = r['ResponseMetadata']['RequestId']
    tap.equal([r['FunctionError'], json.loads(r['Payload'].read())],
              ['Unhandled', {
                  'errorType': 'Runtime.ExitError',
                  'errorMessage': 'RequestId: %s Error: Runtime exited with '
                                  'error: exit status 3' % rid}],
              'a process that ended')
    r = invoke(c, event='sleep', LogType='Tail')
    rid = r['ResponseMetadata']['RequestId']
    tap.equal([r['FunctionError'], json.loads(r['Payload'].read())],
              ['Unhandled', {
                  'errorType': 'Sandbox.Timedout',
                  'errorMessage': 'RequestId: %s Error: Task timed out after '
                                  '2.00 seconds' % rid}], 'a timeout')
    tail = base64.b64decode(r['LogResult']).decode()
    tap.ok(re.search(r'\n\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z %s Task timed '
                     r'out after 2\.00 seconds\n\nEND RequestId: %s\nREPORT '
                     r'RequestId: %s\tDuration: 2000\.00 ms\tBilled Duration:'
                     r' \d+ ms\t.*Status: timeout\n$' % (rid, rid, rid), tail),
           'and its log', tail)
    r = invoke(c, 'bad', 1)
    tap.equal([r['FunctionError'],
               json.loads(r['Payload'].read())['errorType']],
              ['Unhandled', 'Runtime.ImportModuleError'],
              'a function that does not start')
    tap.equal(refused(invoke, c, 'g', 1),
              [429, 'TooManyRequestsException', 'Rate Exceeded.'],
              'a function that is throttled')
    tap.equal(refused(c.invoke, FunctionName='f', Payload=b'{"a":')[:2],
              [400, 'InvalidRequestContentException'], 'no JSON')
    tap.equal(refused(c.invoke, FunctionName='f', Payload=b'"\xff"')[:2],
              [400, 'InvalidRequestContentException'], 'no UTF-8')
    for text in (b'3', b'"a"', b' [1]', b'null', b'{', b' ', b'{"a":"\xff"}'):
        r = refused(invoke, c, event=1, ClientContext=base64.b64encode(
            text).decode())
        tap.equal(r, [400, 'InvalidRequestContentException',
                      'Client context must be a valid Base64-encoded JSON '
                      'object.'], 'no client context: %r' % text)
    tap.equal(refused(invoke, c, event=1, InvocationType='Event')[:2],
              [500, 'ServiceException'], 'there is no queue')
    tap.equal(refused(c.invoke, FunctionName='f',
                      Payload=b'"' + b'x' * 6291456 + b'"'),
              [413, 'RequestEntityTooLargeException',
               'Request must be smaller than 6291456 bytes for the '
               'InvokeFunction operation'], 'a payload that is too large')


def tails(tap, c):
    r = invoke(c, event=1, LogType='Tail')
    rid = r['ResponseMetadata']['RequestId']
    tail = base64.b64decode(r['LogResult']).decode()
    tap.ok(re.match(
        r'^START RequestId: %s Version: \$LATEST\nhello from the log\nEND '
        r'RequestId: %s\nREPORT RequestId: %s\tDuration: \d+\.\d\d ms\tBilled '
        r'Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: [1-9]\d* MB\t'
        r'(Init Duration: \d+\.\d\d ms\t)?\n$' % (rid, rid, rid), tail),
        'the log', tail)
    tail = base64.b64decode(invoke(c, event='talk', LogType='Tail')[
        'LogResult']).decode()
    tap.equal([len(tail), tail[:5], tail[-2:]], [4096, 'xxxxx', '\t\n'],
              'the last 4096 bytes of it')
    tap.ok('LogResult' not in invoke(c, event=1), 'not asked for')


def frames(data):
    """(headers, payload) of each message of an event stream."""
    found = []
    while data:
        total, n = struct.unpack('>II', data[:8])
        assert struct.unpack('>I', data[8:12])[0] == zlib.crc32(data[:8])
        assert struct.unpack('>I', data[total - 4:total])[0] \
            == zlib.crc32(data[:total - 4])
        headers, rest = {}, data[12:12 + n]
        while rest:
            k = rest[0]
            assert rest[1 + k] == 7
            v = struct.unpack('>H', rest[2 + k:4 + k])[0]
            headers[rest[1:1 + k].decode()] = rest[4 + k:4 + k + v].decode()
            rest = rest[4 + k + v:]
        found.append((headers, data[12 + n:total - 4]))
        data = data[total:]
    return found


def streams(tap, nginx):
    def stream(body):
        r = nginx.get('/2021-11-15/functions/function/'
                      'response-streaming-invocations', method='POST',
                      body=body, headers={'X-Amz-Log-Type': 'Tail'})
        tap.equal([r.status, r.headers['content-type'],
                   r.headers['x-amz-executed-version']],
                  [200, 'application/vnd.amazon.eventstream', '$LATEST'],
                  'a stream: headers')
        return frames(r.body)

    found = stream(json.dumps('y' * 200000))
    kinds = [h[':event-type'] for h, p in found]
    tap.equal([kinds[0], kinds[-1], {h[':message-type'] for h, p in found}],
              ['PayloadChunk', 'InvokeComplete', {'event'}],
              'a stream: messages')
    body = b''.join(p for h, p in found if h[':event-type'] == 'PayloadChunk')
    tap.equal(json.loads(body)['event'], 'y' * 200000, 'a stream: the result')
    end = json.loads(found[-1][1])
    tap.equal([sorted(end), b'REPORT' in base64.b64decode(end['LogResult'])],
              [['LogResult'], True], 'a stream: its end')
    end = json.loads(stream('"raise"')[-1][1])
    tap.equal([end['ErrorCode'], json.loads(end['ErrorDetails'])[
        'errorType']], ['Unhandled', 'ValueError'], 'a stream that failed')


def emulator(tap):
    """The path of the Runtime Interface Emulator, for an only function."""
    with Nginx(http='faas_function only { runtime python3; handler '
                    'app.handler; code {functions}/only; }',
               server='location / { faas_lambda_api; faas_auth off; }',
               functions={'only': {'app.py': CODE}}) as nginx:
        r = nginx.get('/2015-03-31/functions/function/invocations',
                      method='POST', body='{"a":1}')
        tap.equal([r.status, r.json()['event'], r.json()['arn'][-5:]],
                  [200, {'a': 1}, ':only'], "the emulator's path")
        r = nginx.get('/2015-03-31/functions/other/invocations',
                      method='POST', body='{}')
        tap.equal(r.status, 404, 'and no other name')
        tap.equal([nginx.get('/2015-03-31/functions/function/invocations'
                             '?Qualifier=' + q, method='POST',
                             body='{}').status
                   for q in ('$LATEST', 'prod', '1')], [200, 404, 404],
                  'nor a version that there is not')
        streams(tap, nginx)
        nginx.finish(tap)


def looks(tap, c):
    f = c.get_function(FunctionName='f')
    tap.equal([f['Configuration']['FunctionName'],
               f['Configuration']['Timeout'],
               f['Configuration']['MemorySize'], f['Configuration']['State'],
               f['Concurrency']['ReservedConcurrentExecutions']],
              ['f', 2, 128, 'Active', 5], 'GetFunction')
    tap.equal(c.get_function_configuration(FunctionName='f')['Handler'],
              'app.handler', 'GetFunctionConfiguration')
    names = [i['FunctionName'] for p in c.get_paginator(
        'list_functions').paginate(PaginationConfig={'PageSize': 1})
        for i in p['Functions']]
    tap.equal(sorted(names), ['bad', 'f', 'g'], 'ListFunctions, by pages')
    tap.equal(c.get_account_settings()['AccountUsage']['FunctionCount'], 3,
              'GetAccountSettings')
    tap.equal(refused(c.delete_function, FunctionName='f')[:2],
              [404, 'UnknownOperationException'], 'what there is not')


def keys(tap, nginx):
    one = client(nginx, 'AKIDONE', 'secret/one', 'TOKEN')
    tap.equal(invoke(one, event=1)['StatusCode'], 200, 'a session token')
    tap.equal(refused(one.get_function, FunctionName='f'),
              [403, 'AccessDeniedException',
               'User: arn:aws:iam::123456789012:user/one is not authorized '
               'to perform: lambda:GetFunction on resource: arn:aws:lambda:'
               'us-east-1:123456789012:function:f because no identity-based '
               'policy allows the lambda:GetFunction action'],
              'a policy that does not allow it')
    tap.ok(refused(invoke, one, 'g', 1)[2].endswith(
        'with an explicit deny in an identity-based policy'),
        'a policy that denies it')
    denied = [refused(invoke, one, name, 1) for name in ('bad', 'nobody')]
    tap.equal(denied[0][2].replace(':bad', ':nobody'), denied[1][2],
              'whether there is a function is not told who may not call it')
    for c, code, name in (
            (client(nginx, 'AKIDONE', 'secret/one', 'OTHER'),
             'UnrecognizedClientException', 'a wrong session token'),
            (client(nginx, 'AKIDNO', 'x'), 'UnrecognizedClientException',
             'an unknown key'),
            (client(nginx, secret='wrong'), 'InvalidSignatureException',
             'a wrong secret')):
        tap.equal(refused(invoke, c, event=1)[:2], [403, code], name)
    r = nginx.get('/2015-03-31/functions/f/invocations', method='POST',
                  body='1')
    tap.equal([r.status, r.headers['x-amzn-errortype'], r.json()],
              [403, 'MissingAuthenticationTokenException',
               {'message': 'Missing Authentication Token'}], 'no signature')
    for more in ('', '2015-03-31/functions/g/invocations'):
        r = nginx.get('/open/' + more, method='POST', body='1')
        tap.equal([r.status, r.json().get('event')], [200, 1],
                  'after a rewrite the path is that of the configuration')


def command_line(tap, nginx):
    if not os.path.exists('/usr/bin/aws'):
        tap.skip('aws lambda invoke', 'there is no /usr/bin/aws')
        return
    env = dict(os.environ, AWS_ACCESS_KEY_ID='AKIDALL',
               AWS_SECRET_ACCESS_KEY='secret/all', AWS_PAGER='',
               AWS_DEFAULT_REGION='us-east-1', HOME=nginx.dir,
               AWS_MAX_ATTEMPTS='1', PATH='/usr/bin:/bin')
    out = os.path.join(nginx.dir, 'out.json')
    command = ['/usr/bin/aws', '--endpoint-url',
               'http://127.0.0.1:%d' % nginx.port, 'lambda', 'invoke',
               '--function-name', 'f', '--log-type', 'Tail', '--payload',
               '{"x":1}', '--cli-binary-format', 'raw-in-base64-out', out]
    if b'aws-cli/1' in subprocess.run(
            ['/usr/bin/aws', '--version'], env=env,
            stdout=subprocess.PIPE).stdout:
        command[-3:-1] = []
    r = subprocess.run(command, env=env, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
    text = json.loads(r.stdout or b'{}')
    with open(out) as f:
        result = json.load(f)
    tap.equal([r.returncode, text.get('StatusCode'), result['event'],
               b'REPORT' in base64.b64decode(text.get('LogResult', ''))],
              [0, 200, {'x': 1}, True], 'aws lambda invoke')
    r = subprocess.run(command, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE,
                       env=dict(env, AWS_SECRET_ACCESS_KEY='wrong'))
    tap.ok(r.returncode != 0 and b'InvalidSignatureException' in r.stderr,
           'aws lambda invoke with a wrong secret', r.stderr)


with Tap() as tap:
    nginx = Nginx(http=HTTP, server=SERVER, functions={
        'f': {'app.py': CODE}, 'bad': {'app.py': 'import nothing_here\n'}})
    path = os.path.join(nginx.dir, 'keys.json')
    with open(path, 'w') as f:
        json.dump(KEYS, f)
    os.chmod(path, 0o600)

    with nginx:
        c = client(nginx)
        for part in (results, names, errors, tails, looks):
            part(tap, c)
        keys(tap, nginx)
        command_line(tap, nginx)
        nginx.finish(tap)

    emulator(tap)
