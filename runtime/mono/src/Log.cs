/*
 * Console.Out and Console.Error: all of it is log text of the current
 * invocation, and of the process itself when there is none.  Any thread may
 * write.
 */

using System;
using System.IO;
using System.Text;

namespace NgxFaas
{
    sealed class Log : TextWriter
    {
        /* what is no text in UTF-16 becomes question marks */
        static readonly Encoding utf8 = new UTF8Encoding(false);

        Log() : base(System.Globalization.CultureInfo.InvariantCulture)
        {
            CoreNewLine = new[] { '\n' };
        }


        internal static void Install()
        {
            Log log = new Log();

            Console.SetOut(log);
            Console.SetError(log);
            Console.SetIn(TextReader.Null);
        }


        /* A line is written at once, so that those of threads do not mix. */

        internal static void Text(string text)
        {
            byte[] bytes = utf8.GetBytes(text);

            Native.Log(bytes, IntPtr.Zero, (IntPtr) bytes.Length);
        }


        public override Encoding Encoding
        {
            get { return utf8; }
        }


        public override void Write(char c)
        {
            Text(c.ToString());
        }


        public override void Write(char[] buffer, int index, int count)
        {
            Text(new string(buffer, index, count));
        }


        public override void Write(string value)
        {
            if (value != null) {
                Text(value);
            }
        }


        public override void WriteLine(string value)
        {
            Text(value + "\n");
        }


        public override void Flush()
        {
            Native.Flush();
        }
    }
}
