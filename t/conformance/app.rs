// The function of the conformance suite, in Rust on lambda_runtime.

use lambda_runtime::{
    run, service_fn,
    streaming::{channel, Body, Response},
    Context, Diagnostic, Error, LambdaEvent,
};
use serde_json::{json, Value};
use std::{
    env, fs,
    io::Write,
    process,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    time::{Duration, SystemTime},
};
use tokio::time::sleep;

const MESSAGE: &str = "an \"odd\" \u{e9}rror";

static CALLS: AtomicU64 = AtomicU64::new(0);
static RUNNING: AtomicU64 = AtomicU64::new(0);

#[derive(Debug)]
enum Failure {
    Odd(String),
    Other(Error),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(e: E) -> Self {
        Failure::Other(e.into())
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Odd(message) => Diagnostic {
                error_type: "Odd".into(),
                error_message: message,
            },
            Failure::Other(e) => e.into(),
        }
    }
}

fn number(event: &Value, name: &str) -> u64 {
    event[name].as_u64().unwrap_or(0)
}

async fn nap(ms: u64) {
    sleep(Duration::from_millis(ms)).await
}

fn remaining(c: &Context) -> Result<u64, Failure> {
    let left = c.deadline().duration_since(SystemTime::now())?;
    Ok(left.as_millis() as u64)
}

#[allow(unconditional_recursion)]
fn deep(n: u64) -> u64 {
    std::hint::black_box(deep(n + 1)) + 1
}

async fn misbehave(event: Value) -> Result<Value, Failure> {
    match event["do"].as_str() {
        Some("throw") => Err(Failure::Odd(MESSAGE.into())),
        Some("plain") => Err(MESSAGE.into()),
        Some("panic") => panic!("{}", MESSAGE),
        Some("throw_later") => {
            let task = tokio::spawn(async { panic!("later") });
            let _: Result<(), _> = task.await;
            Ok(json!("went on"))
        }
        Some("exit") => process::exit(number(&event, "code") as i32),
        Some("kill") => {
            let nowhere = std::hint::black_box(8 as *const u8);
            Ok(json!(unsafe { nowhere.read_volatile() }))
        }
        Some("loop") => loop {
            CALLS.fetch_xor(1, SeqCst);
        },
        Some("memory") => {
            let mut keep = Vec::new();
            loop {
                keep.push(std::hint::black_box(vec![1u8; 1 << 20]));
            }
        }
        Some("stack") => Ok(json!(deep(0))),
        _ => Ok(event),
    }
}

fn tmp() -> Result<Value, Failure> {
    let mut options = fs::OpenOptions::new();
    let mut file = options.append(true).create(true).open("/tmp/kept")?;
    file.write_all(b"x")?;
    Ok(json!(file.metadata()?.len()))
}

async fn act(event: Value, c: Context) -> Result<Value, Failure> {
    if event.get("requestContext").is_some() {
        return Ok(json!({
            "statusCode": 200, "body": event["body"],
            "headers": {"content-type": "application/octet-stream"},
            "isBase64Encoded": event["isBase64Encoded"]}));
    }

    match event["do"].as_str() {
        Some("flood") => {
            let line = "x".repeat(9999);
            for _ in 0..number(&event, "lines") {
                println!("{}", line);
            }
            Ok(json!("flooded"))
        }
        Some("daemon") => {
            tokio::spawn(async {
                loop {
                    nap(10).await;
                }
            });
            process::Command::new("/bin/sleep").arg("1000").spawn()?;
            Ok(json!(CALLS.load(SeqCst)))
        }
        Some("tmp") => tmp(),
        Some("env") => Ok(env::vars().map(|(k, v)| (k, json!(v))).collect()),
        Some("context") => Ok(json!({
            "id": c.request_id, "arn": c.invoked_function_arn,
            "name": c.env_config.function_name,
            "version": c.env_config.version,
            "memory": c.env_config.memory.to_string(),
            "group": c.env_config.log_group,
            "stream": c.env_config.log_stream,
            "custom": c.client_context.map(|c| c.custom)})),
        Some("remaining") => {
            let before = remaining(&c)?;
            nap(50).await;
            Ok(json!([before, remaining(&c)?]))
        }
        Some("log") => {
            let mark = event["mark"].as_str().unwrap_or_default();
            println!("out {}", mark);
            eprintln!("err {}", mark);
            Ok(json!("logged"))
        }
        Some("sleep") => {
            nap(number(&event, "ms")).await;
            Ok(json!([RUNNING.load(SeqCst), CALLS.load(SeqCst),
                      process::id()]))
        }
        _ => misbehave(event).await,
    }
}

// Counts down when the handler panics, too.
struct Running;

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, SeqCst);
    }
}

async fn handler(e: LambdaEvent<Value>) -> Result<Value, Failure> {
    CALLS.fetch_add(1, SeqCst);
    RUNNING.fetch_add(1, SeqCst);
    let _running = Running;
    act(e.payload, e.context).await
}

async fn stream(e: LambdaEvent<Value>) -> Result<Response<Body>, Error> {
    let (mut tx, rx) = channel();
    tokio::spawn(async move {
        for n in 0..number(&e.payload, "n") {
            nap(number(&e.payload, "ms")).await;
            if tx.send_data(format!("{} ", n).into()).await.is_err() {
                break;
            }
        }
    });
    Ok(Response::from(rx))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    match env::var("_HANDLER")?.as_str() {
        "throws.handler" => return Err("while loading".into()),
        "slow.handler" => nap(60000).await,
        "app.stream" => return run(service_fn(stream)).await,
        _ => {}
    }
    run(service_fn(handler)).await
}
