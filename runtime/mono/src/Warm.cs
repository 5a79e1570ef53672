/*
 * What a blank does before it reports: a function of its own, called in the
 * usual way, so that what a first request needs is compiled already.
 */

using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Threading.Tasks;

namespace NgxFaas
{
    static class Warm
    {
        public interface IContext
        {
            string AwsRequestId { get; }
            int MemoryLimitInMB { get; }
            TimeSpan RemainingTime { get; }
        }


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

        const string Init = "{\"handler\":\"a::b::c\",\"taskRoot\":\"/\","
            + "\"memoryMB\":128,\"environment\":{}}";


        internal static void Run()
        {
            Settings settings = new Settings(Encoding.UTF8.GetBytes(Init));
            Invocation none = new Invocation();
            Context context = new Context(settings, ref none);

            foreach (string name in new[] { "Typed", "Untyped", "Streams",
                                            "Later" })
            {
                System.Reflection.MethodInfo method = typeof(Warm).GetMethod(
                    name, System.Reflection.BindingFlags.Static
                          | System.Reflection.BindingFlags.NonPublic);
                Handler handler = new Handler(method, null,
                    method.GetParameters()[0].ParameterType,
                    typeof(IContext), null);

                handler.Call(Encoding.UTF8.GetBytes(Event), context);
                handler.Done();
            }

            try {
                JsonReader.Read(new byte[0], 0, typeof(object));
            } catch (JsonException e) {
                Errors.Payload(new JsonWriter(), e, 1000);
            }
        }


        static Part Typed(Part part, IContext context)
        {
            part.Name += context.AwsRequestId + context.MemoryLimitInMB
                         + context.RemainingTime.Ticks;
            return part;
        }


        static object Untyped(object o, IContext context)
        {
            return new { statusCode = 200, body = o };
        }


        static Stream Streams(Stream stream, IContext context)
        {
            return stream;
        }


        static async Task<string> Later(Dictionary<string, object> map,
                                        IContext context)
        {
            await Task.Yield();
            return (string) map["name"];
        }
    }
}
