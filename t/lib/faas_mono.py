"""Functions in C# for tests: compiled by Mono's compiler, once for what they
consist of, beside an assembly with the names of Amazon.Lambda.Core, which is
what functions on Lambda bring."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '../..'))
BUILD = os.environ.get('FAAS_BUILD') or os.path.join(TOP, 'build')
RUNTIME = os.environ.get('FAAS_RUNTIME_DIR') or os.path.join(BUILD, 'runtime')
PROGRAM = os.path.join(RUNTIME, 'mono/faas-mono.exe')
MONO = '/usr/bin/mono'
CORE = 'Amazon.Lambda.Core'

# members, names and types as in the package of that name
CORE_SOURCE = '''
using System;
using System.Collections.Generic;
using System.IO;

namespace Amazon.Lambda.Core
{
    public interface ILambdaContext
    {
        string AwsRequestId { get; }
        IClientContext ClientContext { get; }
        string FunctionName { get; }
        string FunctionVersion { get; }
        ICognitoIdentity Identity { get; }
        string InvokedFunctionArn { get; }
        ILambdaLogger Logger { get; }
        string LogGroupName { get; }
        string LogStreamName { get; }
        int MemoryLimitInMB { get; }
        TimeSpan RemainingTime { get; }
        string TraceId { get; }
        int Unknown { get; }
    }

    public interface IClientContext
    {
        IDictionary<string, string> Environment { get; }
        IClientApplication Client { get; }
        IDictionary<string, string> Custom { get; }
    }

    public interface IClientApplication
    {
        string AppPackageName { get; }
        string AppTitle { get; }
        string AppVersionCode { get; }
        string AppVersionName { get; }
        string InstallationId { get; }
    }

    public interface ICognitoIdentity
    {
        string IdentityId { get; }
        string IdentityPoolId { get; }
    }

    public interface ILambdaLogger
    {
        void Log(string message);
        void LogLine(string message);
        void Log(string level, string message);
        void LogError(Exception exception, string message);
    }

    public interface ILambdaSerializer
    {
        T Deserialize<T>(Stream requestStream);
        void Serialize<T>(T response, Stream responseStream);
    }

    [AttributeUsage(AttributeTargets.Method | AttributeTargets.Assembly)]
    public sealed class LambdaSerializerAttribute : Attribute
    {
        public Type SerializerType { get; set; }

        public LambdaSerializerAttribute(Type serializerType)
        {
            SerializerType = serializerType;
        }
    }
}
'''

kept = []


def lacking():
    """None, or why functions in C# cannot be tested."""
    if not os.access(MONO, os.X_OK):
        return 'no ' + MONO
    if shutil.which('mcs') is None:
        return 'there is no mcs'
    if not os.path.exists(PROGRAM):
        return 'the C# runtime was not built'
    return None


def folder(sources):
    """The folder of the assemblies {name: text}; each may use those before
    it."""
    key = hashlib.sha256(repr((list(sources.items()),
                               CORE_SOURCE)).encode()).hexdigest()[:16]
    out = os.path.join(BUILD, 't/mono', key)
    if os.path.isdir(out):
        return out
    try:
        os.makedirs(os.path.dirname(out), exist_ok=True)
        lock = open(out + '.lock', 'w')
    except PermissionError:
        # the build is another user's
        own = tempfile.TemporaryDirectory(prefix='faas-mono-')
        kept.append(own)
        compile_to(own.name, sources)
        os.chmod(own.name, 0o755)
        return own.name

    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(out):
            new = out + '.new'
            shutil.rmtree(new, ignore_errors=True)
            os.mkdir(new)
            compile_to(new, sources)
            os.rename(new, out)
    return out


def compile_to(out, sources):
    with tempfile.TemporaryDirectory(prefix='faas-mcs-') as source:
        before = []
        for name, text in [(CORE, CORE_SOURCE)] + list(sources.items()):
            path = os.path.join(source, name + '.cs')
            with open(path, 'w', encoding='utf-8') as f:
                f.write(text)
            # a function is not the runtime's: what it warns of is no matter
            subprocess.run(['mcs', '-debug', '-target:library',
                            '-nowarn:1998,0436',
                            '-out:%s/%s.dll' % (out, name)]
                           + ['-r:' + b for b in before] + [path], check=True)
            before.append('%s/%s.dll' % (out, name))


def files(sources):
    """The same as {path: bytes}, for folders of functions."""
    out = {}
    base = folder(sources)
    for name in os.listdir(base):
        with open(os.path.join(base, name), 'rb') as f:
            out[name] = f.read()
    return out
