/*
 * Reads JSON, UTF-8, into maps, lists, strings, numbers, booleans and nulls.
 * All input is a client's: depth is bounded, and nothing is allocated that is
 * not there.
 *
 * Integers become Integer, Long or BigInteger, whichever is large enough;
 * other numbers Double, or with "exact" BigDecimal.
 */

package ngxfaas;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

final class JsonReader {

    static final int DEPTH = 1000;
    static final int DIGITS = 1000;      /* as long as a number may be */

    private final byte[] in;
    private final int end;
    private final boolean exact;
    private int pos;
    private int depth;

    private JsonReader(byte[] in, int start, int end, boolean exact) {
        this.in = in;
        this.pos = start;
        this.end = end;
        this.exact = exact;
    }


    static Object read(byte[] in, int start, int length, boolean exact)
        throws JsonException
    {
        JsonReader r = new JsonReader(in, start, start + length, exact);
        Object value = r.value(r.next());

        if (r.next() != -1) {
            throw r.bad("text after the end");
        }

        return value;
    }


    private JsonException bad(String what) {
        return new JsonException(what + " at byte " + pos);
    }


    /* The first byte of the next token, which is not taken; -1 at the end. */

    private int next() {
        while (pos < end) {
            int c = in[pos];

            if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
                return c & 0xff;
            }

            pos++;
        }

