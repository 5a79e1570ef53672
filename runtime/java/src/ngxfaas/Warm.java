/*
 * Calls a function of its own before the supervisor hears of this blank, so
 * that the classes which most functions need are there, and what Java makes
 * for lambdas and for texts of several parts.  Blanks are started ahead of
 * demand: here the time costs nobody.
 */

package ngxfaas;

import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;

final class Warm {

    private static final int ROUNDS = 3;

    private static final byte[] EVENT = Settings.bytes(
        "{\"headers\":{\"host\":\"a\\tb\"},\"n\":[1,2.5,-7],\"x\":[true,null],"
        + "\"body\":\"\u00e4\"}");

    private static final byte[] INIT = Settings.bytes(
        "{\"handler\":\"Warm\",\"taskRoot\":\"/\",\"functionName\":\"warm\","
        + "\"functionVersion\":\"1\",\"memoryMB\":128,\"logGroup\":\"g\","
        + "\"logStream\":\"s\",\"environment\":{\"A\":\"b\"}}");

    private Warm() {
    }


    static void run(String home) {
        try {
            call(home);
        } catch (Throwable t) {
            /* it is no more than colder, but that should be known */
            System.err.println("faas: warming up: " + t);
        }
    }


    private static void call(String home) throws Throwable {
        Settings settings = new Settings(INIT);
        JsonWriter writer = new JsonWriter();
        long[] numbers = new long[Native.NUMBERS];

        numbers[Native.EVENT] = EVENT.length;
        settings.variables();
        Loader.classes(home);

        /* a folder and a jar, as functions have them */

        try (URLClassLoader classes = new URLClassLoader(new URL[] {
                new File(home, "warm").toURI().toURL(),
                new File(home, "faas-java.jar").toURI().toURL()
            }, Loader.class.getClassLoader()))
        {
            for (String name : new String[] { "Warm", "Warm::records",
                                              "Warm::streams" })
            {
                Handler handler = Loader.load(name, classes);

                for (int i = 0; i < ROUNDS; i++) {
                    handler.call(EVENT, EVENT.length, new LambdaContext(
                        settings, EVENT, numbers));
                    handler.done();
                }
            }

            classes.getResource("is.not.there");
        }

        Throwable t = new IllegalStateException("warm");

        Errors.filter(t);
        Errors.payload(writer, t, 4096);
    }
}
