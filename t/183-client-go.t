#!/usr/bin/python3
"""github.com/aws/aws-lambda-go, unmodified, in a program of its own."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_clients import go                                    # noqa: E402
from faas_e2e import Nginx, Tap                                # noqa: E402
from faas_provided import ARN, CALLS, invoke                   # noqa: E402

MAIN = '''package main

import (
    "context"
    "errors"
    "fmt"
    "os"
    "strings"

    "github.com/aws/aws-lambda-go/events"
    "github.com/aws/aws-lambda-go/lambda"
    "github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
    Do string `json:"do"`
    A  string `json:"a"`
}

func handle(ctx context.Context, e event) (any, error) {
    lc, _ := lambdacontext.FromContext(ctx)
    deadline, _ := ctx.Deadline()
    switch e.Do {
    case "error":
        return nil, errors.New("an error")
    case "panic":
        panic("a panic")
    case "exit":
        os.Exit(4)
    case "log":
        fmt.Println("a line")
    case "large":
        return strings.Repeat("x", 5000000), nil
    }
    return map[string]any{
        "a": e.A, "id": lc.AwsRequestID, "arn": lc.InvokedFunctionArn,
        "client": lc.ClientContext.Custom,
        "name": lambdacontext.FunctionName, "handler": os.Getenv("_HANDLER"),
        "deadline": deadline.UnixMilli()}, nil
}

func stream(ctx context.Context) (*events.LambdaFunctionURLStreamingResponse,
    error) {
    return &events.LambdaFunctionURLStreamingResponse{
        StatusCode: 201, Headers: map[string]string{"x-kind": "streamed"},
        Body: strings.NewReader(strings.Repeat("y", 300000))}, nil
}

func main() {
    if os.Getenv("_HANDLER") == "stream" {
        lambda.Start(stream)
    }
    lambda.Start(handle)
}
'''

folder = go('go', {'main.go': MAIN})
HTTP = '''
faas_function go { runtime provided.al2023; handler any; code %s; }
faas_function stream { runtime provided.al2023; handler stream; code %s; }
''' % (folder, folder)
SERVER = CALLS + 'location /stream { faas_pass stream; }\n'

with Tap() as tap:
    with Nginx(http=HTTP, server=SERVER) as n:
        failed, got = invoke(n, 'go', {'a': 'b'})
        tap.equal((failed, got['a'], got['name'], got['arn'],
                   got['handler'], got['client']),
                  (None, 'b', 'go', ARN + 'go', 'any', {'k': 'v'}),
                  'an event')
        tap.ok(re.fullmatch('[0-9a-f-]{36}', got['id']), 'its id', got)
        tap.ok(got['deadline'] > 1e12, 'its deadline', got)
        failed, got = invoke(n, 'go', {'do': 'error'})
        tap.equal((failed, got), ('Unhandled', {
            'errorMessage': 'an error', 'errorType': 'errorString'}),
            'an error')
        failed, got = invoke(n, 'go', {'do': 'panic'})
        tap.equal((failed, got['errorMessage'], got['errorType']),
                  ('Unhandled', 'a panic', 'string'), 'a panic')
        tap.ok(got['stackTrace'][0]['label'], 'its trace', got)
        failed, got = invoke(n, 'go', {'do': 'exit'})
        tap.equal((failed, got['errorType']),
                  ('Unhandled', 'Runtime.ExitError'), 'it exits')
        failed, got = invoke(n, 'go', {'do': 'large'})
        tap.equal(len(got), 5000000, 'a large answer, in chunks')
        invoke(n, 'go', {'do': 'log'})
        n.wait_log('a line')
        r = n.get('/stream')
        tap.equal((r.status, r.headers.get('x-kind'), len(r.body),
                   set(r.body)), (201, 'streamed', 300000, {ord('y')}),
                  'a stream')
        n.finish(tap)
