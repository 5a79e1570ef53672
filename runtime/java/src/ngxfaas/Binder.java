/*
 * Makes of what JsonReader read the objects that a function's parameter wants:
 * maps, lists, arrays, records and beans of them, by their generic types.
 *
 * What does not fit is treated as Lambda does: unknown names are left out, a
 * single value can stand for a list of one and the other way round, an empty
 * text for no object.
 */

package ngxfaas;

import java.lang.reflect.Array;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Date;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

final class Binder {

    private static final String EVENTS
        = "com.amazonaws.services.lambda.runtime.events.";

    private static final Map<TypeVariable<?>, Type> NONE
        = Collections.emptyMap();

    private Binder() {
    }


    /* Can the values that JsonReader makes be given as they are? */

    static boolean isPlain(Type type) {
        if (type == Object.class || type == Map.class || type == List.class
            || type == Collection.class || type == Iterable.class
            || type == LinkedHashMap.class || type == HashMap.class)
        {
            return true;
        }

        if (!(type instanceof ParameterizedType)) {
            return false;
        }

        ParameterizedType p = (ParameterizedType) type;
        Type[] of = p.getActualTypeArguments();

        return isPlain(p.getRawType()) && of[of.length - 1] == Object.class
               && (of.length == 1 || of[0] == String.class
                   || of[0] == Object.class);
    }


    /* KNOWN, below, is what type variables of the class around stand for. */

    static Object bind(Object json, Type type) {
        return bind(json, type, NONE);
    }


    private static Object bind(Object json, Type type,
        Map<TypeVariable<?>, Type> known)
    {
        if (type instanceof Class) {
            return bindClass(json, (Class<?>) type, null, known);
        }

        if (type instanceof ParameterizedType) {
            ParameterizedType p = (ParameterizedType) type;

            return bindClass(json, (Class<?>) p.getRawType(),
                             resolve(p.getActualTypeArguments(), known),
                             known);
        }

        if (type instanceof GenericArrayType) {
            Type of = resolve(((GenericArrayType) type)
                              .getGenericComponentType(), known);

            return array(json, of, known);
        }

        return bind(json, resolve(type, known), NONE);
    }


    private static Type[] resolve(Type[] types,
        Map<TypeVariable<?>, Type> known)
    {
        Type[] all = types.clone();

        for (int i = 0; i < all.length; i++) {
            all[i] = resolve(all[i], known);
        }

        return all;
    }


    /* What a variable or a wildcard stands for; others as they are. */

    private static Type resolve(Type type, Map<TypeVariable<?>, Type> known) {
        for (int i = 0; i < 100; i++) {
            if (type instanceof TypeVariable) {
                Type of = known.get(type);

                type = of != null && of != type
                       ? of : ((TypeVariable<?>) type).getBounds()[0];

            } else if (type instanceof WildcardType) {
                type = ((WildcardType) type).getUpperBounds()[0];

            } else {
                return type;
            }
        }

        return Object.class;
    }


    /* Of a generic array no more than that it is one: that is all it takes. */

    static Class<?> raw(Type type) {
        type = resolve(type, NONE);

        if (type instanceof Class) {
            return (Class<?>) type;
        }

        if (type instanceof ParameterizedType) {
            return (Class<?>) ((ParameterizedType) type).getRawType();
        }

        return Object[].class;
    }


    private static JsonException bad(Object json, Class<?> type) {
        String what = json instanceof Map ? "an object"
                      : json instanceof List ? "a list" : "a value";

        return new JsonException("cannot make " + type.getName() + " of "
                                 + what);
    }


    /* Decimals that were kept for those who want them exact. */

    private static Object plain(Object json) {
        if (json instanceof BigDecimal) {
            return ((BigDecimal) json).doubleValue();
        }

        if (json instanceof Map) {
            @SuppressWarnings("unchecked")
            Map<String, Object> map = (Map<String, Object>) json;

            map.replaceAll((name, value) -> plain(value));

        } else if (json instanceof List) {
            @SuppressWarnings("unchecked")
            List<Object> list = (List<Object>) json;

            list.replaceAll(Binder::plain);
        }

        return json;
    }


