/*
 * From a handler's text to a method: "Assembly::Namespace.Class::Method".
 * Messages are those of Lambda's own client for .NET.
 */

using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace NgxFaas
{
    static class Loader
    {
        const BindingFlags All = BindingFlags.DeclaredOnly
            | BindingFlags.Public | BindingFlags.NonPublic
            | BindingFlags.Instance | BindingFlags.Static;

        static string[] folders;


        internal static Handler Load(Settings settings)
        {
            string[] names = settings.Handler.Split(new[] { "::" },
                                                    StringSplitOptions.None);

            if (names.Length != 3 || names[0] == "" || names[1] == ""
                || names[2] == "" || names[0].IndexOf('/') != -1)
            {
                throw new LoadException("Invalid lambda function handler: '"
                    + settings.Handler + "'. The valid format is "
                    + "'ASSEMBLY::TYPE::METHOD'.");
            }

            if (folders == null) {
                AppDomain.CurrentDomain.AssemblyResolve += Resolve;
            }

            /* code before layers: what a function has itself counts */

            folders = new[] { settings.Root, "/opt/lib" };

            Assembly assembly = Find(names[0]);

            if (assembly == null) {
                throw new LoadException("Could not find the specified handler "
                    + "assembly with the file name '" + names[0] + "'. The "
                    + "assembly should be located in the root of your "
                    + "uploaded .zip file.");
            }

            Type type = assembly.GetType(names[1]);

            if (type == null) {
                throw new LoadException("Unable to load type '" + names[1]
                    + "' from assembly '" + names[0] + "'.");
            }

            MethodInfo method = Method(type, names);

            Check(type, method);

            return Handler.Of(method, Instance(type, method),
                              Serializer(assembly, method));
        }


        /* Of assemblies that stand beside the one which needs them. */

        static Assembly Resolve(object sender, ResolveEventArgs args)
        {
            return Find(new AssemblyName(args.Name).Name);
        }


        static Assembly Find(string name)
        {
            foreach (string folder in folders) {
                foreach (string suffix in new[] { ".dll", ".exe" }) {
                    string path = Path.Combine(folder, name + suffix);

                    if (!File.Exists(path)) {
                        continue;
                    }

                    try {
                        return Assembly.LoadFrom(path);
                    } catch (BadImageFormatException) {
                        throw new LoadException("Unable to load assembly '"
                                                + name + "'.");
                    }
                }
            }

            return null;
        }


        /* Of the class itself first: what is overridden is another one. */

        static MethodInfo Method(Type type, string[] names)
        {
            for (Type t = type; t != null; t = t.BaseType) {
                List<MethodInfo> found = new List<MethodInfo>();

                foreach (MethodInfo one in t.GetMethods(All)) {
                    if (one.Name == names[2]) {
                        found.Add(one);
                    }
                }

                if (found.Count == 1) {
                    return found[0];
                }

                if (found.Count > 1) {
                    throw new LoadException("The method '" + names[2]
                        + "' in type '" + t.FullName + "' appears to have a "
                        + "number of overloads. Possible candidates are:\n"
                        + string.Join("\n", found) + ".");
                }
            }

            throw new LoadException("Unable to find method '" + names[2]
                + "' in type '" + names[1] + "' from assembly '" + names[0]
                + "': Found no methods matching method name '" + names[2]
                + "'.");
        }


        static void Check(Type type, MethodInfo method)
        {
            ParameterInfo[] wants = method.GetParameters();
            string name = "The method '" + method + "' cannot be used as a "
                          + "Lambda Handler because it is ";

            if (method.IsAbstract) {
                throw new LoadException(name + "an abstract method.");
            }

            if (method.IsGenericMethod) {
                throw new LoadException(name + "a generic method.");
            }

            if (method.ReturnType == typeof(void)
                && method.IsDefined(typeof(AsyncStateMachineAttribute), false))
            {
                throw new LoadException(name + "an 'async void' method.");
            }

            if (wants.Length > 2) {
                throw new LoadException("Method '" + method.Name
                    + "' of type '" + type.FullName + "' is not supported: "
                    + "the method has more than 2 parameters.");
            }

            if (wants.Length == 2 && !Handler.IsContext(wants[1])) {
                throw new LoadException("Method '" + method.Name
                    + "' of type '" + type.FullName + "' is not supported: "
                    + "the method has 2 parameters, but the second parameter "
                    + "is not of type '" + Handler.ContextName + "'.");
            }

            if (type.IsGenericType) {
                throw new LoadException("The type '" + type.FullName
                    + "' cannot be used as a Lambda Handler type because it "
                    + "is generic.");
            }

            if (!method.IsStatic && type.IsAbstract) {
                throw new LoadException("The instance method '" + method
                    + "' cannot be used as a Lambda Handler because its type "
                    + "'" + type.FullName + "' is abstract.");
            }
        }


        /* null for static methods, whose class is initialised all the same */

        static object Instance(Type type, MethodInfo method)
        {
            if (method.IsStatic) {
                RuntimeHelpers.RunClassConstructor(type.TypeHandle);
                return null;
            }

            return Activator.CreateInstance(type);
        }


        /* Of LambdaSerializerAttribute, of the method or of its assembly. */

        static object Serializer(Assembly assembly, MethodInfo method)
        {
            foreach (object[] attributes in new[] {
                method.GetCustomAttributes(false),
                assembly.GetCustomAttributes(false) })
            {
                foreach (object one in attributes) {
                    if (one.GetType().FullName
                        == "Amazon.Lambda.Core.LambdaSerializerAttribute")
                    {
                        Type type = (Type) one.GetType().GetProperty(
                            "SerializerType").GetValue(one, null);

                        return Activator.CreateInstance(type);
                    }
                }
            }

            return null;
        }
    }
}
