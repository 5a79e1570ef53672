/* The function of the conformance suite, in C#. */

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;
using Amazon.Lambda.Core;

public class App
{
    static int calls, running;

    public object handler(object e, ILambdaContext context)
    {
        calls++;
        running++;

        try {
            var map = e as IDictionary<string, object>;

            return map != null ? Act(map, context) : e;
        } finally {
            running--;
        }
    }


    static object Act(IDictionary<string, object> e, ILambdaContext c)
    {
        if (e.ContainsKey("requestContext")) {
            return new {
                statusCode = 200, body = e["body"],
                headers = new Dictionary<string, string> {
                    { "content-type", "application/octet-stream" } },
                isBase64Encoded = e["isBase64Encoded"]
            };
        }

        switch (e.ContainsKey("do") ? e["do"] as string : null) {
        case "throw":
            throw new Odd("an \"odd\" \u00e9rror");

        case "throw_later":
            Thread later = new Thread(() => {
                throw new InvalidOperationException("later");
            });
            later.Start();
            later.Join();
            Thread.Sleep(5000);
            return "went on";

        case "exit":
            Environment.Exit(Convert.ToInt32(e["code"]));
            return null;

        case "kill":
            return memset((IntPtr) 8, 0, (IntPtr) 1);

        case "loop":
            for ( ;; ) {
                calls ^= 1;
            }

        case "memory":
            var keep = new List<byte[]>();
            for ( ;; ) {
                var more = new byte[1 << 20];
                for (int n = 0; n < more.Length; n += 4096) {
                    more[n] = 1;
                }
                keep.Add(more);
            }

        case "stack":
            return Deep(0);

        case "flood":
            string line = new string('x', 9999);
            for (long n = 0; n < (long) e["lines"]; n++) {
                Console.WriteLine(line);
            }
            return "flooded";

        case "daemon":
            new Thread(Work) { IsBackground = true }.Start();
            Process.Start(new ProcessStartInfo("/bin/sleep", "1000") {
                UseShellExecute = false });
            return calls;

        case "tmp":
            File.AppendAllText("/tmp/kept", "x");
            return new FileInfo("/tmp/kept").Length;

        case "env":
            return Environment.GetEnvironmentVariables();

        case "context":
            return new {
                id = c.AwsRequestId, name = c.FunctionName,
                version = c.FunctionVersion, arn = c.InvokedFunctionArn,
                memory = c.MemoryLimitInMB.ToString(),
                group = c.LogGroupName, stream = c.LogStreamName,
                custom = c.ClientContext.Custom
            };

        case "remaining":
            double before = c.RemainingTime.TotalMilliseconds;
            Thread.Sleep(50);
            return new[] { before, c.RemainingTime.TotalMilliseconds };

        case "log":
            Console.WriteLine("out " + e["mark"]);
            Console.Error.WriteLine("err " + e["mark"]);
            return "logged";

        case "sleep":
            Thread.Sleep(Convert.ToInt32(e["ms"]));
            return new[] { running, calls,
                           Process.GetCurrentProcess().Id };

        default:
            return e;
        }
    }


    static int Deep(int n)
    {
        return Deep(n + 1) + 1;
    }


    static void Work()
    {
        for ( ;; ) {
            Thread.Sleep(10);
        }
    }


    [DllImport("libc")]
    static extern IntPtr memset(IntPtr to, int value, IntPtr length);
}


class Odd : Exception
{
    internal Odd(string message) : base(message)
    {
    }
}
