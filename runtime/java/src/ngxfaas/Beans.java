/*
 * What objects have, as JSON sees it: public getters, setters and fields, and
 * the components of records.  Looked up once for each class.
 */

package ngxfaas;

import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Member;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

final class Beans {

    private static final Map<Class<?>, Beans> known = new HashMap<>();

    final List<Property> readable = new ArrayList<>();
    final Map<String, Property> writable = new HashMap<>();
    final Map<String, Property> anyCase = new HashMap<>();

    /* of a record, and of what is made alike: its components in order */
    Property[] components;
    private Constructor<?> constructor;
    private final Class<?> type;


    static final class Property {
        final String name;
        Type type;
        int index;              /* of a component */
        private Method getter, setter;
        private Field field;

        Property(String name) {
            this.name = name;
        }


        /* A getter is the function's code: what it throws is its error. */

        Object get(Object o) {
            try {
                return getter != null ? getter.invoke(o) : field.get(o);
            } catch (InvocationTargetException e) {
                throw Beans.<RuntimeException>sneaky(e.getCause());
            } catch (IllegalAccessException e) {
                throw new JsonException(e.getMessage());
            }
        }


        void set(Object o, Object value) {
            try {
                if (setter != null) {
                    setter.invoke(o, value);
                } else {
                    field.set(o, value);
                }
            } catch (InvocationTargetException e) {
                throw Beans.<RuntimeException>sneaky(e.getCause());
            } catch (IllegalAccessException e) {
                throw new JsonException(e.getMessage());
            }
        }
    }


    /* What a function throws leaves as it is, declared or not. */

    @SuppressWarnings("unchecked")
    static <T extends Throwable> T sneaky(Throwable t) throws T {
        throw (T) t;
    }


    /* One thread maps; others that a function has do not come here. */

    static Beans of(Class<?> type) {
        Beans b = known.get(type);

        if (b == null) {
            b = new Beans(type);
            known.put(type, b);
        }

        return b;
    }


    private Beans(Class<?> type) {
        Map<String, Property> all = new TreeMap<>();

        this.type = type;

        if (type.isRecord()) {
            record(type, all);
        } else {
            fields(type, all);
            methods(type, all);
        }

        order(type, all);

        for (Property p : all.values()) {
            if (p.setter != null || (p.field != null && components == null
                && !Modifier.isFinal(p.field.getModifiers())))
            {
                writable.put(p.name, p);
                anyCase.put(loose(p.name), p);
            }
        }

        if (writable.isEmpty() && components == null
            && type.getClassLoader() != null && !type.isEnum())
        {
            positional(type);
        }
    }


    /* Events of AWS have names that beans cannot have: "x-amz-id-2". */

    static String loose(String name) {
        return name.toLowerCase(Locale.ROOT).replace("-", "");
    }


    /*
     * A class that takes all it has by its constructor, as those of S3's
     * events do: the parameters are its fields, in their order.
     */

    private void positional(Class<?> type) {
        Constructor<?> all = null;

        for (Constructor<?> c : type.getConstructors()) {
            if (c.getParameterCount() > 0 && (all == null
                || c.getParameterCount() > all.getParameterCount()))
            {
                all = c;
            }
        }

        for (Class<?> c = type; all != null && c.getClassLoader() != null;
             c = c.getSuperclass())
        {
            List<Field> fields = new ArrayList<>();

            for (Field f : c.getDeclaredFields()) {
                if (!Modifier.isStatic(f.getModifiers()) && !f.isSynthetic()) {
                    fields.add(f);
                }
            }

            if (fields.isEmpty()) {
                continue;
            }

            if (fields.size() == all.getParameterCount()) {
                constructor = open(all);
                components = new Property[fields.size()];

                for (int i = 0; i < components.length; i++) {
                    Property p = new Property(fields.get(i).getName());

                    p.type = all.getGenericParameterTypes()[i];
                    p.index = i;
                    components[i] = p;
                    writable.put(p.name, p);
                    anyCase.put(loose(p.name), p);
                }
            }

            return;
        }
    }


    private static Property make(Map<String, Property> all, String name) {
        return all.computeIfAbsent(name, Property::new);
    }


    /* Their accessors are public; the record itself need not be. */

    private void record(Class<?> type, Map<String, Property> all) {
        java.lang.reflect.RecordComponent[] list = type.getRecordComponents();
        Class<?>[] types = new Class<?>[list.length];

        components = new Property[list.length];

        for (int i = 0; i < list.length; i++) {
            Property p = make(all, list[i].getName());

            p.getter = open(list[i].getAccessor());
            p.type = list[i].getGenericType();
            p.index = i;
            types[i] = list[i].getType();
            components[i] = p;
            anyCase.put(loose(p.name), p);
            writable.put(p.name, p);
        }

        try {
            constructor = open(type.getDeclaredConstructor(types));
        } catch (NoSuchMethodException e) {
            throw new JsonException(e.getMessage());
        }
    }


