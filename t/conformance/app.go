// The function of the conformance suite, in Go on aws-lambda-go.

package main

import (
    "context"
    "errors"
    "fmt"
    "io"
    "os"
    "os/exec"
    "strconv"
    "strings"
    "time"

    "github.com/aws/aws-lambda-go/lambda"
    "github.com/aws/aws-lambda-go/lambdacontext"
)

type object = map[string]any

type Odd struct {
    message string
}

func (e *Odd) Error() string {
    return e.message
}

const message = "an \"odd\" \u00e9rror"

var calls, running int

func deep(n int) int {
    return deep(n+1) + 1
}

func whole(event object, name string) int {
    n, _ := event[name].(float64)
    return int(n)
}

func nap(ms int) {
    time.Sleep(time.Duration(ms) * time.Millisecond)
}

func remaining(ctx context.Context) int64 {
    deadline, _ := ctx.Deadline()
    return time.Until(deadline).Milliseconds()
}

func misbehave(event object) (any, error) {
    switch event["do"] {
    case "throw":
        return nil, &Odd{message}

    case "plain":
        return nil, errors.New(message)

    case "panic":
        panic(message)

    case "throw_later":
        go func() { panic("later") }()
        select {}

    case "exit":
        os.Exit(whole(event, "code"))

    case "kill":
        var nowhere *Odd
        return nowhere.message, nil

    case "loop":
        for {
            calls ^= 1
        }

    case "memory":
        var keep [][]byte
        for {
            piece := make([]byte, 1<<20)
            for i := range piece {
                piece[i] = 1
            }
            keep = append(keep, piece)
        }

    case "stack":
        return deep(0), nil
    }

    return event, nil
}

func tmp() (any, error) {
    f, err := os.OpenFile("/tmp/kept", os.O_APPEND|os.O_CREATE|os.O_WRONLY,
        0o644)
    if err != nil {
        return nil, err
    }
    defer f.Close()
    if _, err := f.WriteString("x"); err != nil {
        return nil, err
    }
    st, err := f.Stat()
    if err != nil {
        return nil, err
    }
    return st.Size(), nil
}

func act(ctx context.Context, event object) (any, error) {
    if _, ok := event["requestContext"]; ok {
        return object{"statusCode": 200, "body": event["body"],
            "headers": object{"content-type": "application/octet-stream"},
            "isBase64Encoded": event["isBase64Encoded"]}, nil
    }

    switch event["do"] {
    case "flood":
        line := strings.Repeat("x", 9999)
        for n := whole(event, "lines"); n > 0; n-- {
            fmt.Println(line)
        }
        return "flooded", nil

    case "daemon":
        go func() {
            for {
                nap(10)
            }
        }()
        return calls, exec.Command("/bin/sleep", "1000").Start()

    case "tmp":
        return tmp()

    case "env":
        all := object{}
        for _, variable := range os.Environ() {
            name, value, _ := strings.Cut(variable, "=")
            all[name] = value
        }
        return all, nil

    case "context":
        lc, _ := lambdacontext.FromContext(ctx)
        return object{"id": lc.AwsRequestID, "arn": lc.InvokedFunctionArn,
            "name":    lambdacontext.FunctionName,
            "version": lambdacontext.FunctionVersion,
            "memory":  strconv.Itoa(lambdacontext.MemoryLimitInMB),
            "group":   lambdacontext.LogGroupName,
            "stream":  lambdacontext.LogStreamName,
            "custom":  lc.ClientContext.Custom}, nil

    case "remaining":
        before := remaining(ctx)
        nap(50)
        return []int64{before, remaining(ctx)}, nil

    case "log":
        fmt.Println("out", event["mark"])
        fmt.Fprintln(os.Stderr, "err", event["mark"])
        return "logged", nil

    case "sleep":
        nap(whole(event, "ms"))
        return []int{running, calls, os.Getpid()}, nil
    }

    return misbehave(event)
}

func handler(ctx context.Context, event any) (any, error) {
    calls++
    running++
    defer func() { running-- }()

    if o, ok := event.(object); ok {
        return act(ctx, o)
    }
    return event, nil
}

// What a handler returns to be read is sent on as it comes.
func stream(event object) (io.Reader, error) {
    from, to := io.Pipe()
    go func() {
        for n := 0; n < whole(event, "n"); n++ {
            nap(whole(event, "ms"))
            fmt.Fprintf(to, "%d ", n)
        }
        to.Close()
    }()
    return from, nil
}

func main() {
    switch os.Getenv("_HANDLER") {
    case "throws.handler":
        panic("while loading")
    case "slow.handler":
        time.Sleep(time.Minute)
    case "app.stream":
        lambda.Start(stream)
    }
    lambda.Start(handler)
}
