/*
 * What types consist of: members of objects, items of lists and dictionaries.
 * Asked once for each type.
 */

using System;
using System.Collections;
using System.Collections.Generic;
using System.Reflection;

namespace NgxFaas
{
    sealed class Member
    {
        internal string Name;
        internal Type Type;
        internal Func<object, object> Get;       /* null: cannot be read */
        internal Action<object, object> Set;     /* null: or be written */
    }


    sealed class Shape
    {
        readonly Type type;
        readonly ConstructorInfo constructor;
        readonly ParameterInfo[] parameters = new ParameterInfo[0];
        readonly Dictionary<string, Member> exact
            = new Dictionary<string, Member>();
        readonly Dictionary<string, Member> loose
            = new Dictionary<string, Member>(
                StringComparer.OrdinalIgnoreCase);

        internal readonly List<Member> Members = new List<Member>();


        /* What a serializer of Lambda would see: what is public. */

        internal Shape(Type type)
        {
            this.type = type;

            foreach (PropertyInfo p in type.GetProperties()) {
                if (p.GetIndexParameters().Length == 0 && !IsStatic(p)
                    && !IsIgnored(p))
                {
                    Add(p, p.PropertyType, p.GetGetMethod() == null
                        ? (Func<object, object>) null
                        : o => p.GetValue(o, null),
                        p.GetSetMethod() == null
                        ? (Action<object, object>) null
                        : (o, v) => p.SetValue(o, v, null));
                }
            }

            foreach (FieldInfo f in type.GetFields(
                BindingFlags.Public | BindingFlags.Instance))
            {
                if (!f.IsNotSerialized && !IsIgnored(f)) {
                    Add(f, f.FieldType, f.GetValue, f.IsInitOnly
                        ? (Action<object, object>) null : f.SetValue);
                }
            }

            constructor = type.GetConstructor(System.Type.EmptyTypes);

            ConstructorInfo[] all = type.GetConstructors();

            if (constructor == null && !type.IsValueType && all.Length == 1) {
                constructor = all[0];
                parameters = all[0].GetParameters();
            }
        }


        static bool IsStatic(PropertyInfo p)
        {
            MethodInfo method = p.GetGetMethod() ?? p.GetSetMethod();

            return method == null || method.IsStatic;
        }


        static bool IsIgnored(MemberInfo member)
        {
            foreach (object a in member.GetCustomAttributes(true)) {
                string name = a.GetType().Name;

                if (name == "JsonIgnoreAttribute"
                    || name == "IgnoreDataMemberAttribute"
                    || name == "ScriptIgnoreAttribute")
                {
                    return true;
                }
            }

            return false;
        }


        /* That of an attribute, of whichever library it is. */

        static string NameOf(MemberInfo member)
        {
            foreach (object a in member.GetCustomAttributes(true)) {
                string name = a.GetType().Name;
                string property = name == "JsonPropertyNameAttribute"
                                  || name == "DataMemberAttribute" ? "Name"
                                  : name == "JsonPropertyAttribute"
                                  ? "PropertyName" : null;
                PropertyInfo p = property == null
                                 ? null : a.GetType().GetProperty(property);
                string said = p == null ? null
                              : p.GetValue(a, null) as string;

                if (said != null) {
                    return said;
                }
            }

            return member.Name;
        }


        void Add(MemberInfo member, Type type, Func<object, object> get,
                 Action<object, object> set)
        {
            Member m = new Member {
                Name = NameOf(member), Type = type, Get = get, Set = set
            };

            /* "new" members come before those they hide */

            if (!exact.ContainsKey(m.Name)) {
                exact[m.Name] = m;
                Members.Add(m);

                if (!loose.ContainsKey(m.Name)) {
                    loose[m.Name] = m;
                }
            }
        }


        internal bool CanBeMade
        {
            get {
                return !type.IsAbstract && !type.IsPrimitive
                       && type != typeof(string)
                       && (type.IsValueType || constructor != null);
            }
        }


