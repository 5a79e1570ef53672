"""Functions in C# for the runtime's own tests: those that every language has,
each a class of the namespace "fn", and some of C#'s own."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../../lib"))
import faas_mono                                               # noqa: E402

HEAD = """\
using System;
using System.Collections;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Amazon.Lambda.Core;

"""

# bodies of a method of (object e, ILambdaContext c)
HANDLERS = {
    "echo": "return e;",
    "fail": 'throw new ArgumentException("no "'
            ' + ((IDictionary<string, object>) e)["what"]);',
    "members": """
        IClientContext client = c.ClientContext;
        return new Dictionary<string, object> {
            { "id", c.AwsRequestId }, { "name", c.FunctionName },
            { "version", c.FunctionVersion }, { "arn", c.InvokedFunctionArn },
            { "memory", c.MemoryLimitInMB + "" }, { "group", c.LogGroupName },
            { "stream", c.LogStreamName },
            { "left", (long) c.RemainingTime.TotalMilliseconds },
            { "deadline", (DateTime.UtcNow + c.RemainingTime
                - new DateTime(1970, 1, 1)).TotalMilliseconds },
            { "identity", c.Identity == null ? null
                : new { cognitoIdentityId = c.Identity.IdentityId } },
            { "client", client == null ? null
                : new { custom = client.Custom.ToDictionary(
                            p => p.Key, p => int.Parse(p.Value)) } },
            { "trace", c.TraceId == Environment.GetEnvironmentVariable(
                "_X_AMZN_TRACE_ID") ? c.TraceId : "differs" } };""",
    "environment": """
        return new { env = Environment.GetEnvironmentVariables(),
                     cwd = Directory.GetCurrentDirectory() };""",
    "logs": """
        Console.WriteLine("to stdout");
        Console.Error.WriteLine("to stderr");
        c.Logger.Log("\\u00e4\\n");
        return "done";""",
    "hang": """
        Console.WriteLine("hanging");
        Thread.Sleep(100000);
        return null;""",
    "leave": """
        Console.WriteLine("leaving");
        Environment.Exit(Convert.ToInt32(e));
        return null;""",
    "killed": """
        Console.WriteLine("before");
        Console.Out.Flush();
        Process.GetCurrentProcess().Kill();
        Thread.Sleep(10000);
        return null;""",
    "flood": """
        string line = new string('x', 1000);
        for (long i = 0; i < (long) e; i++)
            Console.WriteLine(line);
        return e;""",
    "large": "return new string('x', 5000000);",
    "value": """
        var self = new Dictionary<string, object>();
        self["self"] = self;
        switch ((string) e) {
        case "text": return "\\u00e4\\u2028\\ud83d\\ude00\\"\\\\\\n";
        case "list": return new object[] { 1, new[] { 2 }, new ArrayList() };
        case "map": return new { a = new { b = 1.5 } };
        case "true": return true;
        case "bad": return self;
        default: return null;
        }""",
    "children": """
        var start = new ProcessStartInfo("/bin/sh",
            "-c \\"ls /proc/self/fd | wc -l; env\\"") {
            UseShellExecute = false, RedirectStandardOutput = true };
        using (Process p = Process.Start(start))
            return p.StandardOutput.ReadToEnd();""",
}

FN = HEAD + "namespace fn\n{" + "".join("""
    public class %s
    {
        public object Handle(object e, ILambdaContext c)
        {%s
        }
    }
""" % (name, body.replace("\n", "\n    ")) for name, body in HANDLERS.items()
) + """
    public class count
    {
        static count() { Console.WriteLine("loading"); }
        int n;
        public int Handle(object e) { return ++n; }
    }

    public class raw
    {
        public Stream Handle(Stream e) { return e; }
    }
}
"""

# what may go wrong with a handler
BAD = HEAD + """
namespace bad
{
    public class Init
    {
        static readonly int N = int.Parse("no number");
        public int Handle() { return N; }
    }

    public class Made
    {
        public Made() { throw new InvalidOperationException("not today"); }
        public void Handle() { }
    }

    public class Exit
    {
        static Exit() { Environment.Exit(7); }
        public void Handle() { }
    }