        return -1;
    }


    /* C is what next() has said; strings and numbers begin with it. */

    private Object value(int c) throws JsonException {
        switch (c) {

        case '"':
            return string();

        case '{':
            return object();

        case '[':
            return array();

        case 't':
            return word("true", Boolean.TRUE);

        case 'f':
            return word("false", Boolean.FALSE);

        case 'n':
            return word("null", null);

        case -1:
            throw bad("unexpected end");

        default:
            if (c == '-' || (c >= '0' && c <= '9')) {
                return number();
            }

            throw bad("unexpected character");
        }
    }


    private Object word(String word, Object value) throws JsonException {
        for (int i = 0; i < word.length(); i++) {
            if (pos + i >= end || in[pos + i] != word.charAt(i)) {
                throw bad("unexpected character");
            }
        }

        pos += word.length();

        return value;
    }


    /* The stack is what a client can exhaust with a few kilobytes. */

    private void enter() throws JsonException {
        if (++depth > DEPTH) {
            throw bad("nested too deeply");
        }

        pos++;
    }


    private Map<String, Object> object() throws JsonException {
        Map<String, Object> map = new LinkedHashMap<>();
        int c;

        enter();
        c = next();

        while (c != '}') {
            if (c != '"') {
                throw bad("expected a name");
            }

            String name = string();

            if (next() != ':') {
                throw bad("expected a colon");
            }

            pos++;
            /* of names that are there twice the last counts, as with Jackson */

            map.put(name, value(next()));
            c = next();

            if (c == ',') {
                pos++;
                c = next();

                if (c == '}') {
                    throw bad("expected a name");
                }

            } else if (c != '}') {
                throw bad("expected a comma");
            }
        }

        pos++;
        depth--;

        return map;
    }


    private List<Object> array() throws JsonException {
        List<Object> list = new ArrayList<>();
        int c;

        enter();
        c = next();

        while (c != ']') {
            list.add(value(c));
            c = next();

            if (c == ',') {
                pos++;
                c = next();

                if (c == ']') {
                    throw bad("expected a value");
                }

            } else if (c != ']') {
                throw bad("expected a comma");
            }
        }

        pos++;
        depth--;

        return list;
    }


    /* Text without escapes, which is the most of it, is copied as a whole. */

    private String string() throws JsonException {
        int start = ++pos;
        int seen = 0;

        while (pos < end) {
            int c = in[pos];

            if (c == '"') {
                int length = pos++ - start;

                return seen >= 0
                       ? new String(in, start, length,
                                    StandardCharsets.ISO_8859_1)
                       : utf8(start, length);
            }

            if (c == '\\') {
                return escaped(start);
            }

            if (c >= 0 && c < ' ') {
                throw bad("control character in a string");
            }

            seen |= c;
            pos++;
        }

        throw bad("string without end");
    }


    /* What is no UTF-8 must not reach a function as something else. */

    private String utf8(int start, int length) throws JsonException {
        String text = new String(in, start, length, StandardCharsets.UTF_8);

        if (text.indexOf('\ufffd') >= 0 && !replaced(start, length)) {
            throw bad("invalid UTF-8");
        }

        return text;
    }


    /* Are all replacement characters of the text its own? */

    private boolean replaced(int start, int length) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(
                java.nio.ByteBuffer.wrap(in, start, length));
            return true;
        } catch (java.nio.charset.CharacterCodingException e) {
            return false;
        }
    }


    /* From the first escape on the text is put together of parts. */

    private String escaped(int start) throws JsonException {
        StringBuilder text = new StringBuilder();
        int from = start;

        while (pos < end) {
            int c = in[pos];

            if (c == '"' || c == '\\') {
                if (pos > from) {
                    text.append(utf8(from, pos - from));
                }

                pos++;

                if (c == '"') {
                    return text.toString();
                }

                text.append(escape());
                from = pos;

            } else if (c >= 0 && c < ' ') {
                throw bad("control character in a string");

            } else {
                pos++;
            }
        }

        throw bad("string without end");
    }


    private char escape() throws JsonException {
        if (pos >= end) {
            throw bad("string without end");
        }

        switch (in[pos++]) {
        case '"':
            return '"';
        case '\\':
            return '\\';
        case '/':
            return '/';
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
            return unicode();
        default:
            throw bad("unknown escape");
        }
    }


    /* Halves of a pair come one by one; a lonely one is kept as it is. */

    private char unicode() throws JsonException {
        int n = 0;

        if (end - pos < 4) {
            throw bad("string without end");
        }

        for (int i = 0; i < 4; i++) {
            int digit = Character.digit(in[pos++], 16);

            if (digit == -1) {
                throw bad("bad escape");
            }

            n = n << 4 | digit;
        }

        return (char) n;
    }


    private int digits() throws JsonException {
        int start = pos;

        while (pos < end && in[pos] >= '0' && in[pos] <= '9') {
            pos++;
        }

        if (pos == start) {
            throw bad("expected a digit");
        }

        return pos - start;
    }


    private Number number() throws JsonException {
        int start = pos;
        boolean whole = true;

        if (in[pos] == '-') {
            pos++;
        }

        int first = pos;
        int digits = digits();

        if (digits > 1 && in[first] == '0') {
            throw bad("a number begins with zero");
        }

        if (pos < end && in[pos] == '.') {
            whole = false;
            pos++;
            digits();
        }

        if (pos < end && (in[pos] == 'e' || in[pos] == 'E')) {
            whole = false;
            pos++;

            if (pos < end && (in[pos] == '+' || in[pos] == '-')) {
                pos++;
            }

            digits();
        }

        /* conversion takes the square of it */

        if (pos - start > DIGITS) {
            throw bad("a number that is too long");
        }

        return convert(start, whole, digits);
    }


    /* Most numbers are short integers, which need neither text nor object. */

    private Number convert(int start, boolean whole, int digits)
        throws JsonException
    {
        if (whole && digits < 19) {
            long n = 0;

            for (int i = in[start] == '-' ? start + 1 : start; i < pos; i++) {
                n = n * 10 + in[i] - '0';
            }

            n = in[start] == '-' ? -n : n;

            if (n == (int) n) {
                return (int) n;
            }

            return n;
        }

        String text = new String(in, start, pos - start,
                                 StandardCharsets.ISO_8859_1);

        if (whole) {
            BigInteger n = new BigInteger(text);

            if (n.bitLength() < 64) {
                return n.longValue();
            }

            return n;
        }

        if (!exact) {
            return Double.valueOf(text);
        }

        try {
            return new BigDecimal(text);
        } catch (NumberFormatException e) {
            throw bad("exponent out of range");
        }
    }
}
