/*
 * Values that are one text or number in JSON: to Java's many types for them
 * and back.
 */

package ngxfaas;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.Base64;
import java.util.Calendar;
import java.util.Date;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;

final class Scalars {

    private Scalars() {
    }


    static boolean is(Object json) {
        return json instanceof String || json instanceof Number
               || json instanceof Boolean;
    }


    /* In its JSON form, or the same object if it has none. */

    static Object plain(Object o) {
        if (o instanceof Date) {
            return ((Date) o).getTime();
        }

        if (o instanceof Calendar) {
            return ((Calendar) o).getTimeInMillis();
        }

        if (o instanceof Instant) {
            Instant t = (Instant) o;

            return BigDecimal.valueOf(t.getEpochSecond())
                             .add(BigDecimal.valueOf(t.getNano(), 9));
        }

        if (o instanceof ByteBuffer) {
            ByteBuffer b = ((ByteBuffer) o).duplicate();
            byte[] bytes = new byte[b.remaining()];

            b.get(bytes);
            return bytes;
        }

        if (o instanceof OptionalInt) {
            OptionalInt n = (OptionalInt) o;
            return n.isPresent() ? n.getAsInt() : null;
        }

        if (o instanceof OptionalLong) {
            OptionalLong n = (OptionalLong) o;
            return n.isPresent() ? n.getAsLong() : null;
        }

        if (o instanceof OptionalDouble) {
            OptionalDouble n = (OptionalDouble) o;
            return n.isPresent() ? n.getAsDouble() : null;
        }

        String name = o.getClass().getName();

        return name.startsWith("java.") || name.startsWith("sun.nio.fs.")
               || name.startsWith("org.joda.time.")
               || o instanceof java.nio.file.Path
               ? o.toString() : o;
    }


    /* The value is a client's, and the message goes to a log: not all of it. */

    private static JsonException bad(Object json, Class<?> type) {
        String text = String.valueOf(json);

        return new JsonException("cannot make " + type.getName() + " of "
            + (text.length() > 100 ? text.substring(0, 100) + "..." : text));
    }


    /* JSON is a string, a number or a boolean. */

    static Object make(Object json, Class<?> type) {
        if (type == String.class || type == CharSequence.class) {
            return json.toString();
        }

        if (type == boolean.class || type == Boolean.class) {
            return bool(json, type);
        }

        if (type.isPrimitive() || Number.class.isAssignableFrom(type)) {
            Object n = number(json, type);

            if (n != null) {
                return n;
            }
        }

        if (type == char.class || type == Character.class) {
            String text = json.toString();

            if (text.length() != 1) {
                throw bad(json, type);
            }

            return text.charAt(0);
        }

        if (type.isEnum()) {
            return constant(json, type);
        }

        if (type == byte[].class || type == ByteBuffer.class) {
            return bytes(json, type);
        }

        if (json instanceof Number) {
            Object time = time((Number) json, type);

            if (time != null) {
                return time;
            }
        }

        return text(json.toString(), type);
    }


    /* Numbers count as in C; of texts only the two words do. */

    private static Object bool(Object json, Class<?> type) {
        if (json instanceof Boolean) {
            return json;
        }

        if (json instanceof Number) {
            return ((Number) json).doubleValue() != 0;
        }

        String text = json.toString().trim();

        if (text.equalsIgnoreCase("true") || text.equalsIgnoreCase("false")) {
            return Boolean.parseBoolean(text);
        }

        throw bad(json, type);
    }


    /* null: TYPE is no number that is known here */

    private static Object number(Object json, Class<?> type) {
        if (json instanceof Boolean || type == char.class) {
            if (type == char.class) {
                return null;
            }

            throw bad(json, type);
        }

        try {
            if (type == double.class || type == Double.class) {
                return Double.valueOf(json.toString());
            }

            if (type == float.class || type == Float.class) {
                return Float.valueOf(json.toString());
            }

            if (type == Number.class && json instanceof Number) {
                return json;
            }

            if (!type.isPrimitive() && type.getClassLoader() != null) {
                return null;
            }

            return integer(decimal(json), type);

        } catch (NumberFormatException | ArithmeticException e) {
            throw bad(json, type);
        }
    }


    /* Digits that a short text stands for must fit into memory. */

