#!/usr/bin/python3
"""API keys in configurations: mistakes and where they are."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap                                # noqa: E402

VALUE = '"value": "12345678901234567890"'
KEY = '{"id": "k", %s}' % VALUE
API = '''
    faas_api a {
        type rest;
        api_keys keys.json;
        route GET / return 200 api_key=required;
    }
'''


def plan(text, key=KEY):
    return '{"usagePlans": [{"name": "p", "apiKeys": [%s]%s}]}' % (key, text)


# of a file: (text, message)
FILES = [
    ('{"usagePlans": [', 'line 1'),
    ('[]', 'has no list "usagePlans"'),
    ('{}', 'has no list "usagePlans"'),
    ('{"usagePlans": [[]]}', '"name" of a usage plan'),
    ('{"usagePlans": [{"name": "a b"}]}', '"name" of a usage plan'),
    ('{"usagePlans": [{"name": "p"}]}',
     'usage plan "p" in "FILE": it has no list "apiKeys"'),
    (plan(', "qouta": {}'), 'unknown member "qouta"'),
    (plan('', '{%s}' % VALUE), '"id" of an API key must be 1 to 64'),
    (plan('', '{"id": "%s", %s}' % ('k' * 65, VALUE)), '"id" of an API key'),
    (plan('', '{"id": 1, %s}' % VALUE), '"id" of an API key'),
    (plan('', '{"id": "k"}'), '"value" of an API key must be 20 to 128'),
    (plan('', '{"id": "k", "value": "1234567890123456789"}'),
     '"value" of an API key'),
    (plan('', '{"id": "k", "value": "%s"}' % ('v' * 129)),
     '"value" of an API key'),
    (plan('', '{"id": "k", "value": "1234567890 1234567890"}'),
     '"value" of an API key'),
    (plan('', '{"id": "k", "value": "1234567890\\u00e91234567890"}'),
     '"value" of an API key'),
    (plan('', '{"id": "k", %s, "enabled": "no"}' % VALUE),
     '"enabled" of an API key must be true or false'),
    (plan('', '{"id": "k", %s, "scope": ""}' % VALUE),
     'unknown member "scope"'),
    (plan('', KEY + ', {"id": "k", "value": "%s"}' % ('v' * 20)),
     'API key "k" in "FILE" is duplicate'),
    (plan('', KEY + ', {"id": "j", %s}' % VALUE),
     'API keys "j" and "k" in "FILE" have the same value'),
    (plan(', "throttle": {}'), '"throttle" has no "rateLimit"'),
    (plan(', "throttle": 1'), '"throttle" has no "rateLimit"'),
    (plan(', "throttle": {"rateLimit": -1}'), '"rateLimit" must be a number'),
    (plan(', "throttle": {"rateLimit": "1"}'),
     '"rateLimit" must be a number from 0 to 1000000'),
    (plan(', "throttle": {"rateLimit": 1e9}'), '"rateLimit" must be a'),
    (plan(', "throttle": {"burstLimit": 1.5}'),
     '"burstLimit" must be an integer from 0 to 1000000'),
    (plan(', "throttle": {"burst": 1}'), 'unknown member "burst"'),
    (plan(', "quota": {}'), '"limit" of "quota" must be an integer'),
    (plan(', "quota": {"limit": -1, "period": "DAY"}'), '"limit" of "quota"'),
    (plan(', "quota": {"limit": 1}'), '"period" of "quota" must be "DAY"'),
    (plan(', "quota": {"limit": 1, "period": "day"}'), '"period" of "quota"'),
    (plan(', "quota": {"limit": 1, "period": "DAY", "offset": 2}'),
     '"offset" of "quota" must be an integer from 0 to its "limit"'),
    (plan(', "quota": {"limit": 1, "period": "DAY", "rate": 2}'),
     'unknown member "rate"')]

# of nginx.conf: (text, the line that is named, message)
CONFS = [
    (API.replace('api_keys', 'api_keys keys.json;\n        api_keys'),
     None, '"api_keys" directive is duplicate'),
    (API.replace('rest', 'http'), 'faas_api a {',
     '"api_keys" need type "rest" of API "a"'),
    (API.replace('api_keys keys.json;', ''), 'route GET /',
     'there are no "api_keys" of the API for route "GET /"'),
    (API.replace('api_keys keys.json;', '').replace('GET /', 'GET ~ ^/x'),
     'route GET ~', 'there are no "api_keys" of the API for route'),
    (API.replace('api_keys keys.json;', '').replace('GET /', '$default')
     .replace('rest', 'http'),
     'route $default', 'there are no "api_keys" of the API for route'),
    (API.replace('=required', '=optional'), 'route GET /',
     'invalid parameter "api_key=optional" of route "GET /"'),
    (API.replace('keys.json', 'none.json'), 'api_keys none.json',
     '"api_keys" file "DIR/none.json" cannot be read')]


def refused(tap, nginx, says, line, what):
    status, output = nginx.test_conf()
    says = says.replace('FILE', os.path.join(nginx.dir, 'keys.json')) \
               .replace('DIR', nginx.dir)
    found = re.search(r'\[emerg\].*', output)
    found = found.group(0) if found else output
    tap.ok(status and says in found, what, found)
    if line:
        with open(nginx.conf) as f:
            lines = f.read().splitlines()
        named = re.search(r'nginx\.conf:(\d+)', found)
        tap.ok(named and line in lines[int(named.group(1)) - 1],
               what + ': its line', found)


def write(nginx, text, mode=0o640):
    path = os.path.join(nginx.dir, 'keys.json')
    with open(path, 'w') as f:
        f.write(text)
    os.chmod(path, mode)


def main():
    nginx = Nginx(http=API)
    try:
        with Tap() as tap:
            for n, (text, says) in enumerate(FILES):
                write(nginx, text)
                refused(tap, nginx, says, 'api_keys', 'file %d' % n)

            write(nginx, plan(''), 0o644)
            refused(tap, nginx, 'is open to all users', 'api_keys', 'mode')
            write(nginx, plan(''))

            for n, (text, line, says) in enumerate(CONFS):
                nginx.write_conf(http=text)
                refused(tap, nginx, says, line, 'configuration %d' % n)

            nginx.write_conf(http=API)
            write(nginx, plan(', "quota": {"limit": 0, "period": "MONTH", '
                              '"offset": 0}, "throttle": {"rateLimit": 0.5}'))
            status, output = nginx.test_conf()
            tap.ok(status == 0, 'what is good is accepted', output)
            tap.equal(os.listdir(os.path.join(nginx.dir, 'state')), [],
                      'and a test makes no file')
    finally:
        nginx.destroy()


main()