        internal bool Constructed
        {
            get { return parameters.Length > 0; }
        }


        internal Member Find(string name)
        {
            Member m;

            return exact.TryGetValue(name, out m)
                   || loose.TryGetValue(name, out m) ? m : null;
        }


        internal int Parameter(string name)
        {
            return Array.FindIndex(parameters, p => string.Equals(
                p.Name, name, StringComparison.OrdinalIgnoreCase));
        }


        internal Type ParameterType(int i)
        {
            return parameters[i].ParameterType;
        }


        internal object[] Defaults()
        {
            return Array.ConvertAll(parameters, p => p.HasDefaultValue
                ? p.DefaultValue : Scalars.FromNull(p.ParameterType));
        }


        /* A struct has no constructor that is seen, and needs none. */

        internal object Make(params object[] values)
        {
            return constructor == null ? Activator.CreateInstance(type)
                                       : constructor.Invoke(values);
        }
    }


    static class Shapes
    {
        static readonly Dictionary<Type, Shape> shapes
            = new Dictionary<Type, Shape>();


        internal static Shape Of(Type type)
        {
            Shape shape;

            lock (shapes) {
                if (!shapes.TryGetValue(type, out shape)) {
                    shapes[type] = shape = new Shape(type);
                }
            }

            return shape;
        }


        /* The arguments of the interface DEFINITION that TYPE is or has. */

        internal static Type[] Arguments(Type type, Type definition)
        {
            if (type.IsGenericType
                && type.GetGenericTypeDefinition() == definition)
            {
                return type.GetGenericArguments();
            }

            foreach (Type one in type.GetInterfaces()) {
                if (one.IsGenericType
                    && one.GetGenericTypeDefinition() == definition)
                {
                    return one.GetGenericArguments();
                }
            }

            return null;
        }


        /* null if TYPE is no dictionary that can be made */

        internal static IDictionary NewMap(Type type, out Type key,
                                           out Type value)
        {
            Type[] pair = Arguments(type, typeof(IDictionary<,>))
                          ?? Arguments(type, typeof(IReadOnlyDictionary<,>));

            key = pair == null ? typeof(string) : pair[0];
            value = pair == null ? typeof(object) : pair[1];

            if (type == typeof(IDictionary)) {
                return new Hashtable();
            }

            if (type.IsInterface && pair != null) {
                type = typeof(Dictionary<,>).MakeGenericType(pair);
            }

            return !type.IsAbstract
                   && typeof(IDictionary).IsAssignableFrom(type)
                   && type.GetConstructor(Type.EmptyTypes) != null
                   ? (IDictionary) Activator.CreateInstance(type) : null;
        }


        /* What items are collected in; ListOf() makes a TYPE of it. */

        internal static IList NewList(Type type, out Type item)
        {
            Type[] one = type.IsArray ? new[] { type.GetElementType() }
                         : Arguments(type, typeof(IEnumerable<>));

            item = one == null ? typeof(object) : one[0];

            if (type == typeof(string)
                || (type.IsArray && type.GetArrayRank() != 1)
                || (type != typeof(object)
                    && !typeof(IEnumerable).IsAssignableFrom(type)))
            {
                return null;
            }

            return (IList) Activator.CreateInstance(
                typeof(List<>).MakeGenericType(item));
        }


        internal static object ListOf(Type type, IList list, Type item)
        {
            if (type.IsInstanceOfType(list)) {
                return list;
            }

            if (type.IsArray) {
                Array array = Array.CreateInstance(item, list.Count);

                list.CopyTo(array, 0);
                return array;
            }

            /* a set, a queue, an ArrayList, a class of the function's */

            object made = type.IsAbstract ? null
                : Array.Exists(type.GetConstructors(), c => {
                    ParameterInfo[] p = c.GetParameters();

                    return p.Length == 1
                           && p[0].ParameterType.IsInstanceOfType(list);
                }) ? Activator.CreateInstance(type, list) : null;

            if (made == null) {
                throw new JsonException("a list for " + type);
            }

            return made;
        }
    }
}
