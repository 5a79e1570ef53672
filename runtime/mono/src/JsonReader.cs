/*
 * JSON to objects, in one pass: what a value becomes is what the place wants
 * that it is read for.
 */

using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace NgxFaas
{
    sealed class JsonException : Exception
    {
        internal JsonException(string message) : base(message)
        {
        }
    }


    sealed class JsonReader
    {
        internal const int DepthMax = 1000;

        static readonly UTF8Encoding utf8 = new UTF8Encoding(false, true);

        readonly byte[] data;
        readonly int end;
        int at, depth;


        JsonReader(byte[] data, int length)
        {
            this.data = data;
            end = length;
        }


        internal static object Read(byte[] data, int length, Type type)
        {
            JsonReader r = new JsonReader(data, length);
            object value;

            try {
                value = r.Value(type);
            } catch (ArgumentException) {
                throw r.Bad("bytes that are not UTF-8");
            }

            if (r.Peek() != -1) {
                throw r.Bad("text after the end");
            }

            return value;
        }


        internal JsonException Bad(string what)
        {
            return new JsonException(what + " at byte " + at);
        }


        /* The next byte that is no white space, -1: there is none. */

        int Peek()
        {
            for ( ; at < end; at++) {
                byte b = data[at];

                if (b != ' ' && b != '\n' && b != '\r' && b != '\t') {
                    return b;
                }
            }

            return -1;
        }


        void Expect(char c)
        {
            if (Peek() != c) {
                throw Bad(at == end ? "unexpected end"
                                    : "no \"" + c + "\"");
            }

            at++;
        }


        void Word(string word)
        {
            for (int i = 0; i < word.Length; i++) {
                if (at + i >= end || data[at + i] != word[i]) {
                    throw Bad("no value");
                }
            }

            at += word.Length;
        }


        internal object Value(Type type)
        {
            int b = Peek();

            switch (b) {

            case '{':
            case '[':
                if (++depth > DepthMax) {
                    throw Bad("nested too deeply");
                }

                object nested = b == '{' ? Object(type) : List(type);
                depth--;
                return nested;

            case '"':
                return Scalars.FromText(this, String(), type);

            case 't':
                Word("true");
                return Scalars.FromFlag(this, true, type);

            case 'f':
                Word("false");
                return Scalars.FromFlag(this, false, type);

            case 'n':
                Word("null");
                return Scalars.FromNull(type);

            case -1:
                throw Bad("unexpected end");

            default:
                return Scalars.FromNumber(this, Number(), type);
            }
        }


        /* Checked here: parsers of .NET take more than JSON has. */

        string Number()
        {
            int start = at;

            Skip('-');

            if (!Skip('0') && !Digits()) {
                throw Bad("no value");
            }

            if (Skip('.') && !Digits()) {
                throw Bad("no digit");
            }

            if (Skip('e') || Skip('E')) {
                if (!Skip('-')) {
                    Skip('+');
                }

                if (!Digits()) {
                    throw Bad("no digit");
                }
            }

            return Encoding.ASCII.GetString(data, start, at - start);
        }


        bool Skip(char c)
        {
            if (at < end && data[at] == c) {
                at++;
                return true;
            }

            return false;
        }


        bool Digits()
        {
            int start = at;

            while (at < end && data[at] >= '0' && data[at] <= '9') {
                at++;
            }

            return at > start;
        }


        /* Most strings are a piece of the bytes: one copy. */

        string String()
        {
            StringBuilder text = null;
            int start;

            for (start = ++at; at < end; at++) {
                byte b = data[at];

                if (b >= ' ' && b != '"' && b != '\\') {
                    continue;
                }

                if (b < ' ') {
                    throw Bad("a control character in a string");
                }

                string part = utf8.GetString(data, start, at++ - start);

                if (b == '"') {
                    return text == null ? part : text.Append(part).ToString();
                }

                text = text ?? new StringBuilder();
                text.Append(part).Append(Escape());
                start = at--;
            }

            throw Bad("unexpected end");
        }


        char Escape()
        {
            char c = at < end ? (char) data[at++] : '\0';

            switch (c) {

            case '"':
            case '\\':
            case '/':
                return c;

            case 'b':
                return '\b';

            case 'f':
                return '\f';

            case 'n':
                return '\n';

            case 'r':
                return '\r';

            case 't':
                return '\t';

            case 'u':
                int n = 0;

                for (int i = 0; i < 4; i++, at++) {
                    int digit = at < end ? Hex(data[at]) : -1;

                    if (digit == -1) {
                        throw Bad("no hexadecimal digit");
                    }

                    n = n * 16 + digit;
                }

                return (char) n;

            default:
                throw Bad("an unknown escape");
            }
        }


        static int Hex(byte b)
        {
            return b >= '0' && b <= '9' ? b - '0'
                   : b >= 'a' && b <= 'f' ? b - 'a' + 10
                   : b >= 'A' && b <= 'F' ? b - 'A' + 10 : -1;
        }


        /* Calls MEMBER for each name of an object, or leaves the value out. */

        void Members(Action<string> member)
        {
            at++;

            if (Peek() == '}') {
                at++;
                return;
            }

            for ( ;; ) {
                if (Peek() != '"') {
                    throw Bad("no name");
                }

                string name = String();

                Expect(':');
                member(name);

                if (Peek() == '}') {
                    at++;
                    return;
                }

                Expect(',');
            }
        }


        /* Of equal names the last one counts, as with other parsers. */

        object Object(Type type)
        {
            Type key, value;

            if (type == typeof(object)) {
                Dictionary<string, object> all
                    = new Dictionary<string, object>();

                Members(name => all[name] = Value(typeof(object)));
                return all;
            }

            IDictionary map = Shapes.NewMap(type, out key, out value);

            if (map != null) {
                Members(name => map[Scalars.FromText(this, name, key)]
                                    = Value(value));
                return map;
            }

            Shape shape = Shapes.Of(type);

            if (!shape.CanBeMade) {
                throw Bad("an object for " + type);
            }

            return shape.Constructed ? Constructed(shape) : Filled(shape);
        }


        /* As Lambda's serializers do, unknown names are left out. */

        object Filled(Shape shape)
        {
            object made = shape.Make();

            Members(name => {
                Member member = shape.Find(name);

                if (member == null || member.Set == null) {
                    Value(typeof(object));
                } else {
                    member.Set(made, Value(member.Type));
                }
            });

            return made;
        }


        /* What has no setters has a constructor with these names. */

        object Constructed(Shape shape)
        {
            object[] values = shape.Defaults();

            Members(name => {
                int i = shape.Parameter(name);

                if (i == -1) {
                    Value(typeof(object));
                } else {
                    values[i] = Value(shape.ParameterType(i));
                }
            });

            return shape.Make(values);
        }


        /* How many there are is known at the end, so it is a list first. */

        object List(Type type)
        {
            Type item;
            IList list = Shapes.NewList(type, out item);

            if (list == null) {
                throw Bad("a list for " + type);
            }

            at++;

            if (Peek() == ']') {
                at++;
                return Shapes.ListOf(type, list, item);
            }

            for ( ;; ) {
                list.Add(Value(item));

                if (Peek() == ']') {
                    at++;
                    return Shapes.ListOf(type, list, item);
                }

                Expect(',');
            }
        }
    }
}
