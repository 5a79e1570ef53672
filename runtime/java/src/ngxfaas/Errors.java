/* Errors as a caller and the log see them. */

package ngxfaas;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;

final class Errors {

    private static final int CAUSES = 20;
    private static final int FRAMES = 1000;

    private Errors() {
    }


    /* Cuts off what is ours: all that stands below the function's handler. */

    static StackTraceElement[] filtered(StackTraceElement[] all) {
        int n = 0;

        while (n < all.length
               && !all[n].getClassName().startsWith("ngxfaas."))
        {
            n++;
        }

        if (n == all.length) {
            return all;
        }

        while (n > 0 && internal(all[n - 1].getClassName())) {
            n--;
        }

        return java.util.Arrays.copyOf(all, n);
    }


    private static boolean internal(String name) {
        return name.startsWith("jdk.internal.reflect.")
               || name.startsWith("java.lang.reflect.")
               || name.startsWith("sun.reflect.")
               || name.startsWith("java.lang.invoke.");
    }


    /* Causes may go in a circle, or have no end. */

    static void filter(Throwable t) {
        List<Throwable> seen = new ArrayList<>();

        for (int i = 0; t != null && i < CAUSES; i++, t = t.getCause()) {
            if (seen.contains(t)) {
                return;
            }

            seen.add(t);
            t.setStackTrace(filtered(t.getStackTrace()));
        }
    }


    /* As {"errorMessage", "errorType", "stackTrace", "cause"}. */

    static void payload(JsonWriter w, Throwable t, int most) {
        for (int frames = FRAMES; ; frames /= 10) {
            w.reset();
            error(w, t, frames, frames > 0 ? CAUSES : 1,
                  frames > 0 ? Integer.MAX_VALUE : most / 8);

            if (w.length <= most || frames == 0) {
                return;
            }
        }
    }


    private static void error(JsonWriter w, Throwable t, int frames,
        int causes, int text)
    {
        String message = message(t);

        w.raw("{");

        if (message != null) {
            w.name("errorMessage", true);
            w.string(message.length() > text ? message.substring(0, text)
                                             : message);
        }

        w.name("errorType", message == null);
        w.string(type(t));
        w.name("stackTrace", false);
        w.raw("[");

        StackTraceElement[] trace = t.getStackTrace();

        for (int i = 0; i < trace.length && i < frames; i++) {
            w.raw(i > 0 ? "," : "");
            w.string(trace[i].toString());
        }

        w.raw("]");

        if (t.getCause() != null && t.getCause() != t && causes > 1) {
            w.name("cause", false);
            error(w, t.getCause(), frames, causes - 1, text);
        }

        w.raw("}");
    }


    private static String type(Throwable t) {
        return t instanceof LoadException ? ((LoadException) t).type
                                          : t.getClass().getName();
    }


    /* The message is the function's code, too. */

    private static String message(Throwable t) {
        try {
            return t.getMessage();
        } catch (Throwable e) {
            return e.getClass().getName() + " in getMessage()";
        }
    }


    /* As on Lambda: the message and type in a line, then Java's own trace. */

    static void log(Throwable t) {
        StringWriter text = new StringWriter();

        text.append(String.valueOf(message(t))).append(": ").append(type(t))
            .append('\n');

        try {
            t.printStackTrace(new PrintWriter(text, true));
        } catch (Throwable e) {
            text.append(e.getClass().getName()).append('\n');
        }

        Log.log.log(text.append('\n').toString());
    }
}
