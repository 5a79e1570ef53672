#!/usr/bin/env bash
# The suite with AddressSanitizer and UndefinedBehaviorSanitizer: nginx of the
# packaged version built from Debian's source package with the module linked
# in and every pool allocation a malloc(), the supervisor, and (as they are
# loaded into interpreters that are not sanitized, without ASan) libfaas and
# the spawner.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/apt.sh"
. "$(dirname "$0")/test-nginx.sh"

need_linux
need_packages $packages_build $packages_run $packages_asan $packages_fuzz

suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")
source=${FAAS_NGINX_SOURCE:-$suite}

say "building nginx with sanitizers"
nginx=$(bash "$top/util/build-static.sh" "$source" --asan | tail -n 1)
[ -x "$nginx" ] || die "no sanitized nginx"

lock_build
need_test_nginx

out=$build/asan
mkdir -p "$out/runtime"

undefined="-fsanitize=undefined -fno-sanitize-recover=undefined"
both="-fsanitize=address $undefined -fno-omit-frame-pointer"


# part FOLDER [FLAGS]

part()
{
    (unset MAKEFLAGS; make -C "$top/runtime/$1" -j "$(nproc)" BUILD="$2" \
        CFLAGS="-O1 -g ${3:-}" LDFLAGS="${3:-}") > "$2/$1.log" 2>&1 \
        || { cat "$2/$1.log" >&2; die "$1 does not build"; }
}


say "building the runtime with sanitizers"
part libfaas "$out" "$undefined"
part supervisor "$out" "$both"
part provided "$out" "$both"
part bash "$out" "$both"
part web "$out" "$both"

# the library that tests link their own programs with, by a plain cc

mkdir -p "$out/plain"
part libfaas "$out/plain"
cp "$out/plain/libfaas/libfaas.a" "$out/libfaas/libfaas.a"

copy_scripts "$out/runtime"

unlock_build

export FAAS_BUILD=$out
export FAAS_RUNTIME_DIR=$out/runtime
export FAAS_MODULE=
export FAAS_SANITIZE=1
export FAAS_TEST_SLOW=${FAAS_TEST_SLOW:-4}
export FAAS_TEST_STOP_TIMEOUT=60
export TEST_NGINX_BINARY=$nginx
export TEST_NGINX_TIMEOUT=${TEST_NGINX_TIMEOUT:-15}

# pools that live as long as the process are no leaks
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=0
export LSAN_OPTIONS=suppressions=$top/util/lsan.supp:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1

exec bash "$top/util/test.sh" "$@"