    /*
     * The order matters: what may be null or a list of one comes before what
     * looks at the value, and a text for bytes before arrays.
     */

    private static Object bindClass(Object json, Class<?> type, Type[] args,
        Map<TypeVariable<?>, Type> known)
    {
        if (type == Object.class || type == java.io.Serializable.class) {
            return plain(json);
        }

        if (type == Optional.class) {
            return Optional.ofNullable(bind(json, arg(args, 0), known));
        }

        if (json == null) {
            return type.isPrimitive() ? zero(type) : null;
        }

        if (Map.class.isAssignableFrom(type)) {
            return map(json, type, args, known);
        }

        if (Iterable.class.isAssignableFrom(type)
            && (Collection.class.isAssignableFrom(type)
                || type == Iterable.class))
        {
            return collection(json, type, args, known);
        }

        if (type.isArray() && !(type == byte[].class
                                && json instanceof String))
        {
            return type == char[].class && json instanceof String
                   ? ((String) json).toCharArray()
                   : array(json, type.getComponentType(), known);
        }

        if (json instanceof List) {
            List<?> list = (List<?>) json;

            if (list.isEmpty() && !type.isPrimitive()) {
                return null;
            }

            if (list.size() == 1) {
                return bindClass(list.get(0), type, args, known);
            }

            throw bad(json, type);
        }

        if (Scalars.is(json)) {
            if ("".equals(json) && type != String.class
                && type != CharSequence.class)
            {
                return type.isPrimitive() ? zero(type) : null;
            }

            return Scalars.make(json, type);
        }

        return bean((Map<?, ?>) json, type, args, known);
    }


    private static Type arg(Type[] args, int i) {
        return args != null && i < args.length ? args[i] : Object.class;
    }


    /* What a primitive is when nobody says anything: 0, false. */

    private static Object zero(Class<?> type) {
        return Array.get(Array.newInstance(type, 1), 0);
    }


    /*
     * Type arguments of a class that is a map or a list by its parents, as
     * class Names extends ArrayList<String>.
     */

    private static Type[] inherited(Class<?> type, Type[] args,
        Class<?> root)
    {
        Type[] found = Generics.arguments(type, args, root);

        return found != null ? found : args;
    }


    @SuppressWarnings({ "unchecked", "rawtypes" })
    private static Object map(Object json, Class<?> type, Type[] args,
        Map<TypeVariable<?>, Type> known)
    {
        if (json instanceof List && ((List<?>) json).size() == 1) {
            json = ((List<?>) json).get(0);
        }

        if (json == null || "".equals(json) || Collections.EMPTY_LIST
                                               .equals(json))
        {
            return null;
        }

        if (!(json instanceof Map)) {
            throw bad(json, type);
        }

        Type[] of = inherited(type, args, Map.class);
        Class<?> key = raw(resolve(arg(of, 0), known));
        Type value = arg(of, 1);
        Map map = type.isAssignableFrom(LinkedHashMap.class)
                  ? new LinkedHashMap<>()
                  : SortedMap.class.isAssignableFrom(type)
                    && type.isAssignableFrom(TreeMap.class)
                    ? new TreeMap<>()
                    : type == EnumMap.class
                      ? new EnumMap(key)
                      : type.isAssignableFrom(
                            java.util.concurrent.ConcurrentHashMap.class)
                        ? new java.util.concurrent.ConcurrentHashMap<>()
                        : (Map) Beans.of(type).make();

        for (Map.Entry<?, ?> e : ((Map<?, ?>) json).entrySet()) {
            map.put(key == Object.class || key == String.class
                    ? e.getKey() : Scalars.make(e.getKey(), key),
                    bind(e.getValue(), value, known));
        }

        return map;
    }


