#!/usr/bin/env bash
# Builds the module against the packaged nginx, and the runtime.  Only what
# changed is built again; configure runs when something it looks at changed.

. "$(dirname "$0")/lib.sh"

need_linux
[ -n "${FAAS_PACKAGES_OK:-}" ] || need_packages $packages_build

src=/usr/share/nginx/src
objs=$build/nginx
log=$build/build.log

[ -r "$src/conf_flags" ] || die "no nginx-dev in $src"

lock_build
mkdir -p "$objs" "$build/runtime"


# runs a command, shows its output only when it failed

quietly()
{
    if ! "$@" > "$log" 2>&1 9>&-; then
        cat "$log" >&2
        die "failed: $1 (output above)"
    fi
}


# all that configure's result depends on

stamp()
{
    cat "$top/config" "$top/util/build.sh"
    cat "$src/conf_flags" "$src/src/core/nginx.h"
    gcc -dumpfullversion
    dpkg-query -W -f '${Version}\n' nginx-dev
    ls "$top"/ngx_faas_module/*.[ch] "$top"/runtime/libfaas/*.[ch]
}


configure()
{
    local cc_opt ld_opt

    . "$src/conf_flags"

    cc_opt="$(dpkg-buildflags --get CFLAGS) -fPIC"
    cc_opt="$cc_opt $(dpkg-buildflags --get CPPFLAGS)"
    ld_opt="$(dpkg-buildflags --get LDFLAGS) -fPIC"

    # a module's files call each other through the linker's table and are
    # never inlined unless told that nobody replaces their functions
    cc_opt="$cc_opt -fno-semantic-interposition -fno-plt -flto=auto"
    ld_opt="$ld_opt -O2 -flto=auto -Wl,-Bsymbolic-functions"

    (cd "$src" \
     && ./configure "${NGX_CONF_FLAGS[@]}" --with-cc-opt="$cc_opt" \
            --with-ld-opt="$ld_opt" --builddir="$objs" \
            --add-dynamic-module="$top")
}


new=$(stamp | sha256sum)

if [ "$(cat "$objs/faas.stamp" 2> /dev/null)" != "$new" ]; then
    say "configuring the module"
    rm -f "$objs/faas.stamp"
    quietly configure
    echo "$new" > "$objs/faas.stamp"
fi

quietly make -f "$objs/Makefile" -C "$src" -j "$(nproc)" modules

# a copy by rename: a running nginx has the old one mapped

so=ngx_http_faas_module.so

if ! cmp -s "$objs/$so" "$build/$so"; then
    say "built $so"
    cp "$objs/$so" "$build/$so.new"
    mv "$build/$so.new" "$build/$so"
fi

for part in libfaas supervisor provided bash web; do
    quietly make -C "$top/runtime/$part" -j "$(nproc)" BUILD="$build"
done

# what runs functions in Java is Java itself

if "${JAVAC:-javac}" --release 17 --version > /dev/null 2>&1; then
    quietly make -C "$top/runtime/java" BUILD="$build"
else
    say "no runtime for Java: there is no javac of 17 or newer" \
        "(openjdk-17-jdk-headless)"
fi

# and what runs functions in C# is C#

if command -v "${MCS:-mcs}" > /dev/null 2>&1; then
    quietly make -C "$top/runtime/mono" BUILD="$build"
else
    say "no runtime for C#: there is no mcs (mono-mcs)"
fi

copy_scripts "$build/runtime"
