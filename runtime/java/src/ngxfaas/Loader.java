/*
 * From a handler's name to a Handler: "pkg.Class" or "pkg.Class::method", in
 * the folder of the code, the jars of its "lib", and those of layers.
 */

package ngxfaas;

import java.io.File;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.ServiceLoader;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.CustomPojoSerializer;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;

final class Loader {

    static final String LAYERS = "/opt/java/lib";

    private final ClassLoader classes;


    private Loader(ClassLoader classes) {
        this.classes = classes;
    }


    /* As on Lambda: what the runtime has comes before what the code brings. */

    static ClassLoader classes(String root) throws LoadException {
        List<URL> all = new ArrayList<>();

        try {
            all.add(new File(root).toURI().toURL());
            jars(all, root + "/lib");
            jars(all, LAYERS);
        } catch (MalformedURLException e) {
            throw new LoadException("Runtime.InvalidWorkingDir",
                                    e.getMessage());
        }

        return new URLClassLoader(all.toArray(new URL[0]),
                                  Loader.class.getClassLoader());
    }


    /* In the order of names, so that the same class wins on every machine. */

    private static void jars(List<URL> all, String folder)
        throws MalformedURLException
    {
        String[] names = new File(folder).list();

        if (names == null) {
            return;
        }

        Arrays.sort(names);

        for (String name : names) {
            if (name.endsWith(".jar")) {
                all.add(new File(folder, name).toURI().toURL());
            }
        }
    }


    static Handler load(String handler, ClassLoader classes)
        throws Throwable
    {
        int colons = handler.indexOf("::");
        String name = colons < 0 ? handler : handler.substring(0, colons);
        String method = colons < 0 ? null : handler.substring(colons + 2);

        if (name.isEmpty() || name.indexOf('/') >= 0
            || (method != null && (method.isEmpty()
                                   || method.indexOf(':') >= 0)))
        {
            throw new LoadException("Runtime.MalformedHandlerName",
                                    "Invalid handler: `" + handler + "'");
        }

        return new Loader(classes).handler(type(name, classes), method);
    }


    /* Static initialisers run here: that is the function's init. */

    private static Class<?> type(String name, ClassLoader classes)
        throws LoadException
    {
        try {
            return Class.forName(name, true, classes);

        } catch (ClassNotFoundException e) {
            throw new LoadException(ClassNotFoundException.class,
                                    "Class not found: " + name);

        } catch (LinkageError e) {
            throw broken(name, e);
        }
    }


    private static LoadException broken(String name, Throwable t) {
        LoadException e = new LoadException(t.getClass(), "Error loading "
            + "class " + name + (t.getMessage() == null
                                 ? "" : ": " + t.getMessage()));

        e.setStackTrace(Errors.filtered(t.getStackTrace()));
        e.initCause(t.getCause());

        return e;
    }


    /* The interface's own method may be named, too. */

    private Handler handler(Class<?> type, String method) throws Throwable {
        if (method == null || method.equals("handleRequest")) {

            if (RequestStreamHandler.class.isAssignableFrom(type)) {
                return new Handler.Streams((RequestStreamHandler) make(type));
            }

            if (RequestHandler.class.isAssignableFrom(type)) {
                return objects(type);
            }
        }

        if (method == null) {
            throw new LoadException(ClassCastException.class, "Class does not "
                + "implement an appropriate handler interface: "
                + type.getName());
        }

        return method(type, method);
    }


    @SuppressWarnings("unchecked")
    private Handler objects(Class<?> type) throws Throwable {
        Type[] args = Generics.arguments(type, null, RequestHandler.class);

        if (args == null || args.length != 2) {
            throw new LoadException("java.lang.RuntimeException", "Class "
                + type.getName() + " does not implement RequestHandler with "
                + "concrete type parameters");
        }

        return new Handler.Objects((RequestHandler<Object, Object>) make(type),
                                   args[0], args[1], serializer());
    }


    /* Opens all jars, so only handlers of objects ask for it. */

    private CustomPojoSerializer serializer() throws LoadException {
        Iterator<CustomPojoSerializer> found = ServiceLoader.load(
            CustomPojoSerializer.class, classes).iterator();

        if (!found.hasNext()) {
            return null;
        }

        CustomPojoSerializer first = found.next();

        if (found.hasNext()) {
            throw new LoadException("java.lang.RuntimeException", "Too many "
                + "serializers provided inside the META-INF/services folder, "
                + "only one is allowed");
        }

        return first;
    }


    /* The errors that Lambda has for them, before Java's own would come. */

    private static Object make(Class<?> type) throws Throwable {
        if (type.isMemberClass() && !Modifier.isStatic(type.getModifiers())
            && !type.isInterface())
        {
            throw new LoadException(InstantiationException.class, "Class "
                + type.getName() + " cannot be instantiated because it is a "
                + "non-static inner class");
        }

        if (type.isInterface() || Modifier.isAbstract(type.getModifiers())) {
            throw new LoadException(InstantiationException.class, "Class "
                + type.getName() + " cannot be instantiated because it is "
                + "abstract");
        }

        try {
            Constructor<?> c = type.getConstructor();

            c.setAccessible(true);
            return c.newInstance();

        } catch (NoSuchMethodException e) {
            throw new LoadException(NoSuchMethodException.class, "Class "
                + type.getName() + " has no public zero-argument constructor");

        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }


    /* Of methods with one name that with most parameters counts. */

    private Handler method(Class<?> type, String name) throws Throwable {
        List<Method> all = new ArrayList<>();

        for (Method m : type.getMethods()) {
            if (m.getName().equals(name) && !m.isBridge()
                && (isStream(m) || isObjects(m)))
            {
                all.add(m);
            }
        }

        if (all.isEmpty()) {
            throw new LoadException(NoSuchMethodException.class, "No public "
                + "method named " + name + " with appropriate method "
                + "signature found on class " + type.getName());
        }

        all.sort(Comparator.comparingInt(Method::getParameterCount)
                           .thenComparing(Loader::hasContext)
                           .thenComparing(Method::toString).reversed());

        Method m = all.get(0);

        m.setAccessible(true);

        Handler.Call call = new Handler.Call(m,
            Modifier.isStatic(m.getModifiers()) ? null : make(type));

        if (isStream(m)) {
            return new Handler.Streams(call);
        }

        Type in = m.getParameterCount() == 0
                  || m.getParameterTypes()[0] == Context.class
                  ? null : m.getGenericParameterTypes()[0];

        return new Handler.Objects(call, in, m.getGenericReturnType(),
                                   serializer());
    }


    private static boolean hasContext(Method m) {
        Class<?>[] types = m.getParameterTypes();

        return types.length > 0 && types[types.length - 1] == Context.class;
    }


    /* (InputStream), (OutputStream), or both in this order; with a context */

    private static boolean isStream(Method m) {
        Class<?>[] types = m.getParameterTypes();
        int n = types.length - (hasContext(m) ? 1 : 0);

        if (n == 1) {
            return types[0] == InputStream.class
                   || types[0] == OutputStream.class;
        }

        return n == 2 && types[0] == InputStream.class
               && types[1] == OutputStream.class;
    }


    /* Nothing, or one thing that is not a stream; with a context */

    private static boolean isObjects(Method m) {
        Class<?>[] types = m.getParameterTypes();
        int n = types.length - (hasContext(m) ? 1 : 0);

        return n == 0 || (n == 1 && types[0] != Context.class
                          && types[0] != OutputStream.class);
    }
}