    @SuppressWarnings({ "unchecked", "rawtypes" })
    private static Object collection(Object json, Class<?> type, Type[] args,
        Map<TypeVariable<?>, Type> known)
    {
        if ("".equals(json)) {
            return null;
        }

        Type of = arg(inherited(type, args, Iterable.class), 0);
        Collection all = type.isAssignableFrom(ArrayList.class)
                         ? new ArrayList<>()
                         : type.isAssignableFrom(LinkedHashSet.class)
                           ? new LinkedHashSet<>()
                           : SortedSet.class.isAssignableFrom(type)
                             && type.isAssignableFrom(TreeSet.class)
                             ? new TreeSet<>()
                             : type.isAssignableFrom(ArrayDeque.class)
                               ? new ArrayDeque<>()
                               : (Collection) Beans.of(type).make();

        for (Object item : many(json)) {
            all.add(bind(item, of, known));
        }

        return all;
    }


    /* One value in the place of a list of one, as Lambda accepts it. */

    private static List<?> many(Object json) {
        return json instanceof List ? (List<?>) json
                                    : Collections.singletonList(json);
    }


    private static Object array(Object json, Type of,
        Map<TypeVariable<?>, Type> known)
    {
        if (json == null) {
            return null;
        }

        List<?> list = many(json);
        Object array = Array.newInstance(raw(resolve(of, known)),
                                         list.size());

        for (int i = 0; i < list.size(); i++) {
            Array.set(array, i, bind(list.get(i), of, known));
        }

        return array;
    }


    /* Java's own final classes have no setters, and constructors that bite. */

    private static Object bean(Map<?, ?> json, Class<?> type, Type[] args,
        Map<TypeVariable<?>, Type> known)
    {
        if (type.isPrimitive() || type.isEnum() || type == String.class
            || (type.getClassLoader() == null
                && Modifier.isFinal(type.getModifiers())))
        {
            throw bad(json, type);
        }

        Beans b = Beans.of(type);
        Map<TypeVariable<?>, Type> mine = Generics.variables(type, args);

        if (b.components != null) {
            return b.make(values(json, b, mine));
        }

        Object o = b.make();

        for (Map.Entry<?, ?> e : json.entrySet()) {
            Beans.Property p = find(b, (String) e.getKey());

            if (p != null) {
                p.set(o, within(p.name, time(type, p, e.getValue()), p.type,
                                mine));
            }
        }

        return o;
    }


    /* In AWS's own events dates are seconds, elsewhere milliseconds. */

    private static Object time(Class<?> type, Beans.Property p, Object json) {
        return p.type == Date.class && json instanceof Number
               && type.getName().startsWith(EVENTS)
               ? (Object) (long) (((Number) json).doubleValue() * 1000)
               : json;
    }


    /* Components that the event does not have get what a field would be. */

    private static Object[] values(Map<?, ?> json, Beans b,
        Map<TypeVariable<?>, Type> known)
    {
        Object[] values = new Object[b.components.length];

        for (int i = 0; i < values.length; i++) {
            values[i] = bind(null, b.components[i].type, known);
        }

        for (Map.Entry<?, ?> e : json.entrySet()) {
            Beans.Property p = find(b, (String) e.getKey());

            if (p != null) {
                values[p.index] = within(p.name, e.getValue(), p.type, known);
            }
        }

        return values;
    }


    private static Beans.Property find(Beans b, String name) {
        Beans.Property p = b.writable.get(name);

        return p != null ? p : b.anyCase.get(Beans.loose(name));
    }


    /* Where in the event it was, for the message. */

    private static Object within(String name, Object json, Type type,
        Map<TypeVariable<?>, Type> known)
    {
        try {
            return bind(json, type, known);
        } catch (JsonException e) {
            throw new JsonException(name + ": " + e.getMessage());
        }
    }
}
