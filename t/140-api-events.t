#!/usr/bin/python3
"""Events of every type of API (contract, sections 7.1 to 7.3 and 7.12)."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap                                # noqa: E402

ECHO = '''\
import json

def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
'''

HTTP = '''
    faas_function echo {
        runtime python3; handler app.handler; code {functions}/echo;
        account 123456789012;
    }

    faas_api web {
        stage $default;
        stage prod table=orders color=blue;
        route GET /plain echo;
        route ANY "/users/{id}" echo;
        route ANY "/old/{proxy+}" echo payload=1.0;
        route POST /raw echo payload=raw;
        route GET ~ "^/v(?<major>[0-9]+)/(?<rest>.*)$" echo;
        route $default echo;
    }

    faas_api rest {
        type rest;
        api_id r1234;
        account 210987654321;
        domain r1234.execute-api.eu-west-1.amazonaws.com;
        binary_media_types image/* application/zip;
        stage prod v=1;
        stage test;
        route ANY "/items/{id}" echo resource_id=abc123;
        route ANY "/{proxy+}" echo;
        route GET / echo;
    }

    faas_api url {
        type url;
        route $default echo;
    }

    faas_api lb {
        type alb;
        account 123456789012;
        route $default echo;
    }

    faas_api lbs {
        type alb;
        multi_value on;
        target_group arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/x/y;
        route $default echo;
    }
'''

SERVERS = '\n'.join('''
    location /%(name)s/ { faas_api_pass %(api)s base_path=/%(name)s; }
''' % {'name': name, 'api': api} for name, api in (
    ('web', 'web'), ('rest', 'rest'), ('url', 'url'), ('lb', 'lb'),
    ('lbs', 'lbs'))) + '''
    location /fixed/ { faas_api_pass web prod base_path=/fixed; }
    location /restfixed/ { faas_api_pass rest prod base_path=/restfixed; }
    location /short/ {
        faas_route GET "/short/{id}" echo;
        faas_route ANY "/short/{id}/{more+}" echo;
    }
'''

CLF = r'^\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000$'


def event(nginx, path, method='GET', **options):
    r = nginx.get(path, method=method, **options)
    assert r.status == 200, (path, r)
    return r.json()


def http2(tap, nginx):
    e = event(nginx, '/web/users/a%2Fb%20c?x=1&x=2&y&z=%C3%A9+',
              headers={'Cookie': 'a=1; b=2', 'X-Twice': 'one',
                       'User-Agent': 'me'})
    c = e['requestContext']
    tap.equal([e['version'], e['routeKey'], e['rawPath'],
               e['rawQueryString']],
              ['2.0', 'ANY /users/{id}', '/users/a/b c',
               'x=1&x=2&y&z=%C3%A9+'], '2.0: version, key, path, query')
    tap.equal(e['pathParameters'], {'id': 'a/b c'}, '2.0: decoded parameters')
    tap.equal(e['queryStringParameters'], {'x': '1,2', 'y': '', 'z': 'é '},
              '2.0: joined query')
    tap.equal(e['cookies'], ['a=1', 'b=2'], '2.0: cookies')
    tap.ok('cookie' not in e['headers'], '2.0: and no header of them')
    tap.equal([c['accountId'], c['apiId'], c['stage'], c['routeKey'],
               c['http']['path'], c['http']['userAgent']],
              ['123456789012', 'web', '$default', 'ANY /users/{id}',
               '/users/a/b c', 'me'], '2.0: context')
    tap.ok(re.match(r'^[0-9a-f]{15}=$', c['requestId']), '2.0: request id')
    tap.equal(sorted(set(e) & {'stageVariables', 'body'}), [],
              '2.0: what has no data is not there')

    e = event(nginx, '/web/prod/users/1')
    tap.equal([e['rawPath'], e['requestContext']['stage'],
               e['stageVariables'], e['pathParameters']],
              ['/prod/users/1', 'prod',
               {'table': 'orders', 'color': 'blue'}, {'id': '1'}],
              '2.0: a stage in the path')

    e = event(nginx, '/fixed/users/1')
    tap.equal([e['rawPath'], e['requestContext']['stage']],
              ['/users/1', 'prod'], '2.0: a stage by its location')

    e = event(nginx, '/web/v12/a/b')
    tap.equal([e['routeKey'], e['pathParameters']],
              ['GET ^/v(?<major>[0-9]+)/(?<rest>.*)$',
               {'major': '12', 'rest': 'a/b'}], '2.0: groups of a regex')

    e = event(nginx, '/web/other/', 'DELETE')
    tap.equal([e['routeKey'], e['rawPath']], ['$default', '/other/'],
              '2.0: the default route')

    tap.equal(event(nginx, '/web/raw', 'POST', body=b'{"a": [1]}',
                    headers={'Content-Type': 'x/y'}), {'a': [1]},
              'raw: the body is the event')


def http1(tap, nginx):
    e = event(nginx, '/web/old/a%20b/?x=1&x=2', 'PUT',
              headers={'Cookie': 'a=1; b=2', 'X-A': 'b'}, body=b'text')
    c = e['requestContext']
    tap.equal([e['version'], e['resource'], e['path'], e['httpMethod']],
              ['1.0', '/old/{proxy+}', '/old/a b/', 'PUT'],
              '1.0: version, resource, path, method')
    tap.equal([e['headers']['cookie'], e['multiValueHeaders']['x-a']],
              ['a=1; b=2', ['b']], '1.0: headers')
    tap.equal([e['queryStringParameters'],
               e['multiValueQueryStringParameters']],
              [{'x': '2'}, {'x': ['1', '2']}], '1.0: query')
    tap.equal([e['pathParameters'], e['stageVariables']],
              [{'proxy': 'a b/'}, None], '1.0: parameters, no variables')
    tap.equal([e['body'], e['isBase64Encoded']], ['dGV4dA==', True],
              '1.0: body without a type')
    tap.equal([c['resourceId'], c['resourcePath'], c['path'], c['stage'],
               c['identity']['sourceIp'], c['identity']['userArn']],
              [None, '/old/{proxy+}', '/old/a%20b/', '$default', '127.0.0.1',
               None], '1.0: context')
    tap.ok(re.match(CLF, c['requestTime'])
           and c['requestTimeEpoch'] > 1600000000000, '1.0: times')


def rest(tap, nginx):
    r = nginx.get('/rest/prod/items/a%2Fb?x=a%2Cb&x=%2B+&y',
                  headers={'tEsT-HEADeR': 'v', 'authorization': 'z',
                           'Content-Length': '0'})
    e = r.json()
    c = e['requestContext']
    tap.equal(sorted(e), sorted(
        ['resource', 'path', 'httpMethod', 'headers', 'multiValueHeaders',
         'queryStringParameters', 'multiValueQueryStringParameters',
         'pathParameters', 'stageVariables', 'requestContext', 'body',
         'isBase64Encoded']), 'REST: members')
    tap.equal([e['resource'], e['path'], e['pathParameters'],
               e['stageVariables']],
              ['/items/{id}', '/items/a%2Fb', {'id': 'a%2Fb'}, {'v': '1'}],
              'REST: resource, path, raw parameters, variables')
    tap.equal([e['queryStringParameters'],
               e['multiValueQueryStringParameters']],
              [{'x': '+ ', 'y': ''}, {'x': ['a,b', '+ '], 'y': ['']}],
              'REST: query')
    tap.equal([e['headers'].get('tEsT-HEADeR'),
               e['headers'].get('Authorization'),
               e['multiValueHeaders'].get('tEsT-HEADeR')],
              ['v', 'z', ['v']], 'REST: names of headers')
    tap.equal(sorted(n for n in e['headers'] if n.lower() in (
        'content-length', 'connection')), [], 'REST: headers left out')
    tap.ok({'Host', 'X-Forwarded-For', 'X-Forwarded-Port',
            'X-Forwarded-Proto', 'X-Amzn-Trace-Id'} <= set(e['headers']),
           'REST: headers added')
    tap.equal([c['accountId'], c['apiId'], c['domainName'],
               c['domainPrefix'], c['path'], c['stage'], c['resourceId'],
               c['resourcePath'], c['httpMethod'], c['protocol']],
              ['210987654321', 'r1234',
               'r1234.execute-api.eu-west-1.amazonaws.com', 'r1234',
               '/prod/items/a%2Fb', 'prod', 'abc123', '/items/{id}', 'GET',
               'HTTP/1.1'], 'REST: context')
    tap.equal([r.headers.get('x-amzn-requestid'),
               r.headers.get('x-amz-apigw-id')],
              [c['requestId'], c['extendedRequestId']],
              'REST: ids are in the answer')
    tap.ok(r.headers.get('x-amzn-trace-id', '').startswith('Root=1-'),
           'REST: and the trace id')

    e = event(nginx, '/rest/test/a//b/')
    tap.equal([e['path'], e['pathParameters'], e['stageVariables'],
               e['queryStringParameters'], e['body']],
              ['/a//b/', {'proxy': 'a//b'}, None, None, None],
              'REST: the end of a path, and nulls')

    e = event(nginx, '/restfixed/x', 'POST', body=b'\xff\x00',
              headers={'Content-Type': 'image/png; a=b'})
    tap.equal([e['body'], e['isBase64Encoded'], e['requestContext']['path'],
               e['requestContext']['stage']],
              ['/wA=', True, '/x', 'prod'], 'REST: a binary body')
    e = event(nginx, '/restfixed/x', 'POST', body=b'{"a":"\xc3\xa9"}',
              headers={'Content-Type': 'application/octet-stream'})
    tap.equal([e['body'], e['isBase64Encoded']], ['{"a":"é"}', False],
              'REST: another body is text')


def url(tap, nginx):
    r = nginx.get('/url/pa2%2Fth/1?a=b')
    e = r.json()
    c = e['requestContext']
    tap.equal([e['rawPath'], e['routeKey'], c['stage'], c['accountId']],
              ['/pa2%2Fth/1', '$default', '$default', 'anonymous'],
              'URL: raw path')
    tap.equal(sorted(set(e) & {'pathParameters', 'stageVariables'}), [],
              'URL: neither parameters nor variables')
    tap.equal(r.headers.get('x-amzn-requestid'), c['requestId'],
              'URL: the request id is in the answer')


def alb(tap, nginx):
    e = event(nginx, '/lb/a%20b?x=%C3%A9&x=a+b', headers={'X-A': 'b'})
    tap.equal(sorted(e), sorted(
        ['requestContext', 'httpMethod', 'path', 'queryStringParameters',
         'headers', 'body', 'isBase64Encoded']), 'ALB: members')
    tap.equal([e['path'], e['queryStringParameters'], e['headers']['x-a'],
               e['body']], ['/a%20b', {'x': 'a+b'}, 'b', ''],
              'ALB: nothing is decoded, the last value counts')
    tap.ok(re.match(r'^arn:aws:elasticloadbalancing:us-east-1:123456789012:'
                    r'targetgroup/lb/[0-9a-f]{16}$',
                    e['requestContext']['elb']['targetGroupArn']),
           'ALB: a target group')

    e = event(nginx, '/lbs/?x=1&x=2', 'POST', body=b'a=b',
              headers={'Content-Type': 'text/x', 'Content-Encoding': 'br'})
    tap.equal(sorted(e), sorted(
        ['requestContext', 'httpMethod', 'path', 'body', 'isBase64Encoded',
         'multiValueQueryStringParameters', 'multiValueHeaders']),
        'ALB, several values: members')
    tap.equal([e['multiValueQueryStringParameters'], e['body'],
               e['isBase64Encoded'],
               e['requestContext']['elb']['targetGroupArn'][-3:]],
              [{'x': ['1', '2']}, 'YT1i', True, 'x/y'],
              'ALB, several values: query, encoded body, group')


def forwarded(tap, nginx):
    """One value with all addresses: maps with one value need them all."""
    for path, name, multi in (('/web/old/x', 'x-forwarded-for', True),
                              ('/rest/prod/items/1', 'X-Forwarded-For', True),
                              ('/lb/', 'x-forwarded-for', False),
                              ('/url/', 'x-forwarded-for', False)):
        e = event(nginx, path, headers={'x-forwarded-for': '10.1.1.1, x'})
        tap.equal(e['headers'][name], '10.1.1.1, x, 127.0.0.1',
                  path + ': for whom it is forwarded')
        if multi:
            tap.equal(e['multiValueHeaders'][name],
                      ['10.1.1.1, x, 127.0.0.1'], path + ': as a list')
    e = event(nginx, '/lbs/', headers={'x-forwarded-for': ''})
    tap.equal(e['multiValueHeaders']['x-forwarded-for'], ['127.0.0.1'],
              'an empty list of addresses')


with Tap() as tap, Nginx(http=HTTP, server=SERVERS,
                         functions={'echo': {'app.py': ECHO}}) as nginx:
    http2(tap, nginx)
    http1(tap, nginx)
    rest(tap, nginx)
    url(tap, nginx)
    alb(tap, nginx)
    forwarded(tap, nginx)

    e = event(nginx, '/short/1/x/y')
    tap.equal([e['routeKey'], e['pathParameters']],
              ['ANY /short/{id}/{more+}', {'id': '1', 'more': 'x/y'}],
              'faas_route')
    tap.equal([nginx.get('/short/1', method='POST').status,
               nginx.get('/short/1').status], [404, 200],
              'faas_route: other methods are not there')
    tap.equal(json.loads(nginx.get('/short/').text),
              {'message': 'Not Found'}, 'faas_route: no such path')

    nginx.finish(tap)
