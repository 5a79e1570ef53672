/*
 * System.out, System.err and the loggers: all of it is log text of the
 * current invocation, and of the process itself when there is none.  Any
 * thread may write.
 */

package ngxfaas;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

import com.amazonaws.services.lambda.runtime.LambdaLogger;

final class Log extends OutputStream implements LambdaLogger {

    static final Log log = new Log();

    private Log() {
    }


    /* Not flushed with each line: text leaves soon enough by itself. */

    static void install() {
        System.setOut(new PrintStream(log, false, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(log, false, StandardCharsets.UTF_8));
    }


    @Override
    public void write(int b) {
        Native.log(new byte[] { (byte) b }, 0, 1);
    }


    @Override
    public void write(byte[] bytes, int offset, int length) {
        java.util.Objects.checkFromIndexSize(offset, length, bytes.length);
        Native.log(bytes, offset, length);
    }


    @Override
    public void flush() {
        Native.flush();
    }


    @Override
    public void log(String message) {
        log(String.valueOf(message).getBytes(StandardCharsets.UTF_8));
    }


    @Override
    public void log(byte[] message) {
        Native.log(message, 0, message.length);
    }
}
