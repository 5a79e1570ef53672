/*
 * Writes JSON, UTF-8: what JsonReader makes, and through Beans all other
 * objects.  Depth is bounded, which is what ends objects that contain
 * themselves.  Nulls in maps and objects are left out, as on Lambda.
 */

package ngxfaas;

import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;

final class JsonWriter {

    static final int DEPTH = 1000;

    private static final int KEEP = 1 << 20;
    private static final int MOST = Integer.MAX_VALUE - 16;
    private static final byte[] HEX = "0123456789abcdef".getBytes(
        StandardCharsets.ISO_8859_1);

    byte[] out = new byte[4096];
    int length;

    private int depth;


    /* For the next answer, without the memory of an unusual one. */

    void reset() {
        if (out.length > KEEP) {
            out = new byte[4096];
        }

        length = 0;
        depth = 0;
    }


    /* Doubles: a result of any size is copied twice at most. */

    private void room(int n) {
        if (out.length - length >= n) {
            return;
        }

        long size = Math.max((long) length + n, out.length * 2L);

        if ((long) length + n > MOST) {
            throw new JsonException("the result is too large");
        }

        out = Arrays.copyOf(out, (int) Math.min(size, MOST));
    }


    void raw(String ascii) {
        int n = ascii.length();

        room(n);

        for (int i = 0; i < n; i++) {
            out[length++] = (byte) ascii.charAt(i);
        }
    }


    private void put(int c) {
        room(1);
        out[length++] = (byte) c;
    }


    /*
     * The hot path: ASCII is copied byte by byte into room that was made for
     * all of it; only what is longer in UTF-8 asks again.
     */

    void string(CharSequence text) {
        int n = text.length();

        room(n + 2);
        out[length++] = '"';

        for (int i = 0; i < n; i++) {
            char c = text.charAt(i);

            if (c >= ' ' && c < 0x7f && c != '"' && c != '\\') {
                if (out.length - length < n - i + 1) {
                    room(n - i + 1);
                }

                out[length++] = (byte) c;

            } else if (c < 0x80) {
                escape(c);

            } else {
                i += wide(text, i, c);
            }
        }

        put('"');
    }


    private void escape(char c) {
        room(6);

        int short_ = "\"\\\b\f\n\r\t".indexOf(c);

        if (short_ >= 0) {
            out[length++] = '\\';
            out[length++] = (byte) "\"\\bfnrt".charAt(short_);

        } else if (c == 0x7f) {
            out[length++] = 0x7f;

        } else {
            unicode(c);
        }
    }


    /* Control characters, and halves of pairs that UTF-8 has no bytes for. */

    private void unicode(char c) {
        room(6);
        out[length++] = '\\';
        out[length++] = 'u';

        for (int shift = 12; shift >= 0; shift -= 4) {
            out[length++] = HEX[c >> shift & 15];
        }
    }


    /* A character that is not ASCII; 1 if it is two. */

    private int wide(CharSequence text, int i, char c) {
        room(6);

        if (c < 0x800) {
            out[length++] = (byte) (0xc0 | c >> 6);
            out[length++] = (byte) (0x80 | c & 0x3f);
            return 0;
        }

        if (Character.isHighSurrogate(c) && i + 1 < text.length()
            && Character.isLowSurrogate(text.charAt(i + 1)))
        {
            int code = Character.toCodePoint(c, text.charAt(i + 1));

            out[length++] = (byte) (0xf0 | code >> 18);
            out[length++] = (byte) (0x80 | code >> 12 & 0x3f);
            out[length++] = (byte) (0x80 | code >> 6 & 0x3f);
            out[length++] = (byte) (0x80 | code & 0x3f);
            return 1;
        }

        if (Character.isSurrogate(c)) {
            unicode(c);
            return 0;
        }

        out[length++] = (byte) (0xe0 | c >> 12);
        out[length++] = (byte) (0x80 | c >> 6 & 0x3f);
        out[length++] = (byte) (0x80 | c & 0x3f);
        return 0;
    }


    /* Kinds in the order of how often they occur; beans are what is left. */

    void value(Object value) {
        if (value == null) {
            raw("null");
        } else if (value instanceof CharSequence) {
            string((CharSequence) value);
        } else if (value instanceof Number) {
            number((Number) value);
        } else if (value instanceof Boolean) {
            raw(value.toString());
        } else if (value instanceof Map) {
            map((Map<?, ?>) value);
        } else if (value instanceof Collection) {
            list(((Collection<?>) value).iterator());
        } else if (value instanceof Character) {
            string(value.toString());
        } else if (value instanceof Enum) {
            string(((Enum<?>) value).name());
        } else if (value instanceof Optional) {
            value(((Optional<?>) value).orElse(null));
        } else if (value.getClass().isArray()) {
            array(value);
        } else if (value instanceof Iterable) {
            list(((Iterable<?>) value).iterator());
        } else {
            object(value);
        }
    }


    /* JSON has no words for what is no number: a text, as with Jackson. */

    private void number(Number n) {
        if (n instanceof Double || n instanceof Float) {
            double d = n.doubleValue();

            if (Double.isNaN(d) || Double.isInfinite(d)) {
                string(n.toString());
                return;
            }
        }

        String text = n.toString();

        /* a number of somebody's own may say anything */

        if (n.getClass().getName().startsWith("java.")) {
            raw(text);
        } else {
            raw(new BigDecimal(text).toString());
        }
    }


    /* An object that contains itself ends here, not with the stack. */

    private void enter(int c) {
        if (++depth > DEPTH) {
            throw new JsonException("nested too deeply, or in itself");
        }

        put(c);
    }


    private void leave(int c) {
        depth--;
        put(c);
    }


    private void map(Map<?, ?> map) {
        boolean first = true;

        enter('{');

        for (Map.Entry<?, ?> e : map.entrySet()) {
            if (e.getValue() == null) {
                continue;
            }

            name(String.valueOf(e.getKey()), first);
            value(e.getValue());
            first = false;
        }

        leave('}');
    }


    void name(String name, boolean first) {
        if (!first) {
            put(',');
        }

        string(name);
        put(':');
    }


    private void list(Iterator<?> items) {
        boolean first = true;

        enter('[');

        while (items.hasNext()) {
            if (!first) {
                put(',');
            }

            value(items.next());
            first = false;
        }

        leave(']');
    }


    private void array(Object array) {
        if (array instanceof byte[]) {
            string(Base64.getEncoder().encodeToString((byte[]) array));
            return;
        }

        if (array instanceof char[]) {
            string(new String((char[]) array));
            return;
        }

        enter('[');

        for (int i = 0; i < Array.getLength(array); i++) {
            if (i > 0) {
                put(',');
            }

            value(Array.get(array, i));
        }

        leave(']');
    }


    private void object(Object value) {
        Object plain = Scalars.plain(value);

        if (plain != value) {
            value(plain);
            return;
        }

        boolean first = true;

        enter('{');

        for (Beans.Property p : Beans.of(value.getClass()).readable) {
            Object v = p.get(value);

            if (v != null) {
                name(p.name, first);
                value(v);
                first = false;
            }
        }

        leave('}');
    }
}
