/*
 * The wire and what Java has no words for, in C: see ../../java_env.c.  All
 * but log() and flush() is for the main thread.
 */

package ngxfaas;

final class Native {

    /* of what next() tells; sizes of the parts of its bytes, in order */
    static final int DEADLINE = 0, EVENT = 1, ID = 2, ARN = 3, TRACE = 4,
        CLIENT = 5, IDENTITY = 6, NUMBERS = 7;

    private Native() {
    }

    /* Says that this is a blank; the INIT message, null if there is none. */
    static native byte[] init(byte[] version);

    /* The function is loaded, or why it was not. */
    static native void ready();

    static native void error(byte[] json, int length);

    /* The next invocation: its parts behind each other; null: no more. */
    static native byte[] next(long[] numbers);

    static native void answer(byte[] data, int length, int status);

    /* An error, after which the process has to end. */
    static native void last(byte[] json, int length);

    static native void log(byte[] text, int offset, int length);

    static native void flush();

    /* null, or what the system says against it */
    static native String enter(byte[] folder);

    /* The variables of the process and of System.getenv(): names, values. */
    static native void environment(byte[][] pairs);
}
