// Calls functions with the AWS SDK and prints what it got, as JSON.

const {
    LambdaClient, InvokeCommand, InvokeWithResponseStreamCommand,
    GetFunctionCommand, ListFunctionsCommand
} = require("@aws-sdk/client-lambda");

const client = (secret) => new LambdaClient({
    region: "us-east-1",
    endpoint: process.argv[2],
    maxAttempts: 1,
    credentials: { accessKeyId: "AKIDALL", secretAccessKey: secret },
});

const text = (bytes) => Buffer.from(bytes).toString();

async function stream(payload) {
    const r = await client("all").send(new InvokeWithResponseStreamCommand({
        FunctionName: "f", Payload: payload, LogType: "Tail",
    }));
    const found = { status: r.$metadata.httpStatusCode, chunks: 0, body: "" };
    for await (const event of r.EventStream) {
        if (event.PayloadChunk) {
            found.chunks++;
            found.body += text(event.PayloadChunk.Payload);
        }
        if (event.InvokeComplete) {
            found.end = event.InvokeComplete;
        }
    }
    return found;
}

async function refused(command, secret) {
    try {
        await client(secret || "all").send(command);
    } catch (e) {
        return [e.name, e.$metadata.httpStatusCode, e.message];
    }
    return null;
}

(async () => {
    const all = client("all");
    const r = await all.send(new InvokeCommand({
        FunctionName: "f", Payload: JSON.stringify({ a: "é" }),
        LogType: "Tail",
        ClientContext: Buffer.from('{"custom":{"x":1}}').toString("base64"),
    }));
    const failed = await all.send(new InvokeCommand({
        FunctionName: "f", Payload: '"raise"',
    }));
    const list = await all.send(new ListFunctionsCommand({}));
    const get = await all.send(new GetFunctionCommand({ FunctionName: "f" }));

    console.log(JSON.stringify({
        result: JSON.parse(text(r.Payload)),
        status: r.StatusCode,
        version: r.ExecutedVersion,
        log: Buffer.from(r.LogResult, "base64").toString(),
        failed: [failed.FunctionError, JSON.parse(text(failed.Payload))],
        stream: await stream(JSON.stringify("y".repeat(100000))),
        broken: await stream('"raise"'),
        list: list.Functions.map((f) => f.FunctionName),
        memory: get.Configuration.MemorySize,
        nobody: await refused(new InvokeCommand({ FunctionName: "nobody" })),
        wrong: await refused(new InvokeCommand({ FunctionName: "f" }), "x"),
    }));
})();
