/*
 * What a blank does before it reports: functions of its own, loaded and called
 * in the usual way, so that what a first request needs is compiled already.
 */

using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Text;
using System.Threading.Tasks;

/*
 * The loader goes by this name; functions have that of their own assembly,
 * which is another type.
 */

namespace Amazon.Lambda.Core
{
    public interface ILambdaContext
    {
        string AwsRequestId { get; }
        int MemoryLimitInMB { get; }
        TimeSpan RemainingTime { get; }
    }
}


namespace NgxFaas
{
    public sealed class Warm
    {
        public sealed class Part
        {
            public string Name { get; set; }
            public int Count { get; set; }
            public bool Is { get; set; }
            public List<string> Texts { get; set; }
            public Dictionary<string, string> Map { get; set; }
        }


        const string Event = "{\"name\":\"a\\u00e4\",\"count\":12,\"is\":true,"
            + "\"texts\":[\"b\",null],\"map\":{\"c\":\"d\"},"
            + "\"more\":{\"e\":[1.5,false,-3]}}";


        internal static void Run()
        {
            Invocation none = new Invocation();

            Libraries();

            foreach (string name in new[] { "Typed", "Untyped", "Streams",
                                            "Later" })
            {
                Settings settings = Describe(name);
                Handler handler = Loader.Load(settings);

                handler.Call(Encoding.UTF8.GetBytes(Event),
                             new Context(settings, ref none));
                handler.Done();
            }

            try {
                JsonReader.Read(new byte[0], 0, typeof(object));
            } catch (JsonException e) {
                Errors.Payload(new JsonWriter(), e, 1000);
            }
        }


        /* What most functions use: mapped, and not read, until they do. */

        static void Libraries()
        {
            foreach (string name in new[] { "System", "System.Core" }) {
                try {
                    Assembly.Load(name + ", Version=4.0.0.0, "
                        + "Culture=neutral, PublicKeyToken=b77a5c561934e089");
                } catch (IOException) {
                    /* a package of its own, which need not be there */
                }
            }
        }


        /* As the supervisor would say it. */

        static Settings Describe(string method)
        {
            Assembly own = typeof(Warm).Assembly;
            JsonWriter w = new JsonWriter();

            w.Value(new {
                handler = own.GetName().Name + "::NgxFaas.Warm::" + method,
                taskRoot = Path.GetDirectoryName(own.Location),
                memoryMB = 128, environment = new Dictionary<string, string>()
            });

            return new Settings(Encoding.UTF8.GetBytes(
                Encoding.UTF8.GetString(w.Out, 0, w.Length)));
        }


        Part Typed(Part part, Amazon.Lambda.Core.ILambdaContext c)
        {
            part.Name += c.AwsRequestId + c.MemoryLimitInMB
                         + c.RemainingTime.Ticks;
            return part;
        }


        object Untyped(object o, Amazon.Lambda.Core.ILambdaContext c)
        {
            return new { statusCode = 200, body = o };
        }


        Stream Streams(Stream stream)
        {
            return stream;
        }


        async Task<string> Later(Dictionary<string, object> map)
        {
            await Task.Yield();
            return (string) map["name"];
        }
    }
}
