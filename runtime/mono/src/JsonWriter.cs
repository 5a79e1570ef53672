/* Objects to JSON, into a buffer that is used again. */

using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Reflection;
using System.Text;

namespace NgxFaas
{
    sealed class JsonWriter
    {
        const int Kept = 65536;

        static readonly CultureInfo culture = CultureInfo.InvariantCulture;

        internal byte[] Out = new byte[1024];
        internal int Length;

        int depth;


        /* After a large answer nothing is kept of it. */

        internal void Reset()
        {
            Length = depth = 0;

            if (Out.Length > Kept) {
                Out = new byte[1024];
            }
        }


        void Room(int more)
        {
            if (Out.Length - Length < more) {
                Array.Resize(ref Out, Math.Max(Out.Length * 2,
                                               Length + more));
            }
        }


        /* ASCII, as it is */

        internal void Raw(string text)
        {
            Room(text.Length);

            for (int i = 0; i < text.Length; i++) {
                Out[Length++] = (byte) text[i];
            }
        }


        /* A half of a surrogate pair has no UTF-8: escaped it stays. */

        internal void Text(string text)
        {
            int start = 0;

            Raw("\"");

            for (int i = 0; i < text.Length; i++) {
                char c = text[i];

                if (c >= ' ' && c != '"' && c != '\\'
                    && (c < '\ud800' || c > '\udfff'))
                {
                    continue;
                }

                if (char.IsHighSurrogate(c) && i + 1 < text.Length
                    && char.IsLowSurrogate(text[i + 1]))
                {
                    i++;
                    continue;
                }

                Plain(text, start, i - start);
                start = i + 1;
                Raw(c == '"' ? "\\\"" : c == '\\' ? "\\\\"
                    : c == '\n' ? "\\n" : "\\u" + ((int) c).ToString("x4"));
            }

            Plain(text, start, text.Length - start);
            Raw("\"");
        }


        /* In pieces: no more room is asked for than there may be need. */

        void Plain(string text, int start, int count)
        {
            for (int n; count > 0; start += n, count -= n) {
                n = Math.Min(count, 8192);

                if (n < count && char.IsHighSurrogate(text[start + n - 1])) {
                    n--;
                }

                Room(n * 3);
                Length += Encoding.UTF8.GetBytes(text, start, n, Out, Length);
            }
        }


        internal void Value(object value)
        {
            if (value == null) {
                Raw("null");
                return;
            }

            switch (Type.GetTypeCode(value.GetType())) {

            case TypeCode.String:
            case TypeCode.Char:
                Text(value.ToString());
                return;

            case TypeCode.Boolean:
                Raw((bool) value ? "true" : "false");
                return;

            case TypeCode.Single:
            case TypeCode.Double:
                Float(value);
                return;

            case TypeCode.DateTime:
                Text(((DateTime) value).ToString(
                    "yyyy-MM-ddTHH:mm:ss.FFFFFFFK", culture));
                return;

            case TypeCode.Object:
                Nested(value);
                return;

            case TypeCode.DBNull:
                Raw("null");
                return;

            default:
                Raw(value is Enum ? ((Enum) value).ToString("D")
                    : ((IFormattable) value).ToString(null, culture));
                return;
            }
        }


        /* A text in the place of what JSON has no number for. */

        void Float(object value)
        {
            double number = Convert.ToDouble(value);

            if (double.IsNaN(number) || double.IsInfinity(number)) {
                Text(number.ToString(culture));

            } else if (value is float) {
                Raw(((float) value).ToString("R", culture));

            } else {
                byte[] text = new byte[32];

                Raw(Encoding.ASCII.GetString(text, 0,
                    Native.Print(number, text)));
            }
        }


        void Nested(object value)
        {
            byte[] bytes = value as byte[];
            MemoryStream stream = value as MemoryStream;

            if (bytes != null || stream != null) {
                Raw("\"" + Convert.ToBase64String(bytes ?? stream.ToArray())
                    + "\"");
                return;
            }

            if (value is DateTimeOffset) {
                Text(((DateTimeOffset) value).ToString(
                    "yyyy-MM-ddTHH:mm:ss.FFFFFFFzzz", culture));
                return;
            }

            /* by its name: that assembly is loaded only by who needs it */

            if (value is TimeSpan || value is Guid || value is Version
                || value.GetType().FullName == "System.Uri")
            {
                Text(value.ToString());
                return;
            }

            /* what means nothing outside, and has no end when it is followed */

            if (value is MemberInfo || value is Delegate || value is Assembly
                || value is Stream || value is IntPtr || value is UIntPtr
                || value is System.Threading.Tasks.Task)
            {
                throw new JsonException("a " + value.GetType()
                                        + " has no JSON");
            }

            if (++depth > JsonReader.DepthMax) {
                throw new JsonException("nested too deeply, or in itself");
            }

            Type type = value.GetType();

            if (value is IDictionary) {
                Map((IDictionary) value);
            } else if (value is IEnumerable) {
                Type[] pair = Shapes.Arguments(type,
                                               typeof(IDictionary<,>))
                    ?? Shapes.Arguments(type, typeof(IReadOnlyDictionary<,>));

                List((IEnumerable) value, pair != null);
            } else {
                Object(value, Shapes.Of(type));
            }

            depth--;
        }


        void Map(IDictionary map)
        {
            int n = 0;

            Raw("{");

            foreach (DictionaryEntry one in map) {
                Name(one.Key, n++ == 0);
                Value(one.Value);
            }

            Raw("}");
        }


        void Name(object key, bool first)
        {
            Raw(first ? "" : ",");
            Text(Convert.ToString(key, culture));
            Raw(":");
        }


        /* Also dictionaries that have only the generic interface. */

        void List(IEnumerable list, bool pairs)
        {
            int n = 0;

            Raw(pairs ? "{" : "[");

            foreach (object one in list) {
                if (pairs) {
                    Shape pair = Shapes.Of(one.GetType());

                    Name(pair.Find("Key").Get(one), n++ == 0);
                    Value(pair.Find("Value").Get(one));
                } else {
                    Raw(n++ == 0 ? "" : ",");
                    Value(one);
                }
            }

            Raw(pairs ? "}" : "]");
        }


        /* Without what is null, as Lambda's serializers for .NET. */

        void Object(object o, Shape shape)
        {
            int n = 0;

            Raw("{");

            foreach (Member member in shape.Members) {
                object value = member.Get == null ? null : member.Get(o);

                if (value != null) {
                    Name(member.Name, n++ == 0);
                    Value(value);
                }
            }

            Raw("}");
        }
    }
}