    public class Forms
    {
        public void Many(int a, ILambdaContext b, int c) { }
        public void Wrong(int a, int b) { }
        public void Over(int a) { }
        public void Over(string a) { }
        public T Generic<T>(T a) { return a; }
        public async void Async() { }
    }

    public abstract class Abstract
    {
        public abstract void Handle();
        public void Other() { }
    }

    public class Generic<T>
    {
        public void Handle() { }
    }

    public class Hidden
    {
        public Hidden(int n) { }
        public void Handle() { }
    }
}
"""

# what Lambda calls a handler, and what JSON becomes
OWN = HEAD + """
[assembly: LambdaSerializer(typeof(own.Loud))]

namespace own
{
    public class Loud : ILambdaSerializer
    {
        public T Deserialize<T>(Stream s)
        {
            return (T) (object) new StreamReader(s).ReadToEnd().ToUpper();
        }

        public void Serialize<T>(T value, Stream s)
        {
            byte[] text = Encoding.UTF8.GetBytes("\\"<" + value + ">\\"");
            s.Write(text, 0, text.Length);
        }
    }

    public class Forms
    {
        public string Same(string s) { return s.Replace('"', ' '); }
    }
}
"""

FORMS = HEAD + """
namespace Newtonsoft.Json
{
    public class JsonPropertyAttribute : Attribute
    {
        public string PropertyName { get; set; }
    }

    public class JsonIgnoreAttribute : Attribute { }
}

namespace forms
{
    public enum Colour { Red, Green }

    public class Base
    {
        protected int calls;
        int Inherited() { return 7; }
    }

    public class Forms : Base
    {
        public int Calls() { return ++calls; }
        public static string Same(string s) { return s; }
        public int Twice(int n) { return 2 * n; }
        public string Named(Dictionary<string, int> m, ILambdaContext c)
        {
            return c.FunctionName + string.Join(",", m.OrderBy(p => p.Key));
        }
        public void Nothing(object o) { }
        public string Only(ILambdaContext c) { return c.AwsRequestId; }
        string Private() { return "private"; }
        public Task<int> Later(int n)
        {
            return Task.Delay(5).ContinueWith(t => n + 1);
        }
        public async Task<string> Async(string s, ILambdaContext c)
        {
            await Task.Delay(1);
            return s + c.MemoryLimitInMB;
        }
        public async Task Done(object o) { await Task.Yield(); }
        public async Task<string> Fails(object o)
        {
            await Task.Delay(1);
            throw new TimeoutException("in a task",
                new Exception("below"));
        }
        public int Faults(object o)
        {
            return Task.WhenAll(Task.Run(() => Fail("a")),
                                Task.Run(() => Fail("b")))
                       .ContinueWith(t => t.Exception == null ? 0
                                          : Throw(t.Exception)).Result;
        }
        static void Fail(string s) { throw new ArgumentException(s); }
        static int Throw(Exception e) { throw e; }
        public void In(Stream s)
        {
            Console.WriteLine(new StreamReader(s).ReadToEnd().Length);
        }
        public Stream Out()
        {
            var s = new MemoryStream();
            s.WriteByte((byte) '5');
            return s;
        }
        public async Task<Stream> Pipe(Stream s, ILambdaContext c)
        {
            var o = new MemoryStream();
            await s.CopyToAsync(o);
            return o;
        }
        public Stream File(object o)
        {
            return new FileStream("/etc/hostname", FileMode.Open,
                                  FileAccess.Read);
        }
        public Stream Null(object o) { return null; }
        public static class Inner
        {
            public static string Handle() { return "inner"; }
        }
        public struct Value
        {
            public int N;
            public Value Handle(Value v) { v.N++; return v; }
        }
        public string Zone()
        {
            return TimeZoneInfo.Local.BaseUtcOffset + " "
                   + System.Globalization.CultureInfo.CurrentCulture.Name
                   + " " + 1.5;
        }
        public object Where()
        {
            return new { there = Other.Place.Name, };
        }
        public void Thread(object o)
        {
            new System.Threading.Thread(() => Fail("in a thread")).Start();
            System.Threading.Thread.Sleep(5000);
        }
        public void AtExit(object o)
        {
            AppDomain.CurrentDomain.ProcessExit += (s, e)
                => Console.Error.WriteLine("the handler");
        }
        public object Log(ILambdaContext c)
        {
            c.Logger.LogLine("a line");
            c.Logger.Log("Warning", "a level");
            c.Logger.LogError(new Exception("why"), "an error");
            Console.Write("{0} {1}", 1, 'c');
            Console.Write(new[] { 'd', '\\n' });
            return new { n = c.Unknown, c = c.ToString(),
                         same = c.Equals(c), type = c is ILambdaContext,
                         custom = c.ClientContext.Custom,
                         env = c.ClientContext.Environment,
                         title = c.ClientContext.Client.AppTitle,
                         pool = c.Identity.IdentityPoolId };
        }
        public string Deep(string s) { return Deep(s) + 1; }
        public int[] Fill(int n) { return new int[n]; }
    }

