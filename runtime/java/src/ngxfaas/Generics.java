/* What the type parameters of a class or of one of its parents stand for. */

package ngxfaas;

import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.util.HashMap;
import java.util.Map;

final class Generics {

    private Generics() {
    }


    /* Of TYPE with ARGS and of all its superclasses, whose fields it has. */

    static Map<TypeVariable<?>, Type> variables(Class<?> type, Type[] args) {
        Map<TypeVariable<?>, Type> all = new HashMap<>();

        add(all, type, args);

        for (Class<?> c = type; c != null; c = c.getSuperclass()) {
            Type parent = c.getGenericSuperclass();

            if (parent instanceof ParameterizedType) {
                add(all, c.getSuperclass(), substituted(
                    ((ParameterizedType) parent).getActualTypeArguments(),
                    all));
            }
        }

        return all;
    }


    private static void add(Map<TypeVariable<?>, Type> all, Class<?> type,
        Type[] args)
    {
        TypeVariable<?>[] names = type.getTypeParameters();

        for (int i = 0; args != null && i < names.length; i++) {
            all.put(names[i], args[i]);
        }
    }


    /*
     * The arguments that ROOT, a parent of TYPE, has there; null if it is
     * none, or is used without.
     */

    static Type[] arguments(Class<?> type, Type[] args, Class<?> root) {
        if (type == root) {
            return args;
        }

        Map<TypeVariable<?>, Type> mine = new HashMap<>();

        add(mine, type, args);

        Type[] found = parent(type.getGenericSuperclass(), mine, root);

        for (Type t : type.getGenericInterfaces()) {
            found = found != null ? found : parent(t, mine, root);
        }

        return found;
    }


    /* Through one of the parents, with its arguments as TYPE has them. */

    private static Type[] parent(Type type, Map<TypeVariable<?>, Type> mine,
        Class<?> root)
    {
        if (type instanceof Class) {
            return root.isAssignableFrom((Class<?>) type)
                   ? arguments((Class<?>) type, null, root) : null;
        }

        if (!(type instanceof ParameterizedType)) {
            return null;
        }

        ParameterizedType p = (ParameterizedType) type;
        Class<?> raw = (Class<?>) p.getRawType();

        return root.isAssignableFrom(raw)
               ? arguments(raw, substituted(p.getActualTypeArguments(), mine),
                           root)
               : null;
    }


    private static Type[] substituted(Type[] types,
        Map<TypeVariable<?>, Type> known)
    {
        Type[] all = new Type[types.length];

        for (int i = 0; i < all.length; i++) {
            all[i] = substituted(types[i], known);
        }

        return all;
    }


    private static Type substituted(Type type,
        Map<TypeVariable<?>, Type> known)
    {
        if (type instanceof TypeVariable && known.get(type) != null) {
            return known.get(type);
        }

        if (type instanceof ParameterizedType) {
            ParameterizedType p = (ParameterizedType) type;

            return new Parameterized((Class<?>) p.getRawType(), substituted(
                p.getActualTypeArguments(), known));
        }

        if (type instanceof GenericArrayType) {
            Type of = ((GenericArrayType) type).getGenericComponentType();

            return (GenericArrayType) () -> substituted(of, known);
        }

        return type;
    }


    /* Java has no public way to make one of these. */

    private static final class Parameterized implements ParameterizedType {
        private final Class<?> raw;
        private final Type[] args;

        Parameterized(Class<?> raw, Type[] args) {
            this.raw = raw;
            this.args = args;
        }


        @Override
        public Type[] getActualTypeArguments() {
            return args.clone();
        }


        @Override
        public Type getRawType() {
            return raw;
        }


        @Override
        public Type getOwnerType() {
            return raw.getDeclaringClass();
        }


        @Override
        public String toString() {
            return raw.getName() + java.util.Arrays.toString(args);
        }
    }
}
