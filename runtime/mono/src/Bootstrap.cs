/*
 * The C# runtime: one environment.  Tells the supervisor that it is a blank,
 * is given a function, loads it and serves invocations, one at a time, in the
 * main thread.  See ../../README.md for how the supervisor starts it.
 */

using System;
using System.Collections.Generic;

namespace NgxFaas
{
    static class Bootstrap
    {
        const int ErrorMax = 60000;              /* of a frame */
        const int PayloadMax = 262144;
        const int Ok = 0, Failed = -1;           /* FAAS_ENV_OK and _ERROR */

        static readonly JsonWriter errors = new JsonWriter();


        static int Main()
        {
            IntPtr json, length;
            int rc;

            /* a blank warms up before it reports, when nobody waits for it */

            Log.Install();
            Warm.Run();

            rc = Native.Init(Native.Zero("mono " + Version()), out json,
                             out length);

            if (rc != Ok) {
                return rc == Failed ? 1 : 0;
            }

            AppDomain.CurrentDomain.UnhandledException += Unhandled;

            try {
                /* variables are in it: no second copy of them stays */

                byte[] init = Native.Bytes(json, length);

                Native.Free(json);
                Serve(new Settings(init));
            } catch (Exception e) {
                e = Errors.Real(e);
                Errors.Write(e);
                Errors.Payload(errors, e, ErrorMax);
                Native.Error(errors.Out, (IntPtr) errors.Length);
                Environment.Exit(1);
            }

            return 0;
        }


        /* "6.8.0.105" of what Mono says of itself */

        static string Version()
        {
            Type mono = Type.GetType("Mono.Runtime");
            System.Reflection.MethodInfo name = mono.GetMethod(
                "GetDisplayName", System.Reflection.BindingFlags.NonPublic
                | System.Reflection.BindingFlags.Static);

            return ((string) name.Invoke(null, null)).Split(' ')[0];
        }


        static void Serve(Settings settings)
        {
            settings.Apply();

            Handler handler = Loader.Load(settings);

            if (Native.Ready() != Ok) {
                Environment.Exit(1);
            }

            Invocation invocation;

            while (Native.Next(out invocation) == Ok) {
                Invoke(settings, handler, ref invocation);
            }

            /* for what the function has in ProcessExit */

            Environment.Exit(0);
        }


        static void Invoke(Settings settings, Handler handler,
                           ref Invocation invocation)
        {
            try {
                Context context = new Context(settings, ref invocation);

                handler.Call(Native.Bytes(invocation.Event,
                                          invocation.EventLength), context);
                Native.Answer(handler.Result, (IntPtr) handler.Length, 0);
            } catch (Exception e) {

                /* out of memory as well: .NET goes on after that, too */

                e = Errors.Real(e);
                Errors.Write(e);
                Errors.Payload(errors, e, PayloadMax);
                Native.Answer(errors.Out, (IntPtr) errors.Length, 1);
                errors.Reset();
            }

            handler.Done();
        }


        /* Of another thread of the function's: .NET ends the process. */

        static void Unhandled(object sender, UnhandledExceptionEventArgs a)
        {
            Exception e = a.ExceptionObject as Exception;

            if (e != null) {
                Errors.Write(e);
                Native.Flush();
            }
        }
    }
}
