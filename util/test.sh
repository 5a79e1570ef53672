#!/usr/bin/env bash
# The whole suite, set-up included.  Arguments, if any, are passed to prove
# in place of "-r t".

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/apt.sh"
. "$(dirname "$0")/test-nginx.sh"

need_linux
need_packages $packages_build $packages_run $packages_test $packages_fuzz

lock_build
need_test_nginx
unlock_build

# asan-test.sh has built what it wants to test
[ -n "${FAAS_SANITIZE:-}" ] || FAAS_PACKAGES_OK=1 bash "$top/util/build.sh"

export FAAS_TOP=$top
export FAAS_BUILD=${FAAS_BUILD:-$build}
export FAAS_MODULE=${FAAS_MODULE-$build/ngx_http_faas_module.so}
export FAAS_RUNTIME_DIR=${FAAS_RUNTIME_DIR:-$build/runtime}
export TEST_NGINX_BINARY=${TEST_NGINX_BINARY:-/usr/sbin/nginx}
export PERL5LIB=$top/t/lib${PERL5LIB:+:$PERL5LIB}
export BUILD=$FAAS_BUILD
export PYTHONDONTWRITEBYTECODE=1

# what make told us is not for the makes that tests run
unset MAKEFLAGS MAKELEVEL MFLAGS

cd "$top"

if [ $# = 0 ]; then
    set -- -r t
fi

exec prove --timer "$@"
