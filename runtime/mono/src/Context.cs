/*
 * What a function is told of an invocation.  The interfaces for it are in the
 * assembly Amazon.Lambda.Core that the function brings, so they are bound by
 * the names of their members when they are called.
 */

using System;
using System.Collections.Generic;
using System.Runtime.Remoting.Messaging;
using System.Runtime.Remoting.Proxies;

namespace NgxFaas
{
    /* Members of an interface by name, "get_X" of properties. */
    delegate object Members(string name, object[] args, Type result);


    sealed class Facade : RealProxy
    {
        readonly Type type;
        readonly Members members;


        Facade(Type type, Members members) : base(type)
        {
            this.type = type;
            this.members = members;
        }


        internal static object Of(Type type, Members members)
        {
            return new Facade(type, members).GetTransparentProxy();
        }


        public override IMessage Invoke(IMessage message)
        {
            IMethodCallMessage call = (IMethodCallMessage) message;
            System.Reflection.MethodInfo method
                = call.MethodBase as System.Reflection.MethodInfo;

            try {
                return new ReturnMessage(Called(call, method.ReturnType),
                                         null, 0, call.LogicalCallContext,
                                         call);
            } catch (Exception e) {
                return new ReturnMessage(e, call);
            }
        }


        /* A newer interface may have members that are not known here. */

        object Called(IMethodCallMessage call, Type result)
        {
            switch (call.MethodName) {

            case "GetType":
                return type;

            case "ToString":
                return type.FullName;

            case "GetHashCode":
                return members.GetHashCode();

            case "Equals":
                return ReferenceEquals(call.Args[0], GetTransparentProxy());
            }

            object value = members(call.MethodName, call.Args, result);

            return value == null && result != typeof(void)
                   ? Scalars.FromNull(result) : value;
        }
    }


    sealed class Context
    {
        static readonly DateTime epoch = new DateTime(1970, 1, 1, 0, 0, 0,
                                                      DateTimeKind.Utc);

        readonly Settings settings;
        readonly long deadline;
        readonly string id, arn, trace;
        readonly IDictionary<string, object> client, identity;


        internal Context(Settings settings, ref Invocation v)
        {
            this.settings = settings;
            deadline = v.Deadline;
            id = Native.Text(v.Id, v.IdLength);
            arn = Native.Text(v.Arn, v.ArnLength);
            trace = Native.Text(v.Trace, v.TraceLength);
            client = Parsed("ClientContext", v.Client, v.ClientLength);
            identity = Parsed("CognitoIdentity", v.Identity,
                              v.IdentityLength);
        }


        static IDictionary<string, object> Parsed(string what, IntPtr data,
                                                  IntPtr length)
        {
            if (length == IntPtr.Zero) {
                return null;
            }

            try {
                return Members(JsonReader.Read(Native.Bytes(data, length),
                                               (int) length,
                                               typeof(object)));
            } catch (JsonException e) {
                throw new JsonException("cannot parse " + what + ": "
                                        + e.Message);
            }
        }


        /* A client may send anything in the place of an object. */

        internal static IDictionary<string, object> Members(object o)
        {
            return o as IDictionary<string, object>
                   ?? new Dictionary<string, object>();
        }


        internal static string Text(IDictionary<string, object> all,
                                    string name)
        {
            object value;

            return all.TryGetValue(name, out value) && value != null
                   ? Convert.ToString(value) : null;
        }


        internal object As(Type type)
        {
            return Facade.Of(type, Member);
        }


        object Member(string name, object[] args, Type result)
        {
            switch (name) {

            case "get_AwsRequestId":
                return id;

            case "get_FunctionName":
                return settings.Name;

            case "get_FunctionVersion":
                return settings.Version;

            case "get_InvokedFunctionArn":
                return arn;

            case "get_LogGroupName":
                return settings.LogGroup;

            case "get_LogStreamName":
                return settings.LogStream;

            case "get_MemoryLimitInMB":
                return settings.Memory;

            case "get_RemainingTime":
                return Remaining();

            case "get_TraceId":
                return trace;

            case "get_Logger":
                return Facade.Of(result, Logger);

            case "get_Identity":
                return identity == null ? null : Facade.Of(result, Identity);

            case "get_ClientContext":
                return client == null ? null : Facade.Of(result, Client);

            default:
                return null;
            }
        }


        /* Never below 0: on Lambda nobody is there to ask afterwards. */

        TimeSpan Remaining()
        {
            TimeSpan left = epoch.AddMilliseconds(deadline) - DateTime.UtcNow;

            return left < TimeSpan.Zero ? TimeSpan.Zero : left;
        }


        /* Log(text) as it is, all else as a line: LogLine(), levels. */

        static object Logger(string name, object[] args, Type result)
        {
            string text = null, more = null;

            foreach (object one in args) {
                text = one as string ?? text;
                more = one is Exception ? "\n" + one : more;
            }

            text += more;

            if (name.StartsWith("Log", StringComparison.Ordinal)) {
                Log.Text(name == "Log" && args.Length == 1 ? text
                                                           : text + "\n");
            }

            return null;
        }


        object Identity(string name, object[] args, Type result)
        {
            return name == "get_IdentityId"
                   ? Text(identity, "cognitoIdentityId")
                   : name == "get_IdentityPoolId"
                     ? Text(identity, "cognitoIdentityPoolId") : null;
        }


        object Client(string name, object[] args, Type result)
        {
            object value;

            switch (name) {

            case "get_Custom":
                return Texts("custom");

            case "get_Environment":
                return Texts("env");

            case "get_Client":
                return client.TryGetValue("client", out value)
                       && value != null
                       ? Facade.Of(result, Application) : null;

            default:
                return null;
            }
        }


        /* null if the caller sent none */

        IDictionary<string, string> Texts(string name)
        {
            object value;
            Dictionary<string, string> texts;

            if (!client.TryGetValue(name, out value)
                || !(value is IDictionary<string, object>))
            {
                return null;
            }

            texts = new Dictionary<string, string>();

            foreach (string key in Members(value).Keys) {
                texts[key] = Text(Members(value), key);
            }

            return texts;
        }


        object Application(string name, object[] args, Type result)
        {
            IDictionary<string, object> all = Members(client["client"]);

            switch (name) {

            case "get_InstallationId":
                return Text(all, "installation_id");

            case "get_AppTitle":
                return Text(all, "app_title");

            case "get_AppVersionName":
                return Text(all, "app_version_name");

            case "get_AppVersionCode":
                return Text(all, "app_version_code");

            case "get_AppPackageName":
                return Text(all, "app_package_name");

            default:
                return null;
            }
        }
    }
}
