/* From bytes to bytes through a function's handler, whichever form it has. */

using System;
using System.IO;
using System.Reflection;
using System.Threading.Tasks;

namespace NgxFaas
{
    /* The name that a caller sees, of Lambda's serializers. */

    sealed class JsonSerializerException : Exception
    {
        internal JsonSerializerException(string message) : base(message)
        {
        }
    }


    sealed class Handler
    {
        internal const string ContextName
            = "Amazon.Lambda.Core.ILambdaContext";

        const string SerializerName = "Amazon.Lambda.Core.ILambdaSerializer";

        /* The answer; to be taken before the next call. */
        internal byte[] Result;
        internal int Length;

        readonly MethodInfo method;
        readonly object target;
        readonly Type input, context, output;    /* null: has none */
        readonly PropertyInfo awaited;
        readonly object serializer;
        readonly MethodInfo serialize, deserialize;
        readonly JsonWriter writer = new JsonWriter();


        internal static bool IsContext(ParameterInfo p)
        {
            return p.ParameterType.IsInterface
                   && p.ParameterType.FullName == ContextName;
        }


        internal static Handler Of(MethodInfo method, object target,
                                   object serializer)
        {
            ParameterInfo[] wants = method.GetParameters();
            Type context = null;
            int n = wants.Length;

            if (n > 0 && IsContext(wants[n - 1])) {
                context = wants[--n].ParameterType;
            }

            return new Handler(method, target,
                               n == 0 ? null : wants[0].ParameterType,
                               context, serializer);
        }


        internal Handler(MethodInfo method, object target, Type input,
                         Type context, object serializer)
        {
            this.method = method;
            this.target = target;
            this.input = input;
            this.context = context;
            this.serializer = serializer;

            output = method.ReturnType;

            if (typeof(Task).IsAssignableFrom(output)) {
                awaited = output.GetProperty("Result");
                output = awaited == null ? typeof(void)
                                         : awaited.PropertyType;
            }

            if (serializer == null) {
                return;
            }

            Type type = serializer.GetType().GetInterface(SerializerName);

            if (type == null) {
                throw new LoadException("The '" + serializer.GetType()
                    + "' class is invalid: it does not implement the "
                    + "'ILambdaSerializer' interface.");
            }

            if (input != null && input != typeof(Stream)) {
                deserialize = type.GetMethod("Deserialize")
                                  .MakeGenericMethod(input);
            }

            if (output != typeof(void) && !IsStream(output)) {
                serialize = type.GetMethod("Serialize")
                                .MakeGenericMethod(output);
            }
        }


        static bool IsStream(Type type)
        {
            return typeof(Stream).IsAssignableFrom(type);
        }


        internal void Call(byte[] data, Context invocation)
        {
            object[] args = new object[(input != null ? 1 : 0)
                                       + (context != null ? 1 : 0)];

            if (input != null) {
                args[0] = Input(data);
            }

            if (context != null) {
                args[args.Length - 1] = invocation.As(context);
            }

            object value = method.Invoke(target, args);
            Task task = value as Task;

            if (task != null) {

                /* the exception itself, not one around it */

                task.GetAwaiter().GetResult();
                value = awaited == null ? null : awaited.GetValue(task, null);
            }

            Answer(output == typeof(void) ? null : value);
        }


        object Input(byte[] data)
        {
            if (input == typeof(Stream) || input == typeof(MemoryStream)) {
                return new MemoryStream(data, false);
            }

            if (deserialize != null) {
                return deserialize.Invoke(serializer, new object[] {
                    new MemoryStream(data, false) });
            }

            try {
                return JsonReader.Read(data, data.Length, input);
            } catch (JsonException e) {
                throw new JsonSerializerException("Error converting the "
                    + "Lambda event JSON payload to type " + input.FullName
                    + ": " + e.Message);
            }
        }


        void Answer(object value)
        {
            Stream stream = value as Stream;

            if (stream != null && IsStream(output)) {
                Bytes(stream);
                return;
            }

            if (output == typeof(void) || IsStream(output)) {
                value = null;

            } else if (serialize != null) {
                MemoryStream text = new MemoryStream();

                serialize.Invoke(serializer, new[] { value, text });
                Bytes(text);
                return;
            }

            writer.Reset();

            try {
                writer.Value(value);
            } catch (JsonException e) {
                throw new JsonSerializerException("Error converting the "
                    + "response object of type " + output.FullName
                    + " from the Lambda function to JSON: " + e.Message);
            }

            Result = writer.Out;
            Length = writer.Length;
        }


        /* All of a MemoryStream, wherever it stands: as on Lambda. */

        void Bytes(Stream stream)
        {
            MemoryStream all = stream as MemoryStream;

            if (all == null) {
                using (stream) {
                    all = new MemoryStream();

                    if (stream.CanSeek) {
                        stream.Position = 0;
                    }

                    stream.CopyTo(all);
                }
            }

            Result = all.ToArray();
            Length = Result.Length;
        }


        /* After an answer nothing is kept of it. */

        internal void Done()
        {
            Result = null;
            writer.Reset();
        }
    }
}