    private static BigDecimal decimal(Object json) {
        BigDecimal n = json instanceof BigDecimal
                       ? (BigDecimal) json
                       : new BigDecimal(json.toString().trim());

        if (Math.abs((long) n.scale()) > JsonReader.DIGITS * 4L) {
            throw new ArithmeticException();
        }

        return n;
    }


    /* Fractions are cut off, as on Lambda; what does not fit is an error. */

    private static Object integer(BigDecimal n, Class<?> type) {
        if (type == BigDecimal.class || type == Number.class) {
            return n;
        }

        BigInteger whole = n.toBigInteger();

        if (type == int.class || type == Integer.class) {
            return whole.intValueExact();
        } else if (type == long.class || type == Long.class) {
            return whole.longValueExact();
        } else if (type == short.class || type == Short.class) {
            return whole.shortValueExact();
        } else if (type == byte.class || type == Byte.class) {
            return whole.byteValueExact();
        } else if (type == BigInteger.class) {
            return whole;
        } else if (type == java.util.concurrent.atomic.AtomicInteger.class) {
            return new java.util.concurrent.atomic.AtomicInteger(
                whole.intValueExact());
        } else if (type == java.util.concurrent.atomic.AtomicLong.class) {
            return new java.util.concurrent.atomic.AtomicLong(
                whole.longValueExact());
        }

        return null;
    }


    /* As on Lambda: a name that is none of them is null. */

    private static Object constant(Object json, Class<?> type) {
        Object[] all = type.getEnumConstants();

        if (json instanceof Integer) {
            int n = (Integer) json;

            return n >= 0 && n < all.length ? all[n] : null;
        }

        for (Object o : all) {
            if (((Enum<?>) o).name().equals(json)) {
                return o;
            }
        }

        return null;
    }


    /* With line breaks, too, which some encoders make. */

    private static Object bytes(Object json, Class<?> type) {
        if (!(json instanceof String)) {
            throw bad(json, type);
        }

        try {
            byte[] b = Base64.getMimeDecoder().decode((String) json);

            return type == byte[].class ? b : ByteBuffer.wrap(b);
        } catch (IllegalArgumentException e) {
            throw bad(json, type);
        }
    }


    private static Object time(Number n, Class<?> type) {
        if (type == Date.class) {
            return new Date(n.longValue());
        }

        if (type == Instant.class) {
            BigDecimal t = decimal(n);
            BigDecimal whole = t.setScale(0, java.math.RoundingMode.FLOOR);

            return Instant.ofEpochSecond(whole.longValueExact(),
                t.subtract(whole).movePointRight(9).longValue());
        }

        if (type.getName().equals("org.joda.time.DateTime")) {
            return construct(type, long.class, n.longValue());
        }

        return null;
    }


    /* null if there is no such constructor, or it does not like the value */

    private static Object construct(Class<?> type, Class<?> of, Object value) {
        try {
            Constructor<?> c = type.getConstructor(of);

            return c.newInstance(value);
        } catch (ReflectiveOperationException e) {
            return null;
        }
    }


    /* By the method or constructor that a class has for texts. */

    private static Object text(String text, Class<?> type) {
        if (type == Date.class) {
            try {
                return Date.from(OffsetDateTime.parse(text).toInstant());
            } catch (DateTimeParseException e) {
                throw bad(text, type);
            }
        }

        /* nobody may have a class loaded by its name, or make just anything */

        if (type == Class.class || type.isInterface()
            && type != java.nio.file.Path.class)
        {
            throw bad(text, type);
        }

        for (String name : new String[] { "parse", "fromString", "valueOf",
                                          "of", "forLanguageTag" })
        {
            for (Class<?> of : new Class<?>[] { String.class,
                                                CharSequence.class })
            {
                try {
                    Method m = type.getMethod(name, of);

                    if (Modifier.isStatic(m.getModifiers())
                        && type.isAssignableFrom(m.getReturnType()))
                    {
                        return m.invoke(null, text);
                    }
                } catch (InvocationTargetException e) {
                    throw bad(text, type);
                } catch (ReflectiveOperationException e) {
                    continue;
                }
            }
        }

        Object made = construct(type, String.class, text);

        if (made == null) {
            throw bad(text, type);
        }

        return made;
    }
}
