#!/usr/bin/python3
"""lambda_runtime and lambda_http from their registry, unmodified."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_clients import rust                                  # noqa: E402
from faas_e2e import Nginx, Tap                                # noqa: E402
from faas_provided import ARN, CALLS, invoke                   # noqa: E402

PLAIN = '''
use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::{json, Value};

async fn handle(e: LambdaEvent<Value>) -> Result<Value, Error> {
    match e.payload["do"].as_str() {
        Some("error") => return Err("an error".into()),
        Some("panic") => panic!("a panic"),
        Some("exit") => std::process::exit(4),
        Some("log") => println!("a line"),
        Some("large") => return Ok(json!("x".repeat(5000000))),
        _ => {}
    }
    let c = e.context;
    Ok(json!({"a": e.payload["a"], "id": c.request_id,
              "arn": c.invoked_function_arn,
              "name": c.env_config.function_name,
              "client": c.client_context.map(|c| c.custom),
              "deadline": c.deadline, "trace": c.xray_trace_id}))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handle)).await
}
'''
HTTP_RS = '''
use lambda_http::{run, service_fn, Body, Error, Request, RequestExt,
                  Response};

async fn handle(r: Request) -> Result<Response<Body>, Error> {
    let who = r.query_string_parameters().first("who").unwrap_or("nobody")
        .to_string();
    Ok(Response::builder().status(201).header("x-method",
        r.method().as_str()).body(Body::Text(format!("{} {}", who,
        r.body().len())))?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handle)).await
}
'''
STREAM = '''
use lambda_runtime::{run, service_fn, Error, LambdaEvent,
                     streaming::{channel, Body, Response}, MetadataPrelude};
use serde_json::Value;
use std::time::Duration;

async fn handle(_e: LambdaEvent<Value>) -> Result<Response<Body>, Error> {
    let (mut tx, rx) = channel();
    tokio::spawn(async move {
        for i in 0..3 {
            tx.send_data(format!("piece {}\\n", i).into()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let mut head = MetadataPrelude::default();
    head.status_code = 201.try_into().unwrap();
    head.headers.insert("x-kind", "streamed".parse().unwrap());
    Ok(Response { metadata_prelude: head, stream: rx })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handle)).await
}
'''

folder = rust('rust', {'plain': PLAIN, 'http': HTTP_RS, 'stream': STREAM})
HTTP = ''.join('faas_function %s { runtime provided.al2023; code %s/%s; }\n'
               % (name, folder, name) for name in ('plain', 'http', 'stream'))
SERVER = CALLS + '''
location /http { faas_pass http; }
location /stream { faas_pass stream; }
'''

with Tap() as tap:
    with Nginx(http=HTTP, server=SERVER) as n:
        failed, got = invoke(n, 'plain', {'a': 'b'})
        tap.equal((failed, got['a'], got['name'], got['arn'], got['client']),
                  (None, 'b', 'plain', ARN + 'plain', {'k': 'v'}),
                  'an event')
        tap.ok(re.fullmatch('[0-9a-f-]{36}', got['id']), 'its id', got)
        tap.ok(got['deadline'] > 1e12 and got['trace'].startswith('Root='),
               'deadline and trace', got)
        failed, got = invoke(n, 'plain', {'do': 'error'})
        tap.equal((failed, got['errorMessage']), ('Unhandled', 'an error'),
                  'an error')
        failed, got = invoke(n, 'plain', {'do': 'panic'})
        tap.equal(failed, 'Unhandled', 'a panic')
        tap.ok('a panic' in got['errorMessage'], 'with its message', got)
        failed, got = invoke(n, 'plain', {'do': 'exit'})
        tap.equal((failed, got['errorType']),
                  ('Unhandled', 'Runtime.ExitError'), 'it exits')
        failed, got = invoke(n, 'plain', {'do': 'large'})
        tap.equal(len(got), 5000000, 'a large answer')
        invoke(n, 'plain', {'do': 'log'})
        n.wait_log('a line')
        r = n.get('/http?who=me', method='POST', body=b'12345')
        tap.equal((r.status, r.headers.get('x-method'), r.body),
                  (201, 'POST', b'me 5'), 'lambda_http')
        r = n.get('/stream')
        tap.equal((r.status, r.headers.get('x-kind'), r.body),
                  (201, 'streamed', b'piece 0\npiece 1\npiece 2\n'),
                  'a stream')
        n.finish(tap)