    private static void fields(Class<?> type, Map<String, Property> all) {
        for (Field f : type.getFields()) {
            if (!Modifier.isStatic(f.getModifiers())
                && !Modifier.isTransient(f.getModifiers()))
            {
                Property p = make(all, f.getName());

                p.field = open(f);
                p.type = f.getGenericType();
            }
        }
    }


    /* Bridges would hide the type that a class has made of its parent's. */

    private static void methods(Class<?> type, Map<String, Property> all) {
        for (Method m : type.getMethods()) {
            if (Modifier.isStatic(m.getModifiers()) || m.isBridge()
                || m.getDeclaringClass() == Object.class)
            {
                continue;
            }

            String name = m.getName();
            Class<?> result = m.getReturnType();

            if (m.getParameterCount() == 0 && result != void.class) {
                String of = part(name, "get");

                if (of == null && result == boolean.class) {
                    of = part(name, "is");
                }

                /* the class loader that Groovy's objects have */

                if (of != null && !of.equals("metaClass")) {
                    make(all, of).getter = open(m);
                }

            } else if (m.getParameterCount() == 1
                       && part(name, "set") != null)
            {
                setter(make(all, part(name, "set")), m);
            }
        }
    }


    /* Of setters with one name the one of the getter's type counts. */

    private static void setter(Property p, Method m) {
        Class<?> type = m.getParameterTypes()[0];

        if (p.setter != null) {
            try {
                String get = "get" + m.getName().substring(3);
                Class<?> want = m.getDeclaringClass().getMethod(get)
                                 .getReturnType();

                if (type != want) {
                    return;
                }
            } catch (NoSuchMethodException e) {
                if (p.setter.getParameterTypes()[0].getName().compareTo(
                    type.getName()) < 0)
                {
                    return;
                }
            }
        }

        p.setter = open(m);
        p.type = m.getGenericParameterTypes()[0];
    }


    /* "getURL" is "URL", "getName" is "name", as beans are named. */

    private static String part(String name, String prefix) {
        int n = prefix.length();

        if (name.length() <= n || !name.startsWith(prefix)) {
            return null;
        }

        String rest = name.substring(n);

        if (rest.length() > 1 && Character.isUpperCase(rest.charAt(1))
            && Character.isUpperCase(rest.charAt(0)))
        {
            return rest;
        }

        return Character.toLowerCase(rest.charAt(0)) + rest.substring(1);
    }


    /* A class may be less public than its methods. */

    private static <T extends java.lang.reflect.AccessibleObject & Member>
        T open(T member)
    {
        if (!Modifier.isPublic(member.getDeclaringClass().getModifiers())
            || !Modifier.isPublic(member.getModifiers()))
        {
            try {
                member.setAccessible(true);
            } catch (java.lang.reflect.InaccessibleObjectException e) {
                return member;          /* Java's own; whoever uses it fails */
            }
        }

        return member;
    }


    /* As they were declared, which reflection says of fields only. */

    private void order(Class<?> type, Map<String, Property> all) {
        Map<String, Property> rest = new TreeMap<>(all);
        List<Class<?>> classes = new ArrayList<>();

        for (Class<?> c = type; c != null; c = c.getSuperclass()) {
            classes.add(0, c);
        }

        for (Class<?> c : classes) {
            if (c.getClassLoader() == null) {
                continue;
            }

            for (Field f : c.getDeclaredFields()) {
                add(rest.remove(f.getName()));
            }
        }

        rest.values().forEach(this::add);
    }


    /* What can only be set is no part of a result. */

    private void add(Property p) {
        if (p != null && (p.getter != null || p.field != null)) {
            readable.add(p);
        }
    }


    /* Any constructor will do, as for Jackson: a class may hide it. */

    Object make() {
        if (type.isInterface() || Modifier.isAbstract(type.getModifiers())) {
            throw new JsonException("cannot make an object of abstract type "
                                    + type.getName());
        }

        try {
            if (constructor == null) {
                constructor = type.getDeclaredConstructor();
                constructor.setAccessible(true);
            }

            return constructor.newInstance();

        } catch (NoSuchMethodException e) {
            throw new JsonException(type.getName() + " has no constructor "
                                    + "without arguments");
        } catch (InvocationTargetException e) {
            throw Beans.<RuntimeException>sneaky(e.getCause());
        } catch (ReflectiveOperationException | RuntimeException e) {
            throw new JsonException(type.getName() + ": " + e);
        }
    }


    Object make(Object[] values) {
        try {
            return constructor.newInstance(values);
        } catch (InvocationTargetException e) {
            throw Beans.<RuntimeException>sneaky(e.getCause());
        } catch (ReflectiveOperationException | RuntimeException e) {
            throw new JsonException(type.getName() + ": " + e);
        }
    }
}
