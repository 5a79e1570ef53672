/*
 * The Java runtime: one environment.  Tells the supervisor that it is a blank,
 * is given a function, loads it and serves invocations, one at a time, in the
 * main thread.  See ../../README.md for how the supervisor starts it.
 */

package ngxfaas;

import java.io.File;
import java.io.IOError;
import java.util.TimeZone;

public final class Bootstrap implements Runnable {

    private static final String TRACE = "com.amazonaws.xray.traceHeader";
    private static final int ERROR_MAX = 60000;         /* of a frame */
    private static final int PAYLOAD_MAX = 262144;
    private static final long STACK = 4 << 20;

    /* there may be no memory to make one */
    private static final byte[] FULL = Settings.bytes(
        "{\"errorMessage\":\"Java heap space\","
        + "\"errorType\":\"java.lang.OutOfMemoryError\",\"stackTrace\":[]}");

    private static final JsonWriter errors = new JsonWriter();

    private Bootstrap() {
    }


    /*
     * JSON may be nested deeper than the stack of Java's own main thread would
     * bear in the end: compiled methods take more of it than interpreted ones.
     */

    public static void main(String[] args) {
        new Thread(null, new Bootstrap(), "main", STACK).start();
    }


    @Override
    public void run() {
        String home = new File(System.getProperty("java.class.path")
                               .split(File.pathSeparator)[0])
                      .getAbsoluteFile().getParent();

        System.load(home + "/libfaas-java.so");
        Log.install();
        Warm.run(home);

        byte[] init = Native.init(Settings.bytes(
            "java " + System.getProperty("java.version")));

        if (init == null) {
            Runtime.getRuntime().halt(0);
        }

        try {
            serve(init);
        } catch (Throwable t) {
            Errors.filter(t);
            Errors.log(t);
            Errors.payload(errors, t, ERROR_MAX);
            Native.error(errors.out, errors.length);
            System.exit(1);
        }
    }


    private static void serve(byte[] init) throws Throwable {
        Settings settings = new Settings(init);

        prepare(settings);

        ClassLoader classes = Loader.classes(settings.root);

        Thread.currentThread().setContextClassLoader(classes);

        Handler handler = Loader.load(settings.handler, classes);

        Native.ready();

        long[] numbers = new long[Native.NUMBERS];

        for ( ;; ) {
            byte[] all = Native.next(numbers);

            if (all == null) {
                System.exit(0);
            }

            invoke(settings, handler, all, numbers);
        }
    }


    /* The process becomes that of the function. */

    private static void prepare(Settings settings) throws LoadException {
        Native.environment(settings.variables());

        /* what Java has looked at before it had these variables */

        TimeZone.setDefault(null);

        if (settings.variable("TMPDIR") != null) {
            System.setProperty("java.io.tmpdir", settings.variable("TMPDIR"));
        }

        String error = Native.enter(Settings.bytes(settings.root));

        if (error != null) {
            throw new LoadException("Runtime.InvalidWorkingDir",
                                    settings.root + ": " + error);
        }
    }


    private static void invoke(Settings settings, Handler handler, byte[] all,
        long[] numbers)
    {
        try {
            LambdaContext context = new LambdaContext(settings, all, numbers);

            if (context.trace() != null) {
                System.setProperty(TRACE, context.trace());
            } else {
                System.clearProperty(TRACE);
            }

            handler.call(all, (int) numbers[Native.EVENT], context);
            Native.answer(handler.result, handler.length, 0);
            handler.done();

        } catch (Throwable t) {
            fail(t);
        }
    }


    /* A JVM that is out of something does not get well again. */

    private static void fail(Throwable t) {
        boolean ends = t instanceof VirtualMachineError
                       || t instanceof IOError;

        try {
            Errors.filter(t);
            Errors.log(t);
            Errors.payload(errors, t, PAYLOAD_MAX);

            if (!ends) {
                Native.answer(errors.out, errors.length, 1);
                errors.reset();
                return;
            }

            Native.last(errors.out, errors.length);

        } catch (VirtualMachineError e) {
            Native.last(FULL, FULL.length);
        }

        System.exit(1);
    }
}
