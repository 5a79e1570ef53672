/*
 * From bytes to bytes through a function's handler, whichever form that has.
 */

package ngxfaas;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Type;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.CustomPojoSerializer;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;

abstract class Handler {

    /* The answer; to be taken before the next call. */
    byte[] result;
    int length;


    /* The event is the first LENGTH bytes of EVENT. */

    abstract void call(byte[] event, int length, Context context)
        throws Throwable;


    /* After an answer nothing is kept of it but a buffer of usual size. */

    void done() {
        result = null;
    }


    /* A handler of streams: RequestStreamHandler, or a method alike. */

    static final class Streams extends Handler {
        private final RequestStreamHandler handler;

        Streams(RequestStreamHandler handler) {
            this.handler = handler;
        }


        @Override
        void call(byte[] event, int length, Context context)
            throws IOException
        {
            Bytes out = new Bytes();

            handler.handleRequest(new ByteArrayInputStream(event, 0, length),
                                  out, context);
            out.take(this);
        }
    }


    /* What is written after the end of an invocation goes nowhere. */

    private static final class Bytes extends ByteArrayOutputStream {
        synchronized void take(Handler h) {
            h.result = buf;
            h.length = count;
            buf = new byte[32];
            count = 0;
        }
    }


    /* A handler of objects: RequestHandler, or a method alike. */

    static final class Objects extends Handler {
        private final RequestHandler<Object, Object> handler;
        private final Type in, out;         /* in: null if there is none */
        private final CustomPojoSerializer serializer;
        private final JsonWriter writer = new JsonWriter();
        private final boolean plain;

        Objects(RequestHandler<Object, Object> handler, Type in, Type out,
            CustomPojoSerializer serializer)
        {
            this.handler = handler;
            this.in = in;
            this.out = out;
            this.serializer = serializer;
            this.plain = in != null && Binder.isPlain(in);
        }


        @Override
        void call(byte[] event, int length, Context context)
            throws IOException
        {
            Object value = handler.handleRequest(read(event, length),
                                                 context);

            if (serializer != null) {
                Bytes bytes = new Bytes();

                serializer.toJson(value, bytes, out);
                bytes.take(this);
                return;
            }

            writer.reset();

            try {
                writer.value(value);
            } catch (JsonException e) {
                throw new RuntimeException("An error occurred during JSON "
                                           + "serialization of response", e);
            } catch (StackOverflowError e) {
                throw new RuntimeException("An error occurred during JSON "
                    + "serialization of response",
                    new JsonException("nested too deeply, or in itself"));
            }

            this.result = writer.out;
            this.length = writer.length;
        }


        private Object read(byte[] event, int length) {
            if (in == null) {
                return null;
            }

            if (serializer != null) {
                return serializer.fromJson(
                    new ByteArrayInputStream(event, 0, length), in);
            }

            try {
                Object json = JsonReader.read(event, 0, length, !plain);

                /* most handlers take what was read as it is */

                return plain && Binder.raw(in).isInstance(json)
                       ? json : Binder.bind(json, in);
            } catch (JsonException e) {
                throw new RuntimeException("An error occurred during JSON "
                                           + "parsing", e);

            } catch (StackOverflowError e) {

                /* a client must not be able to end an environment */

                throw new RuntimeException("An error occurred during JSON "
                    + "parsing", new JsonException("nested too deeply"));
            }
        }


        @Override
        void done() {
            super.done();
            writer.reset();
        }
    }


    /* A method with one to three parameters, in the place of an interface. */

    static final class Call
        implements RequestHandler<Object, Object>, RequestStreamHandler
    {
        private final Method method;
        private final Object object;
        private final Class<?>[] types;

        Call(Method method, Object object) {
            this.method = method;
            this.object = object;
            this.types = method.getParameterTypes();
        }


        private Object invoke(Object in, Object out, Context context) {
            Object[] args = new Object[types.length];

            for (int i = 0; i < args.length; i++) {
                args[i] = types[i] == Context.class ? context
                          : types[i] == java.io.OutputStream.class ? out : in;
            }

            try {
                return method.invoke(object, args);
            } catch (InvocationTargetException e) {
                throw Beans.<RuntimeException>sneaky(e.getCause());
            } catch (IllegalAccessException e) {
                throw new IllegalStateException(e);
            }
        }


        @Override
        public Object handleRequest(Object in, Context context) {
            return invoke(in, null, context);
        }


        @Override
        public void handleRequest(java.io.InputStream in,
            java.io.OutputStream out, Context context)
        {
            invoke(in, out, context);
        }
    }
}
