#!/usr/bin/env bash
# Installs what build.sh made below DESTDIR, or removes it (--uninstall).
# Run by make, which sets the variables.

. "$(dirname "$0")/lib.sh"

: "${DESTDIR?}" "${PREFIX?}" "${MODULESDIR?}" "${RUNTIMEDIR?}"
: "${SNIPPETDIR?}" "${DOCDIR?}" "${UNITDIR?}" "${LUADIR?}" "${BINDIR?}"

so=ngx_http_faas_module.so
snippet=mod-http-faas.conf


uninstall()
{
    rm -f "$DESTDIR$MODULESDIR/$so" "$DESTDIR$SNIPPETDIR/$snippet"
    rm -f "$DESTDIR$UNITDIR/faas.conf"
    rm -f "$DESTDIR$LUADIR/resty/faas.lua" "$DESTDIR$BINDIR/faasctl"
    rm -rf "$DESTDIR$RUNTIMEDIR" "$DESTDIR$DOCDIR"
    rmdir "$DESTDIR$LUADIR/resty" 2> /dev/null || true
    rmdir "$DESTDIR$UNITDIR" 2> /dev/null || true
}


writable()
{
    local dir=$1

    while [ ! -e "$dir" ]; do
        dir=$(dirname "$dir")
    done

    [ -w "$dir" ] || die "no permission to write $dir"
}


put()
{
    install -D -m "$1" "$2" "$DESTDIR$3"
}


install_all()
{
    local f

    put 644 "$build/$so" "$MODULESDIR/$so"

    for f in faas-supervisor faas-spawner faas-provided faas-bash \
             faas-web
    do
        put 755 "$build/runtime/$f" "$RUNTIMEDIR/$f"
    done

    # where there are no static libraries there is none

    if [ -f "$build/runtime/faas-provided-static" ]; then
        put 755 "$build/runtime/faas-provided-static" \
            "$RUNTIMEDIR/faas-provided-static"
    fi

    put 644 "$build/runtime/libfaas.so" "$RUNTIMEDIR/libfaas.so"

    # for functions in C and C++

    put 644 "$build/libfaas/libfaas.a" "$RUNTIMEDIR/libfaas.a"
    put 644 "$top/runtime/libfaas/faas_env.h" \
        "$RUNTIMEDIR/include/faas_env.h"

    (cd "$build/runtime" && find python node ruby lua php perl bash -type f \
                            ! -path '*/__pycache__/*') |
    while read -r f; do
        put 644 "$build/runtime/$f" "$RUNTIMEDIR/$f"
    done

    if [ -e "$build/runtime/java/faas-java.jar" ]; then
        put 755 "$build/runtime/java/libfaas-java.so" \
            "$RUNTIMEDIR/java/libfaas-java.so"

        for f in faas-java.jar $(cd "$build/runtime/java" && echo warm/*); do
            put 644 "$build/runtime/java/$f" "$RUNTIMEDIR/java/$f"
        done
    fi

    if [ -e "$build/runtime/mono/faas-mono.exe" ]; then
        put 755 "$build/runtime/mono/libfaas-mono.so" \
            "$RUNTIMEDIR/mono/libfaas-mono.so"
        put 644 "$build/runtime/mono/faas-mono.exe" \
            "$RUNTIMEDIR/mono/faas-mono.exe"
    fi

    # a link, so that the program finds what it is made of

    put 755 "$top/util/faasctl" "$RUNTIMEDIR/faasctl"

    for f in "$top"/util/faasctl_lib/*.py; do
        put 644 "$f" "$RUNTIMEDIR/faasctl_lib/$(basename "$f")"
    done

    mkdir -p "$DESTDIR$BINDIR"
    ln -sf "$RUNTIMEDIR/faasctl" "$DESTDIR$BINDIR/faasctl"

    put 644 "$top/lua/resty/faas.lua" "$LUADIR/resty/faas.lua"

    mkdir -p "$DESTDIR$SNIPPETDIR"
    echo "load_module $MODULESDIR/$so;" > "$DESTDIR$SNIPPETDIR/$snippet"

    put 644 "$top/util/systemd/nginx-faas.conf" "$UNITDIR/faas.conf"

    put 644 "$top/README.md" "$DOCDIR/README.md"
    put 644 "$top/CHANGES" "$DOCDIR/CHANGES"
    put 644 "$top/LICENSE" "$DOCDIR/copyright"
    put 644 "$top/ngx_faas_module/README.md" "$DOCDIR/directives.md"

    (cd "$top/conf-examples" && find . -type f \
                                ! -path '*/__pycache__/*') |
    while read -r f; do
        put 644 "$top/conf-examples/$f" "$DOCDIR/conf-examples/${f#./}"
    done
}


for dir in "$MODULESDIR" "$RUNTIMEDIR" "$SNIPPETDIR" "$DOCDIR" "$UNITDIR" \
    "$LUADIR" "$BINDIR"
do
    writable "$DESTDIR$dir"
done

if [ "${1:-}" = --uninstall ]; then
    uninstall
    exit
fi

install_all

say "installed; to load the module: ln -s $SNIPPETDIR/$snippet" \
    "/etc/nginx/modules-enabled/"
