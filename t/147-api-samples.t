#!/usr/bin/python3
"""Events against the published samples of AWS's own library for Go: the same
members, types and formats of values.

The samples are those of github.com/aws/aws-lambda-go (Apache 2.0), taken with
the go command into the build folder; without it the test is skipped.
EXCEPTIONS lists every difference, and why it is there.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import BUILD, SLOW, Nginx, Tap, skip_all         # noqa: E402
from faas_jwt import Rsa, jwks, token                          # noqa: E402

try:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:
    skip_all('there is no botocore')

MODULE = 'github.com/aws/aws-lambda-go'
VERSION = 'v1.47.0'
SUM = 'h1:0H8s0vumYx/YKs4sE7YM0ktwL2eWse+kfopsRI1sXVI='

ECHO = '''\
import json

def handler(event, context):
    return {"statusCode": 200, "headers": {"content-type": "text/plain"},
            "body": json.dumps({"event": event})}
'''

AUTH = '''\
import json

def handler(event, context):
    return {"isAuthorized": True, "principalId": "me", "policyDocument": {
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
        "context": {"key": "value", "event": json.dumps(event)}}
'''

HTTP = '''
    faas_function auth {
        runtime python3; handler app.handler; code {functions}/auth;
    }
    faas_api asked {
        account 123456789012; api_id abcdef123;
        stage test StageVar1=stageValue1;
        authorizer v2 request function=auth simple=on
            identity=$request.querystring.parameter2,$request.header.Header1;
        authorizer v1 request function=auth payload=1.0
            identity=$request.querystring.QueryString1,$request.header.Header1;
        route ANY "/my/{proxy+}" f authorizer=v2;
        route GET /request f authorizer=v1;
    }
    faas_api custom {
        type rest;
        account 123456789012; api_id s4x3opwd6i;
        stage test StageVar1=stageValue1;
        authorizer token token function=auth;
        authorizer request request function=auth
                   identity=$request.header.Header1;
        route GET /token f authorizer=token;
        route GET /request f authorizer=request;
    }
    faas_function f {
        runtime python3; handler app.handler; code {functions}/f;
        account 123456789012;
    }
    faas_api plain { route $default f; }
    faas_api jwt {
        stage $default stageVariable1=value1 stageVariable2=value2;
        authorizer u jwt issuer=https://id.example audience=web
                   jwks={dir}/jwks.json;
        route ANY "/jwt/{proxy+}" f authorizer=u scopes=scope1,scope2;
    }
    faas_api iam {
        stage $default stageVariable1=value1 stageVariable2=value2;
        authorizer u iam keys={dir}/keys.json;
        route ANY "/iam/{proxy+}" f authorizer=u;
    }
    faas_api url {
        type url;
        authorizer u iam keys={dir}/keys.json;
        authorizer_default u;
        route $default f;
    }
    faas_api rest {
        type rest;
        stage testStage stageVariableName=stageVariableValue;
        api_keys {dir}/plans.json;
        authorizer u iam keys={dir}/keys.json;
        route ANY "/{proxy+}" f authorizer=u api_key=required;
    }
    faas_api alb { type alb; route $default f; }
    faas_api multi { type alb; multi_value on; route $default f; }
'''

SERVER = '''
    location / { faas_api_pass plain; }
    location /jwt/ { faas_api_pass jwt; }
    location /iam/ { faas_api_pass iam; }
    location /url/ { faas_api_pass url; }
    location /testStage/ { faas_api_pass rest; }
    location /alb/ { faas_api_pass alb; }
    location /multi/ { faas_api_pass multi; }
    location /asked/ { faas_api_pass asked base_path=/asked; }
    location /custom/ { faas_api_pass custom base_path=/custom; }
'''

QUERY = '?parameter1=value1&parameter1=value2&parameter2=value'
FIELDS = {'Header1': 'value1', 'Cookie': 'cookie1; cookie2',
          'User-Agent': 'agent'}
TEXT = {'Content-Type': 'text/plain'}
API_KEY = 'theApiKey-that-is-long-enough'

# of maps only what their values are: names are the client's
MAPS = {'headers', 'multiValueHeaders', 'queryStringParameters',
        'multiValueQueryStringParameters', 'pathParameters',
        'stageVariables', 'claims'}

# what a value looks like; the first that is a sample's must be ours
FORMATS = [r'\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d ?\+0000',
           r'Root=1-[0-9a-f]{8}-[0-9a-f]{24}',
           r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}',
           r'\d{1,3}(\.\d{1,3}){3}(, \d{1,3}(\.\d{1,3}){3})*',
           r'HTTP/1\.1', r'[A-Za-z0-9_-]{11,15}=', r'\d{11,12}',
           r'arn:aws:iam::\d+:user/[\w-]+',
           r'arn:aws:elasticloadbalancing:[a-z0-9-]+:\d{12}:targetgroup/'
           r'[\w-]+/\w+', r'(GET|POST)', r'\d{13}']

IDENTITY = 'requestContext.identity.'
CLIENT = 'there are no client certificates of API Gateway'
COGNITO = 'there is no Cognito'
OLD = 'section 7.3 has it, the sample is older'

# samples ("*": any text), path of a member, what is allowed, and why
EXCEPTIONS = [
    ('apigw-v2-*', 'requestContext.authentication', 'missing', CLIENT),
    ('apigw-v2-request-iam', 'requestContext.authorizer.iam.cognitoIdentity',
     'null', COGNITO),
    ('apigw-v2-request-iam', 'requestContext.authorizer.iam.principalOrgId',
     'null', 'there are no organisations'),
    ('lambda-urls-request', 'requestContext.authorizer.iam.cognitoIdentity',
     'extra', 'null, as in HTTP APIs: section 7.1'),
    ('lambda-urls-request', 'requestContext.authorizer.iam.principalOrgId',
     'extra', 'null, as in HTTP APIs: section 7.1'),
    ('lambda-urls-request', 'routeKey', 'extra', 'section 7.2 has it'),
    ('lambda-urls-request', 'requestContext.routeKey', 'extra',
     'section 7.2 has it'),
    ('lambda-urls-request', 'requestContext.stage', 'extra',
     'section 7.2 has it'),
    ('apigw-re*', 'requestContext.authorizer', 'missing',
     'it is of a Lambda authorizer there; who has signed is the identity'),
    ('apigw-re*', IDENTITY + 'principalOrgId', 'extra', OLD),
    ('apigw-re*', 'requestContext.deploymentId', 'extra', OLD),
    ('apigw-re*', 'isBase64Encoded', 'extra', OLD),
    ('apigw-restapi-*', 'requestContext.operationName', 'missing',
     'routes have no name but method and path')
] + [('apigw-re*', IDENTITY + 'cognito' + name, 'null', COGNITO)
     for name in ('IdentityPoolId', 'IdentityId', 'AuthenticationType',
                  'AuthenticationProvider')] + [
    # these two samples are cut down: the context is that of other events
    ('apigw-*custom-auth*', 'requestContext.' + name, 'extra', OLD)
    for name in ('identity.accessKey', 'identity.accountId',
                 'identity.caller', 'identity.cognitoAuthenticationProvider',
                 'identity.cognitoAuthenticationType',
                 'identity.cognitoIdentityId',
                 'identity.cognitoIdentityPoolId', 'identity.principalOrgId',
                 'identity.user', 'identity.userAgent', 'identity.userArn',
                 'domainName', 'domainPrefix', 'extendedRequestId',
                 'protocol', 'requestTime', 'requestTimeEpoch',
                 'deploymentId')
] + [
    ('apigw-*custom-auth*', IDENTITY + 'apiKey', 'missing',
     'there is one with an API key only'),
    ('apigw-*custom-auth*', IDENTITY + 'clientCert', 'missing', CLIENT),
    ('apigw-v2-custom-authorizer-v1-request', 'requestContext.resourceId',
     'null', 'HTTP APIs have no resources: section 7.3')]


def samples():
    """{name: sample}; skips the test when they cannot be had."""
    cache = os.path.join(BUILD, 'samples-' + VERSION)
    if not os.path.isdir(cache):
        fetch(cache)
    found = {}
    for name in os.listdir(cache):
        with open(os.path.join(cache, name)) as f:
            found[name.rpartition('.')[0]] = json.load(f)
    return found


def fetch(cache):
    if shutil.which('go') is None:
        skip_all('there is no go command to take samples with')
    with tempfile.TemporaryDirectory() as folder:
        env = dict(os.environ, GOPATH=folder, GOFLAGS='-modcacherw',
                   GOCACHE=folder + '/cache')
        env.pop('GOMODCACHE', None)
        try:
            r = subprocess.run(
                ['go', 'mod', 'download', '-json', MODULE + '@' + VERSION],
                cwd=folder, env=env, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, timeout=60 * SLOW)
        except subprocess.TimeoutExpired:
            skip_all('the samples cannot be had in time')
        if r.returncode:
            skip_all('the samples cannot be had')
        told = json.loads(r.stdout)
        if told['Sum'] != SUM:
            raise ValueError('other samples than those: ' + told['Sum'])
        made = tempfile.mkdtemp(dir=BUILD)
        source = os.path.join(told['Dir'], 'events/testdata')
        for name in os.listdir(source):
            if re.match(r'(apigw|alb|lambda-urls)-.*\.json$', name):
                shutil.copy(os.path.join(source, name), made)
        try:
            os.rename(made, cache)
        except OSError:                       # another test was as fast
            shutil.rmtree(made)


def kind(value):
    """The type of a value, as JSON has it."""
    return {bool: 'boolean', str: 'string', int: 'number', float: 'number',
            dict: 'object', list: 'list', type(None): 'null'}[type(value)]


def form(value):
    for n, pattern in enumerate(FORMATS):
        if re.fullmatch(pattern, str(value)):
            return n
    return None


def differences(ours, theirs, path=()):
    """(path, what): missing, extra, null, or what is unlike."""
    at = '.'.join(path)
    if kind(ours) != kind(theirs):
        return [(at, 'null' if ours is None else '%s, not %s' % (
            kind(ours), kind(theirs)))]
    if isinstance(theirs, dict):
        if path and path[-1] in MAPS:
            return [(at, 'a value is %s' % kind(v)) for v in ours.values()
                    if kind(v) != kind(next(iter(theirs.values())))]
        found = []
        for key in {**theirs, **ours}:
            if key not in ours or key not in theirs:
                found.append(('.'.join(path + (key,)),
                              'missing' if key in theirs else 'extra'))
            else:
                found += differences(ours[key], theirs[key], path + (key,))
        return found
    if isinstance(theirs, list):
        return differences(ours[0], theirs[0], path + ('0',)) \
            if ours and theirs else []
    if form(theirs) is not None and form(ours) != form(theirs):
        return [(at, '%r, not as %r' % (ours, theirs))]
    return []


def allowed(name, difference):
    for n, (sample, path, what, why) in enumerate(EXCEPTIONS):
        if (path, what) == difference \
                and re.fullmatch(sample.replace('*', '.*'), name):
            return n
    return None


def signed(nginx, path, service, **more):
    request = AWSRequest('POST', nginx.url(path), data=b'Hello')
    for key, value in more.items():
        request.headers[key] = value
    SigV4Auth(Credentials('AKIDEXAMPLE', 'secret'), service,
              'us-east-1').add_auth(request)
    return nginx.get(path, method='POST', body=b'Hello',
                     headers={**dict(request.headers), **FIELDS, **TEXT})


def events(nginx, key):
    """(sample, our event of a request like that)."""
    now = int(time.time())
    bearer = 'Bearer ' + token(key, {
        'iss': 'https://id.example', 'aud': 'web', 'exp': now + 600,
        'scope': 'scope1 scope2', 'claim1': 'value1'})
    post = {'method': 'POST', 'body': b'{\r\n\t"a": 1\r\n}'}

    def event(r):
        return r.json()['event']

    yield 'apigw-v2-request-no-authorizer', event(nginx.get('/'))
    yield 'apigw-v2-request-jwt-authorizer', event(nginx.get(
        '/jwt/my/path' + QUERY, headers={**FIELDS, **TEXT,
                                         'Authorization': bearer}, **post))
    yield 'apigw-v2-request-iam', event(
        signed(nginx, '/iam/my/path' + QUERY, 'execute-api'))
    yield 'lambda-urls-request', event(
        signed(nginx, '/url/my/path' + QUERY, 'lambda'))
    for name in ('apigw-request', 'apigw-restapi-openapi-request'):
        yield name, event(signed(nginx, '/testStage/hello/world?name=me',
                                 'execute-api', **{'x-api-key': API_KEY}))
    yield 'alb-lambda-target-request-headers-only', event(
        nginx.get('/alb/?key=hello'))
    yield 'alb-lambda-target-request-multivalue-headers', event(
        nginx.get('/multi/?key=hello'))


def authorizers(nginx):
    """The same of what authorizers are asked."""
    def asked(path, **fields):
        r = nginx.get(path, headers={**FIELDS, **fields})
        context = r.json()['event']['requestContext']['authorizer']
        return json.loads(context.get('lambda', context)['event'])

    yield 'apigw-v2-custom-authorizer-v2-request', asked(
        '/asked/test/my/path' + QUERY)
    yield 'apigw-v2-custom-authorizer-v1-request', asked(
        '/asked/test/request?QueryString1=queryValue1')
    yield 'apigw-custom-auth-request', asked(
        '/custom/test/token', Authorization='allow')
    yield 'apigw-custom-auth-request-type-request', asked(
        '/custom/test/request?QueryString1=queryValue1')
    ours = nginx.get('/asked/test/my/path' + QUERY, headers={**FIELDS, **TEXT},
                     method='POST', body=b'x').json()['event']
    ours['requestContext']['authorizer']['lambda'].pop('event')
    yield 'apigw-v2-request-lambda-authorizer', ours


def write(nginx, name, data):
    with open(os.path.join(nginx.dir, name), 'w') as f:
        f.write(data if isinstance(data, str) else json.dumps(data))
    os.chmod(f.name, 0o644 if name == 'jwks.json' else 0o640)


def main():
    wanted, key = samples(), Rsa('k')
    nginx = Nginx(http=HTTP, server=SERVER,
                  functions={'f': {'app.py': ECHO},
                             'auth': {'app.py': AUTH}})
    write(nginx, 'jwks.json', jwks(key))
    write(nginx, 'keys.json', {'keys': [{
        'accessKeyId': 'AKIDEXAMPLE', 'secretAccessKey': 'secret',
        'arn': 'arn:aws:iam::123456789012:user/all',
        'policy': {'Statement': {'Effect': 'Allow', 'Action': '*',
                                 'Resource': '*'}}}]})
    write(nginx, 'plans.json', {'usagePlans': [{
        'name': 'p', 'apiKeys': [{'id': 'theApiKeyId', 'value': API_KEY}]}]})

    with Tap() as tap, nginx:
        used = set()
        for name, ours in (*events(nginx, key), *authorizers(nginx)):
            found = differences(ours, wanted[name])
            used |= {allowed(name, d) for d in found}
            left = [d for d in found if allowed(name, d) is None]
            tap.ok(not left, 'as ' + name, '\n'.join(map(str, left)))
        for n, exception in enumerate(EXCEPTIONS):
            tap.ok(n in used, 'an exception that is needed: %s %s %s'
                   % exception[:3])
        nginx.finish(tap)


main()