    public class Item
    {
        [Newtonsoft.Json.JsonProperty(PropertyName = "the name")]
        public string Name { get; set; }
        public Colour Colour { get; set; }
        public Item Next { get; set; }
        public DateTime? When;
        public decimal Price { get; set; }
        public byte[] Data { get; set; }
        public List<int> Numbers { get; } = new List<int> { 9 };
        public IList<Item> Items { get; set; }
        public IDictionary<Colour, long> By { get; set; }
        public HashSet<string> Set { get; set; }
        public int[][] Grid { get; set; }
        public Guid Id { get; set; }
        public Uri Link { get; set; }
        public TimeSpan Span { get; set; }
        public double? Ratio { get; set; }
        public char Letter { get; set; }
        public object Any { get; set; }
        [Newtonsoft.Json.JsonIgnore]
        public string Secret { get { return "secret"; } }
        public Point Point { get; set; }
        public Stream Stream { set { } }
        public static int Static { get; set; }
    }

    public class Point
    {
        public int X { get; }
        public int Y { get; }
        public Point(int x, int y = 4) { X = x; Y = y; }
    }

    public class Json
    {
        public Item Item(Item i) { return i; }
        public Item[] Items(IEnumerable<Item> i) { return i.ToArray(); }
        public object Types(List<object> l)
        {
            return l.Select(v => v == null ? "null" : v.GetType().Name);
        }
        public Item Circle(Item i) { i.Next = i; return i; }
        public string Exact(decimal d) { return d.ToString(); }
        public DateTime Date(DateTime d) { return d; }
        public ulong Big(ulong n) { return n; }
        public sbyte Small(sbyte n) { return n; }
        public Colour? Colour(Colour? c) { return c; }
        public Type Type(object o) { return typeof(Json); }
        public Getter Getter(object o) { return new Getter(); }
        public Stack<int> Stack(Stack<int> s) { return s; }
        public SortedDictionary<string, int> Sorted(
            SortedDictionary<string, int> d) { return d; }
        public IComparable Compare(IComparable c) { return c; }
        public IDisposable Cannot(IDisposable c) { return c; }
        public object Odd()
        {
            return new object[] { double.NaN, 1.5f, 'c', Colour_(), 1e300,
                0.1m, new Hashtable { { 1, "one" } }, TimeSpan.FromHours(1),
                new KeyValuePair<string, int>("k", 2), "\\ud800",
                new DateTime(2020, 1, 2, 3, 4, 5, DateTimeKind.Utc),
                new DateTimeOffset(2020, 1, 2, 3, 4, 5, TimeSpan.Zero),
                Enumerable.Range(1, 2), new MemoryStream(new byte[] { 1 }) };
        }
        static Colour Colour_() { return forms.Colour.Green; }
    }

    public class Getter
    {
        public int N { get { throw new IOException("get"); } }
    }
}
"""

OTHER = """
namespace Other
{
    public static class Place { public const int N = 1;
        public static readonly string Name = "beside"; }
}
"""

SOURCES = {"Other": OTHER, "fn": FN, "bad": BAD, "own": OWN, "forms": FORMS}


def root():
    """The folder of all of them."""
    return faas_mono.folder(SOURCES)
