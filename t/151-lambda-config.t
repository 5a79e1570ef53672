#!/usr/bin/python3
"""faas_lambda_api and faas_auth in configurations: what is refused."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap                                # noqa: E402

POLICY = {'Statement': {'Effect': 'Allow', 'Action': '*', 'Resource': '*'}}
KEY = {'accessKeyId': 'A', 'secretAccessKey': 'B', 'policy': POLICY}

FILES = (
    # what is in the file, its mode, what is said
    (None, 0o600, 'cannot be read'),
    ('{', 0o600, 'line 1: '),
    ('{}', 0o600, 'has no "keys"'),
    ({'keys': []}, 0o600, 'has no "keys"'),
    ({'keys': [KEY]}, 0o644, 'is open to all users'),
    ({'keys': [dict(KEY, accessKeyId='')]}, 0o600,
     'key 1 in "{file}": it has no "accessKeyId"'),
    ({'keys': [KEY, dict(KEY, secretAccessKey=1, accessKeyId='C')]}, 0o600,
     'key 2 in "{file}": it has no "secretAccessKey"'),
    ({'keys': [KEY, KEY]}, 0o600,
     'key 2 in "{file}": there is another one of that id'),
    ({'keys': [dict(KEY, sessionToken=1)]}, 0o600,
     'key 1 in "{file}": "sessionToken" is no text'),
    ({'keys': [{k: KEY[k] for k in KEY if k != 'policy'}]}, 0o600,
     'key 1 in "{file}": it has no "policy"'),
    ({'keys': [dict(KEY, policy={'Statement': [{'Effect': 'Maybe'}]})]},
     0o600, 'key 1 in "{file}": '),
    ({'keys': [KEY]}, 0o640, 'test is successful'),
)

SERVERS = (
    ('location / { faas_lambda_api; }',
     '"faas_lambda_api" needs "faas_auth FILE"'),
    ('location / { faas_lambda_api; faas_lambda_api; faas_auth off; }',
     '"faas_lambda_api" directive is duplicate'),
    ('location / { faas_pass f; faas_lambda_api; faas_auth off; }',
     'is in a location with "faas_pass"'),
    ('location / { faas_lambda_api; faas_auth off; faas_pass f; }',
     '"faas_pass" directive is duplicate, or there is a'),
    ('location / { faas_lambda_api; faas_auth off; faas_api_pass a; }',
     '"faas_api_pass" directive is duplicate, or there is another'),
    ('location / { faas_lambda_api; faas_auth off; faas_route ANY / f; }',
     '"faas_route" directive is in a location with'),
    ('location / { faas_lambda_api; faas_auth off; faas_auth off; }',
     '"faas_auth" directive is duplicate'),
    ('faas_auth off; location / { faas_lambda_api; }', 'test is successful'),
)


with Tap() as tap:
    nginx = Nginx(http='faas_function f { runtime python3; handler '
                       'app.handler; code {functions}/f; }',
                  functions={'f': {'app.py': 'def handler(e, c): pass\n'}})
    path = os.path.join(nginx.dir, 'keys.json')
    try:
        for server, says in SERVERS:
            nginx.write_conf(server=server)
            tap.ok(says in nginx.test_conf()[1], says, nginx.test_conf()[1])

        nginx.write_conf(server='location / { faas_lambda_api; '
                                'faas_auth {dir}/keys.json; }')
        for content, mode, says in FILES:
            if content is not None:
                with open(path, 'w') as f:
                    f.write(content if isinstance(content, str)
                            else json.dumps(content))
                os.chmod(path, mode)
            says = says.replace('{file}', path)
            text = nginx.test_conf()[1]
            tap.ok(says in text, '%.60r: %s' % (content, says[-40:]), text)
    finally:
        nginx.destroy()
