/*
 * The wire and what Mono has no words for, in C: see ../mono_env.c.  All but
 * log and flush is for the main thread.  Texts are UTF-8 and end with a zero.
 */

using System;
using System.Runtime.InteropServices;
using System.Text;

namespace NgxFaas
{
    /* faas_invocation_t of faas_env.h */
    [StructLayout(LayoutKind.Sequential)]
    struct Invocation
    {
        public IntPtr Event, EventLength;
        public IntPtr Id, IdLength;
        public IntPtr Arn, ArnLength;
        public IntPtr Trace, TraceLength;
        public IntPtr Client, ClientLength;
        public IntPtr Identity, IdentityLength;
        public IntPtr ContentType, ContentTypeLength;
        public long Deadline;
        public int Streaming;
    }


    static class Native
    {
        const string Library = "faas-mono";

        [DllImport(Library, EntryPoint = "mono_init")]
        internal static extern int Init(byte[] version, out IntPtr json,
                                        out IntPtr length);

        [DllImport(Library, EntryPoint = "mono_free")]
        internal static extern void Free(IntPtr json);

        [DllImport(Library, EntryPoint = "mono_ready")]
        internal static extern int Ready();

        [DllImport(Library, EntryPoint = "mono_error")]
        internal static extern void Error(byte[] json, IntPtr length);

        [DllImport(Library, EntryPoint = "mono_next")]
        internal static extern int Next(out Invocation invocation);

        [DllImport(Library, EntryPoint = "mono_answer")]
        internal static extern void Answer(byte[] data, IntPtr length,
                                           int failed);

        [DllImport(Library, EntryPoint = "mono_log")]
        internal static extern void Log(byte[] text, IntPtr offset,
                                        IntPtr length);

        [DllImport(Library, EntryPoint = "mono_flush")]
        internal static extern void Flush();

        [DllImport(Library, EntryPoint = "mono_enter")]
        internal static extern IntPtr Enter(byte[] folder);

        [DllImport(Library, EntryPoint = "mono_clear")]
        internal static extern void Clear();

        [DllImport(Library, EntryPoint = "mono_variable")]
        internal static extern void Variable(byte[] name, byte[] value);

        [DllImport(Library, EntryPoint = "mono_parse")]
        internal static extern double Parse(byte[] text);

        [DllImport(Library, EntryPoint = "mono_print")]
        internal static extern int Print(double number, byte[] text);


        internal static byte[] Zero(string text)
        {
            return Encoding.UTF8.GetBytes(text + "\0");
        }


        internal static byte[] Bytes(IntPtr data, IntPtr length)
        {
            byte[] bytes = new byte[(int) length];

            Marshal.Copy(data, bytes, 0, bytes.Length);
            return bytes;
        }


        /* null if there is none */

        internal static string Text(IntPtr data, IntPtr length)
        {
            return length == IntPtr.Zero
                   ? null : Encoding.UTF8.GetString(Bytes(data, length));
        }
    }
}
