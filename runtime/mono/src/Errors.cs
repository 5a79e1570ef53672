/* Errors as a caller and the log see them: contract, section 3.6. */

using System;
using System.Collections.Generic;
using System.Reflection;

namespace NgxFaas
{
    /* What keeps a function from being loaded; TYPE is what a caller sees. */

    sealed class LoadException : Exception
    {
        internal readonly string Type;

        internal LoadException(string message)
            : this("LambdaValidationException", message)
        {
        }


        internal LoadException(string type, string message) : base(message)
        {
            Type = type;
        }
    }


    static class Errors
    {
        const int Causes = 20;
        const int Frames = 1000;

        static readonly string[] around = {
            "at System.Reflection.",
            "at (wrapper managed-to-native) System.Reflection.",
            "at System.RuntimeType.CreateInstance", "at System.Activator.",
            "at System.Runtime.CompilerServices.TaskAwaiter",
            "at System.Runtime.ExceptionServices.",
            "--- End of stack trace"
        };

        /* What a call by reflection adds; a method of ours may be in it. */

        internal static Exception Real(Exception e)
        {
            while (e is TargetInvocationException && e.InnerException != null)
            {
                e = e.InnerException;
            }

            return e;
        }


        /*
         * The lines of a stack trace without ours, which are below those of
         * the function.
         */

        static List<string> Trace(Exception e, int most)
        {
            List<string> lines = new List<string>();

            foreach (string line in (e.StackTrace ?? "").Split('\n')) {
                string text = line.Trim();

                if (text.StartsWith("at NgxFaas.", StringComparison.Ordinal)) {
                    break;
                }

                if (text.Length > 0 && lines.Count < most) {
                    lines.Add(text);
                }
            }

            while (lines.Count > 0 && Internal(lines[lines.Count - 1])) {
                lines.RemoveAt(lines.Count - 1);
            }

            return lines;
        }


        /* How a handler was called, its object made, or its task awaited. */

        static bool Internal(string line)
        {
            return Array.Exists(around, start => line.StartsWith(
                start, StringComparison.Ordinal));
        }


        /* In no more than MOST bytes: rather without frames than too long. */

        internal static void Payload(JsonWriter w, Exception e, int most)
        {
            for (int frames = Frames; ; frames /= 10) {
                w.Reset();
                Error(w, e, frames, frames > 0 ? Causes : 1,
                      frames > 0 ? int.MaxValue : most / 8);

                if (w.Length <= most || frames == 0) {
                    return;
                }
            }
        }


        static void Error(JsonWriter w, Exception e, int frames, int causes,
                          int text)
        {
            string message = Message(e);
            int n = 0;

            w.Raw("{\"errorType\":");
            w.Text(Type(e));
            w.Raw(",\"errorMessage\":");
            w.Text(message.Length > text ? message.Substring(0, text)
                                         : message);
            w.Raw(",\"stackTrace\":[");

            foreach (string line in Trace(e, frames)) {
                w.Raw(n++ > 0 ? "," : "");
                w.Text(line);
            }

            w.Raw("]");

            if (e.InnerException != null && causes > 1) {
                w.Raw(",\"cause\":");
                Error(w, e.InnerException, frames, causes - 1, text);
            }

            AggregateException many = e as AggregateException;

            if (many != null && causes > 1) {
                n = 0;
                w.Raw(",\"causes\":[");

                foreach (Exception one in many.InnerExceptions) {
                    w.Raw(n++ > 0 ? "," : "");
                    Error(w, one, frames, 1, text);
                }

                w.Raw("]");
            }

            w.Raw("}");
        }


        static string Type(Exception e)
        {
            LoadException load = e as LoadException;

            return load != null ? load.Type : e.GetType().Name;
        }


        /* The message is the function's code, too. */

        static string Message(Exception e)
        {
            try {
                return e.Message ?? "";
            } catch (Exception other) {
                return other.GetType().Name + " in Message";
            }
        }


        /* For the log: all causes in one text, so that none is cut off. */

        internal static void Write(Exception e)
        {
            string text = Message(e) + ": " + Type(e) + "\n";

            for (int i = 0; e != null && i < Causes; i++) {
                text += (i > 0 ? " caused by " + Type(e) + ": " + Message(e)
                                 + "\n" : "")
                        + string.Join("", Trace(e, Frames).ConvertAll(
                            line => "   " + line + "\n"));
                e = e.InnerException;
            }

            Log.Text(text);
        }
    }
}
