"""Official clients that are libraries of compiled programs, from their
registries: what takes long is fetched and built once, below the build folder,
for all tests that link their programs with it.
"""

import glob
import os
import shutil

from faas_provided import built, cached, must, run

# Go

GO_VERSION = 'v1.55.1'
GO_SUM = 'h1:We2cCp4BwqqH/JW+bEEo1FhgG71rslvjfi4y7KmlrR0='
GO_MOD = '''module function

go 1.21

require github.com/aws/aws-lambda-go %s
''' % GO_VERSION
GO_NOTHING = '''package main

import _ "github.com/aws/aws-lambda-go/lambda"

func main() {}
'''


def go_env(client, proxy=None):
    env = {'CGO_ENABLED': '0', 'GOFLAGS': '-mod=mod -modcacherw',
           'GOPATH': client + '/go'}
    return dict(env, GOPROXY=proxy) if proxy else env


def fetch_go(folder):
    for path, text in (('go.mod', GO_MOD), ('nothing.go', GO_NOTHING)):
        with open(os.path.join(folder, path), 'w') as f:
            f.write(text)
    # its checksum comes with what is built
    return run(['go', 'mod', 'download'], folder, go_env(folder)) \
        or run(['go', 'build', '-o', 'nothing', '.'], folder, go_env(folder))


def go(name, files, get=cached):
    """The folder of a program, bootstrap."""
    client = get('go-' + GO_VERSION, fetch_go)

    def build(folder):
        shutil.copy(client + '/go.sum', folder)
        with open(folder + '/go.sum') as f:
            if GO_SUM not in f.read():
                raise ValueError('another package than that')
        must(['go', 'build', '-o', 'bootstrap', '.'], folder,
             go_env(client, 'off'))

    return built(name, dict(files, **{'go.mod': GO_MOD}), build, get)


# Rust: with the same versions, features and profile, and in the same folder,
# dependencies are compiled once

RUST_VERSION = '1.5.0'
RUST_DEPENDENCIES = '''
[profile.dev]
debug = 0

[dependencies]
lambda_runtime = "=%s"
lambda_http = { version = "=1.3.2", default-features = false, features = [
    "apigw_http", "apigw_rest", "tracing"] }
serde_json = "1"
tokio = { version = "1", features = ["macros", "rt", "time"] }
''' % RUST_VERSION


def cargo_toml(name, programs):
    text = '[package]\nname = "%s"\nversion = "0.1.0"\nedition = "2021"\n' \
        % name
    for program in programs:
        text += '\n[[bin]]\nname = "%s"\npath = "%s.rs"\n' % (program, program)
    return text + RUST_DEPENDENCIES


def fetch_rust(folder):
    for path, text in (('Cargo.toml', cargo_toml('nothing', ['nothing'])),
                       ('nothing.rs', 'fn main() {}\n')):
        with open(os.path.join(folder, path), 'w') as f:
            f.write(text)
    env = {'CARGO_TARGET_DIR': folder + '/target', 'CARGO_NET_RETRY': '1',
           'CARGO_INCREMENTAL': '0'}
    why = run(['cargo', 'fetch', '--quiet'], folder, env)
    if why:
        return why
    must(['cargo', 'build', '--quiet'], folder, env, 900)
    return None


def rust(name, sources, get=cached):
    """A folder with one for each program NAME of {NAME: text}."""
    client = get('rust-' + RUST_VERSION, fetch_rust)
    files = {program + '.rs': text for program, text in sources.items()}
    files['Cargo.toml'] = cargo_toml(name, sources)

    def build(folder):
        target = client + '/target'
        shutil.copy(client + '/Cargo.lock', folder)
        # sources are not kept here
        why = run(['cargo', 'fetch', '--quiet'], folder)
        if why:
            return why
        must(['cargo', 'build', '--quiet', '--offline'], folder,
             {'CARGO_TARGET_DIR': target, 'CARGO_INCREMENTAL': '0'}, 900)
        for program in sources:
            os.makedirs(folder + '/' + program)
            shutil.copy('%s/debug/%s' % (target, program),
                        '%s/%s/bootstrap' % (folder, program))
        return None

    return built(name, files, build, get)


# Java

JAVA_VERSION = '2.10.1'
JAVA_POM = '''<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>function</groupId>
  <artifactId>function</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>com.amazonaws</groupId>
      <artifactId>aws-lambda-java-runtime-interface-client</artifactId>
      <version>%s</version>
    </dependency>
  </dependencies>
</project>
''' % JAVA_VERSION


def fetch_java(folder):
    if shutil.which('javac') is None:
        return 'there is no javac'
    with open(folder + '/pom.xml', 'w') as f:
        f.write(JAVA_POM)
    return run(['mvn', '-q', '-B', 'dependency:copy-dependencies',
                '-DoutputDirectory=lib'], folder)


def java(name, sources, get=cached):
    """The folder of the classes of {path: text}, with jars in lib."""
    client = get('java-' + JAVA_VERSION, fetch_java)

    def build(folder):
        shutil.copytree(client + '/lib', folder + '/lib')
        must(['javac', '-encoding', 'UTF-8', '-cp', 'lib/*', '-d', '.']
             + list(sources), folder)

    return built(name, sources, build, get)


def java_command(handler, heap):
    return '''/usr/bin/java -XX:TieredStopAtLevel=1 -Xmx%dm -cp .:lib/*
        com.amazonaws.services.lambda.runtime.api.client.AWSLambda %s''' % (
            heap, handler)


# C++, as the package of the client for Node.js carries it

CPP_PACKAGE = 'aws-lambda-ric@4.0.2'


def fetch_cpp(folder):
    if shutil.which('g++') is None:
        return 'there is no g++'
    why = run(['npm', 'pack', '--silent', CPP_PACKAGE], folder)
    if why:
        return why
    must(['tar', 'xzf'] + glob.glob(folder + '/*.tgz'), folder)
    why = run(['sh', 'scripts/preinstall.sh'], folder + '/package')
    if why:
        return why
    os.rename(folder + '/package/deps/artifacts', folder + '/artifacts')
    shutil.rmtree(folder + '/package')
    return None


def cpp(name, text, get=cached):
    """The folder of a program, bootstrap."""
    client = get('cpp-' + CPP_PACKAGE, fetch_cpp)

    def build(folder):
        must(['g++', '-O1', '-std=c++11', '-Wall', '-Wextra',
              '-fno-optimize-sibling-calls', '-Wno-infinite-recursion',
              '-I', client + '/artifacts/include', '-o', 'bootstrap',
              'main.cpp']
             + ['-L' + d for d in glob.glob(client + '/artifacts/lib*')]
             + ['-laws-lambda-runtime', '-lcurl', '-pthread'], folder)

    return built(name, {'main.cpp': text}, build, get)
