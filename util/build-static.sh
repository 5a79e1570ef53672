#!/usr/bin/env bash
# Compiles nginx from source with the module linked in.
#
#     build-static.sh SOURCE [--asan]
#     build-static.sh all [SOURCE ...]
#
# SOURCE: an unpacked source tree of nginx, or the name of a Debian suite
# (bookworm, trixie, sid, ...) whose source package is taken through the
# machine's own mirror.  "all": every suite that can be had and the named
# ones; warnings are errors, and a configuration is tested with each.  Prints
# the path of the binary.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/apt.sh"

suites="bookworm trixie sid"

# nginx copies zero bytes from nowhere here and there, and reads numbers at
# odd addresses where the processor can: harmless, not ours
cc_opt_asan="-O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer
    -fno-sanitize=nonnull-attribute,alignment -DNGX_DEBUG_PALLOC=1"
ld_opt_asan="-fsanitize=address,undefined"


# source_of SOURCE: sets $src

source_of()
{
    if [ -x "$1/auto/configure" ] || [ -x "$1/configure" ]; then
        src=$(cd "$1" && pwd)
        return 0
    fi

    src=$build/nginx-src/$1
    [ ! -e "$src/auto/configure" ] || return 0

    say "taking the source package of nginx from $1" >&2
    mkdir -p "$build/nginx-src"
    apt_source "$1" nginx "$src"
}


version_of()
{
    sed -n 's/^#define NGINX_VERSION *"\(.*\)"/\1/p' \
        "$src/src/core/nginx.h"
}


# configure_static OBJS asan|plain: in a copy, as nginx writes into its source

configure_static()
{
    local objs=$1 mode=$2 cc_opt="-O2 -g" ld_opt=

    rm -rf "$objs"
    mkdir -p "$objs"
    cp -a "$src" "$objs/src"

    if [ "$mode" = asan ]; then
        cc_opt=$(echo $cc_opt_asan)
        ld_opt=$ld_opt_asan
    fi

    cd "$objs/src"

    if [ -x auto/configure ]; then
        ln -sf auto/configure configure
    fi

    ./configure --builddir="$objs/objs" --prefix="$objs" \
        --with-cc-opt="$cc_opt" --with-ld-opt="$ld_opt" \
        --with-debug --with-threads --with-pcre-jit \
        --with-http_ssl_module --with-http_v2_module \
        --with-http_realip_module --with-http_auth_request_module \
        --with-http_stub_status_module --with-http_slice_module \
        --with-http_gunzip_module --with-http_gzip_static_module \
        --with-http_sub_module --with-http_addition_module \
        --add-module="$top"
}


stamp()
{
    cat "$top/config" "$0" "$src/src/core/nginx.h"
    ls "$top"/ngx_faas_module/*.[ch] "$top"/runtime/libfaas/*.[ch]
}


# build_static OBJS asan|plain

build_static()
{
    local objs=$1 mode=$2 new

    new=$(stamp | sha256sum)

    if [ "$(cat "$objs/stamp" 2> /dev/null)" != "$new" ]; then
        (configure_static "$objs" "$mode") > "$objs.log" 2>&1 \
            || { tail -n 20 "$objs.log" >&2; return 1; }
        echo "$new" > "$objs/stamp"
    fi

    (unset MAKEFLAGS; cd "$objs/src" \
     && make -f "$objs/objs/Makefile" -j "$(nproc)" binary) \
        > "$objs.log" 2>&1 \
        || { grep -E -B 2 -A 12 'error:|undefined reference' "$objs.log" \
                 | head -n 60 >&2
             return 1; }
}


# a configuration that names the module's parts is read without a complaint

smoke()
{
    local nginx=$1 dir rc=0

    dir=$(mktemp -d)
    mkdir "$dir/logs"
    cat > "$dir/nginx.conf" <<END
pid $dir/pid;
events {}
http {
    faas_run_dir $dir/run;
    faas_state_dir $dir/state;
    faas_runtime_dir $build/runtime;
    server { listen unix:$dir/s; location / { faas_status; } }
}
END
    "$nginx" -p "$dir" -e stderr -t -c "$dir/nginx.conf" \
        > "$dir/out" 2>&1 || { cat "$dir/out" >&2; rc=1; }
    rm -rf "$dir"
    return $rc
}


all()
{
    local suite failed=0 built=0

    for suite in $suites "$@"; do
        if ! source_of "$suite"; then
            echo "$suite: no source package to be had"
            continue
        fi

        objs=$build/static-plain-$(basename "$suite")

        if build_static "$objs" plain && smoke "$objs/objs/nginx"; then
            echo "$suite: nginx $(version_of): built, no warnings"
            built=1

        else
            echo "$suite: nginx $(version_of): FAILED"
            failed=1
        fi
    done

    [ $built = 1 ] || die "no source of nginx could be had"
    return $failed
}


need_linux
need_packages $packages_build libpcre2-dev zlib1g-dev xz-utils
lock_build

if [ "${1:-}" = all ]; then
    shift
    all "$@"
    exit
fi

[ -n "${1:-}" ] || die "usage: build-static.sh SOURCE|SUITE|all [--asan]"

source_of "$1" || die "no source of nginx in $1, neither folder nor suite"

mode=plain
[ "${2:-}" != --asan ] || mode=asan

objs=$build/static-$mode-$(basename "$1")
build_static "$objs" "$mode" || die "nginx $(version_of) does not build"

echo "$objs/objs/nginx"
