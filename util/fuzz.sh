#!/usr/bin/env bash
# "make fuzz": each fuzzer for SECONDS (60) from its seeds, one after another.
# What a fuzzer found is in build/fuzz/found.

. "$(dirname "$0")/lib.sh"

need_linux
need_packages $packages_build $packages_fuzz

unset MAKEFLAGS MAKELEVEL MFLAGS

exec make -C "$top/util/fuzz" run BUILD="$build" \
    SECONDS="${FUZZ_SECONDS:-60}"
