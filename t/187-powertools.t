#!/usr/bin/python3
"""AWS's Powertools for Python, unmodified, in our own runtime for Python."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, wait_for                      # noqa: E402
from faas_provided import CALLS, cached, invoke, pip_install   # noqa: E402

VERSION = '3.37.0'
APP = '''
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import (APIGatewayHttpResolver,
                                                 Response)
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.middleware_factory import \\
    lambda_handler_decorator
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor, EventType, process_partial_response)
from aws_lambda_powertools.utilities.data_classes import (
    APIGatewayProxyEventV2, event_source)

logger = Logger(service="orders")
metrics = Metrics(namespace="Shop", service="orders")
tracer = Tracer(service="orders")
app = APIGatewayHttpResolver()


@app.get("/hello/<name>")
@tracer.capture_method
def hello(name):
    metrics.add_metric(name="Greetings", unit=MetricUnit.Count, value=1)
    logger.info("greets", extra={"name_": name})
    return {"hello": name, "q": app.current_event.get_query_string_value("q")}


@app.get("/missing")
def missing():
    raise NotFoundError("not here")


@app.post("/text")
def text():
    return Response(status_code=201, content_type="text/plain",
                    body=app.current_event.body.upper(),
                    cookies=[], headers={"X-Own": "yes"})


@lambda_handler_decorator
def around(handler, event, context):
    return handler(event, context)


@logger.inject_lambda_context(
    correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler
@around
def handler(event, context):
    return app.resolve(event, context)


@event_source(data_class=APIGatewayProxyEventV2)
def typed(event, context):
    return {"path": event.raw_path, "method": event.request_context.http.method,
            "left": context.get_remaining_time_in_millis() > 0}


batch = BatchProcessor(event_type=EventType.SQS)


def one(record):
    if record.body == "bad":
        raise ValueError("bad")


def batched(event, context):
    return process_partial_response(event=event, record_handler=one,
                                    processor=batch, context=context)
'''


def install(folder):
    return pip_install(folder, 'aws-lambda-powertools[tracer,validation]=='
                       + VERSION)


def code():
    folder = cached('powertools-' + VERSION, install)
    with open(os.path.join(folder, 'app.py'), 'w') as f:
        f.write(APP)
    return folder


HTTP = ''.join('''
    faas_function %s {
        runtime python3; handler app.%s; code %s; memory 256m; timeout 10s;
        environment POWERTOOLS_SERVICE_NAME=orders;
    }
''' % (name, name, code()) for name in ('handler', 'typed', 'batched'))

SERVER = CALLS + '''
    location / { faas_pass handler; }
    location /typed { faas_pass typed; }
'''


def records(nginx):
    """What was logged as JSON, by message or metric."""
    return [json.loads(m) for m in
            re.findall(r'faas: \[handler [0-9a-f-]{36}\] (\{.*\})$',
                       nginx.log(), re.M)]


def answers(tap, nginx):
    r = nginx.get('/hello/you?q=1')
    tap.equal((r.status, r.json()), (200, {'hello': 'you', 'q': '1'}),
              'a route of the resolver')
    r = nginx.get('/missing')
    tap.equal((r.status, r.json()['message']), (404, 'not here'), 'an error')
    tap.equal(nginx.get('/nowhere').status, 404, 'no route')
    r = nginx.get('/text', method='POST', body=b'some text',
                  headers={'Content-Type': 'text/plain'})
    tap.equal((r.status, r.text, r.headers.get('x-own')),
              (201, 'SOME TEXT', 'yes'), 'a response of its own')
    tap.equal(nginx.get('/typed/x').json(),
              {'path': '/typed/x', 'method': 'GET', 'left': True},
              'a data class')

    failed, got = invoke(nginx, 'batched', {'Records': [
        {'messageId': str(i), 'body': 'bad' if i == 1 else 'good',
         'eventSource': 'aws:sqs'} for i in range(3)]})
    tap.equal((failed, got),
              (None, {'batchItemFailures': [{'itemIdentifier': '1'}]}),
              'a batch of which one fails')


def logs(tap, nginx):
    wait_for(lambda: [r for r in records(nginx) if 'Greetings' in r])
    found = records(nginx)
    line = [r for r in found if r.get('message') == 'greets'][0]
    tap.equal((line['service'], line['name_'], line['cold_start'],
               line['function_name'], line['function_memory_size']),
              ('orders', 'you', True, 'handler', '256'), 'a line of the logger')
    tap.ok(re.search(r'\[handler %s\] .*greets' % line['function_request_id'],
                     nginx.log()), 'with its request id')
    tap.equal(line['correlation_id'], line['function_request_id'],
              'which is that of the event')
    metric = [r for r in found if 'Greetings' in r][0]
    tap.equal((metric['Greetings'], metric['service'],
               metric['_aws']['CloudWatchMetrics'][0]['Namespace']),
              ([1.0], 'orders', 'Shop'), 'a metric')
    tap.ok([r for r in found if 'ColdStart' in r], 'that of a cold start')


with Tap() as tap, Nginx(http=HTTP, server=SERVER) as nginx:
    answers(tap, nginx)
    logs(tap, nginx)
    nginx.finish(tap)
