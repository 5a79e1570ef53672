#!/usr/bin/python3
"""From an OpenAPI document to an API that answers: faasctl, a reload, and
requests."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap                                # noqa: E402
from faas_openapi import URI, run                              # noqa: E402

HTTP_API = '''openapi: 3.0.1
info: {title: shop, version: "1"}
paths:
  /orders/{id}:
    get: &get
      security: [{users: []}]
      responses: {}
      x-amazon-apigateway-integration: &lambda
        type: aws_proxy
        httpMethod: POST
        payloadFormatVersion: "2.0"
        uri: %s
  /health:
    get:
      responses: {}
      x-amazon-apigateway-integration: *lambda
components:
  securitySchemes:
    users:
      type: apiKey
      name: Authorization
      in: header
      x-amazon-apigateway-authtype: custom
      x-amazon-apigateway-authorizer:
        type: request
        identitySource: $request.header.Authorization
        authorizerUri: %s
        authorizerPayloadFormatVersion: "2.0"
        authorizerResultTtlInSeconds: 60
        enableSimpleResponses: true
x-amazon-apigateway-cors: {allowOrigins: ["https://a.example"]}
''' % (URI % 'orders', URI % 'check')

REST_API = '''{"openapi": "3.0.1", "info": {"title": "pets"}, "paths": {
"/pets/{name}": {"get": {"security": [{"users": []}], "responses": {},
  "x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": "%s",
    "httpMethod": "POST"}}}},
"x-amazon-apigateway-binary-media-types": ["image/png"],
"components": {"securitySchemes": {"users": {"type": "apiKey",
  "name": "X-Token", "in": "header", "x-amazon-apigateway-authtype": "custom",
  "x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": "%s",
    "identityValidationExpression": "^t-[0-9]+$"}}}}}
''' % (URI % 'orders', URI % 'check')

APP = '''
import json

def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(
        event["requestContext"].get("authorizer"))}

def check(event, context):
    if event["type"] == "TOKEN":
        return {"principalId": event["authorizationToken"],
                "policyDocument": {"Version": "2012-10-17", "Statement": [{
                    "Action": "execute-api:Invoke", "Effect": "Allow",
                    "Resource": event["methodArn"].replace("rex", "*")}]}}
    return {"isAuthorized": event["identitySource"][0] == "secret",
            "context": {"who": "ann"}}
'''

FUNCTIONS = '''
    faas_function orders {
        runtime python3; handler app.handler; code {functions}/app;
    }
    faas_function check {
        runtime python3; handler app.check; code {functions}/app;
    }
'''

SERVER = '''
    location / { faas_api_pass shop; }
    location /rest/ { faas_api_pass pets base_path=/rest; }
'''


def converted(tap, text, kind, name):
    r = run(text, '--type', kind, '--name', name)
    tap.equal((r.status, r.reports), (0, []), 'faasctl: ' + name)
    end = r.out.index('\n}\n') + 3
    return r.out[:end]


with Tap() as tap:
    apis = converted(tap, HTTP_API, 'http', 'shop') \
        + converted(tap, REST_API, 'rest', 'pets')

    with Nginx(http=FUNCTIONS, functions={'app': {'app.py': APP}}) as nginx:
        tap.equal(nginx.get('/health').status, 404, 'before')
        nginx.write_conf(http=FUNCTIONS + apis, server=SERVER)
        status, text = nginx.test_conf()
        tap.equal(status, 0, 'nginx -t')
        nginx.reload()

        r = nginx.get('/health', headers={'Origin': 'https://a.example'})
        tap.equal((r.status, r.headers.get('access-control-allow-origin')),
                  (200, 'https://a.example'), 'an open route, with CORS')
        tap.equal([nginx.get('/orders/1', headers=h).status for h in (
            {}, {'Authorization': 'x'}, {'Authorization': 'secret'})],
            [401, 403, 200], 'a closed one')
        tap.equal(nginx.get('/orders/1', headers={'Authorization': 'secret'})
                  .json(), {'lambda': {'who': 'ann'}}, 'its context')

        tap.equal([nginx.get('/rest/pets/' + p, headers={'X-Token': t}).status
                   for p, t in (('rex', 'x'), ('rex', 't-1'), ('tom', 't-1'))],
                  [401, 200, 200], 'a REST API: a token')
        tap.equal(nginx.get('/rest/pets/tom', headers={'X-Token': 't-1'})
                  .json()['principalId'], 't-1', 'its principal')
        nginx.finish(tap)
