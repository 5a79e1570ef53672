#!/usr/bin/env bash
# "make bench": installs the peers, builds the programs, prints the table.
# Arguments go to bench.py.

. "$(dirname "$0")/../lib.sh"

need_linux
need_packages $packages_build $packages_run $packages_bench
FAAS_PACKAGES_OK=1 bash "$top/util/build.sh"

programs=$build/bench
mkdir -p "$programs"

cflags="-O2 -g -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror"

cc $cflags -o "$programs/responder" "$top/util/bench/responder.c"
cc $cflags -I "$top/runtime/libfaas" -o "$programs/cfunc" \
    "$top/util/bench/cfunc.c" "$build/libfaas/libfaas.a" -pthread
cc $cflags -o "$programs/capi" "$top/util/bench/capi.c"

export FAAS_BENCH_PROGRAMS=$programs
export FAAS_BUILD=$build
export FAAS_PHP_FPM=$(ls /usr/sbin/php-fpm* 2> /dev/null | tail -n 1)
export PYTHONDONTWRITEBYTECODE=1

exec /usr/bin/python3 "$top/util/bench/bench.py" "$@"
