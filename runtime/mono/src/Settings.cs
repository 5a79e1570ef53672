/* What the supervisor says of a function: FAAS_CTL_INIT in faas_proto.h. */

using System;
using System.Collections;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace NgxFaas
{
    sealed class Settings
    {
        internal readonly string Handler, Root, Name, Version, LogGroup,
            LogStream;
        internal readonly int Memory;
        readonly IDictionary<string, object> environment;


        internal Settings(byte[] json)
        {
            IDictionary<string, object> all = Context.Members(
                JsonReader.Read(json, json.Length, typeof(object)));

            Root = Context.Text(all, "taskRoot");
            Name = Context.Text(all, "functionName");
            Version = Context.Text(all, "functionVersion");
            LogGroup = Context.Text(all, "logGroup");
            LogStream = Context.Text(all, "logStream");
            Memory = Convert.ToInt32(all["memoryMB"]);

            /* AWS_LAMBDA_EXEC_WRAPPER: what that has left in them goes */

            environment = all.ContainsKey("environment")
                ? Context.Members(all["environment"]) : null;

            Handler = environment != null ? null
                      : Environment.GetEnvironmentVariable("_HANDLER");
            Handler = Handler ?? Context.Text(all, "handler");
        }


        /* The process becomes that of the function. */

        internal void Apply()
        {
            if (environment != null) {
                Native.Clear();

                foreach (KeyValuePair<string, object> one in environment) {
                    Native.Variable(Native.Zero(one.Key),
                                    Native.Zero(Convert.ToString(one.Value)));
                }

                TimeZoneInfo.ClearCachedData();
            }

            IntPtr error = Native.Enter(Native.Zero(Root));

            if (error != IntPtr.Zero) {
                throw new LoadException("Runtime.InvalidWorkingDir",
                    Root + ": " + Marshal.PtrToStringAnsi(error));
            }
        }
    }
}
