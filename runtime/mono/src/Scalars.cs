/* Texts, numbers, truth values and null as what a place wants. */

using System;
using System.Globalization;
using System.IO;
using System.Reflection;

namespace NgxFaas
{
    static class Scalars
    {
        const NumberStyles Float = NumberStyles.Float;

        static readonly CultureInfo culture = CultureInfo.InvariantCulture;
        static readonly DateTime epoch = new DateTime(1970, 1, 1, 0, 0, 0,
                                                      DateTimeKind.Utc);


        static Type Plain(Type type)
        {
            return Nullable.GetUnderlyingType(type) ?? type;
        }


        /* The message is for whoever sent the event: where, and what. */

        static JsonException Unfit(JsonReader r, string what, Type type)
        {
            return r.Bad(what + " for " + type);
        }


        internal static object FromNull(Type type)
        {
            return type.IsValueType && Nullable.GetUnderlyingType(type) == null
                   ? Activator.CreateInstance(type) : null;
        }


        internal static object FromFlag(JsonReader r, bool value, Type type)
        {
            type = Plain(type);

            if (type == typeof(string)) {
                return value ? "true" : "false";
            }

            if (!type.IsAssignableFrom(typeof(bool))) {
                throw Unfit(r, "a truth value", type);
            }

            return value;
        }


        /* Whole numbers that fit are long, as those of Json.NET. */

        internal static object FromNumber(JsonReader r, string text, Type type)
        {
            long whole;
            double number;

            type = Plain(type);

            if (type == typeof(string)) {
                return text;
            }

            try {
                if (type.IsEnum) {
                    return Enum.ToObject(type, long.Parse(text, culture));
                }

                if (type == typeof(decimal)) {
                    return decimal.Parse(text, Float, culture);
                }

                if (type.IsAssignableFrom(typeof(long))
                    && long.TryParse(text, NumberStyles.AllowLeadingSign,
                                     culture, out whole))
                {
                    return whole;
                }

                number = Native.Parse(Native.Zero(text));

                if (type.IsAssignableFrom(typeof(double))) {
                    return number;
                }

                if (type == typeof(float)) {
                    return (float) number;
                }

                if (type == typeof(DateTime)) {
                    return epoch.AddSeconds(number);
                }

                if (type == typeof(DateTimeOffset)) {
                    return new DateTimeOffset(epoch.AddSeconds(number));
                }

                if (type.IsPrimitive && type != typeof(bool)
                    && type != typeof(char))
                {
                    return Integer(text, type);
                }
            } catch (OverflowException) {
                throw Unfit(r, "the number " + text, type);
            } catch (FormatException) {
                throw Unfit(r, "the number " + text, type);
            }

            throw Unfit(r, "a number", type);
        }


        /* Also of "1.0" and "1e3", but not of "1.5". */

        static object Integer(string text, Type type)
        {
            decimal number = decimal.Parse(text, Float, culture);

            if (number != decimal.Truncate(number)) {
                throw new FormatException();
            }

            return Convert.ChangeType(number, type, culture);
        }


        /* Lenient as Json.NET: clients of web forms send numbers as texts. */

        internal static object FromText(JsonReader r, string text, Type type)
        {
            type = Plain(type);

            if (type.IsAssignableFrom(typeof(string))) {
                return text;
            }

            try {
                return Parsed(r, text, type);
            } catch (FormatException) {
                throw Unfit(r, "the text \"" + text + "\"", type);
            } catch (OverflowException) {
                throw Unfit(r, "the text \"" + text + "\"", type);
            } catch (ArgumentException) {
                throw Unfit(r, "the text \"" + text + "\"", type);
            }
        }


        static object Parsed(JsonReader r, string text, Type type)
        {
            if (type.IsEnum) {
                return Enum.Parse(type, text, true);
            }

            if (type == typeof(bool)) {
                return bool.Parse(text);
            }

            if (type == typeof(char)) {
                return char.Parse(text);
            }

            if (type.IsPrimitive || type == typeof(decimal)) {
                return FromNumber(r, text, type);
            }

            if (type == typeof(byte[])) {
                return Convert.FromBase64String(text);
            }

            if (type == typeof(MemoryStream) || type == typeof(Stream)) {
                return new MemoryStream(Convert.FromBase64String(text));
            }

            if (type == typeof(DateTime)) {
                return DateTime.Parse(text, culture,
                                      DateTimeStyles.RoundtripKind);
            }

            if (type == typeof(DateTimeOffset)) {
                return DateTimeOffset.Parse(text, culture);
            }

            if (type == typeof(TimeSpan)) {
                return TimeSpan.Parse(text, culture);
            }

            return Made(r, text, type);
        }


        /* Guid, Version, Uri and whatever makes itself of a text. */

        static object Made(JsonReader r, string text, Type type)
        {
            Type[] wants = { typeof(string) };
            object[] given = { text };
            MethodInfo parse = type.GetMethod("Parse", wants);

            try {
                if (parse != null && parse.IsStatic
                    && type.IsAssignableFrom(parse.ReturnType))
                {
                    return parse.Invoke(null, given);
                }

                ConstructorInfo make = type.GetConstructor(wants);

                if (make != null && !type.IsAbstract) {
                    return make.Invoke(given);
                }
            } catch (TargetInvocationException e) {
                throw Unfit(r, "the text \"" + text + "\" ("
                            + e.InnerException.Message + ")", type);
            }

            throw Unfit(r, "a text", type);
        }
    }
}
