# What the scripts in this folder share; sourced, not run.  Sets $top and
# $build and knows the packages.

set -eu

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${BUILD:-$top/build}
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# Debian's names

packages_build="nginx nginx-dev dpkg-dev gcc make libc6-dev pkg-config
    libevent-dev libjansson-dev libarchive-dev libseccomp-dev libssl-dev"

packages_run="python3 nodejs curl"

packages_test="perl libtest-base-perl libtest-longstring-perl
    liblist-moreutils-perl libtext-diff-perl libwww-perl libipc-run-perl
    libcmocka-dev wrk nghttp2-client php-cgi libfcgi-dev zip python3-yaml
    awscli python3-boto3 libnginx-mod-http-lua lua-cjson
    procps iproute2 openssl ruby luajit2
    php-cli libcpanel-json-xs-perl openjdk-17-jdk-headless
    mono-runtime mono-mcs uwsgi-core uwsgi-plugin-python3"

packages_asan="$packages_test libpcre2-dev zlib1g-dev xz-utils"

packages_fuzz="clang libclang-rt-14-dev"

packages_bench="wrk uwsgi-core uwsgi-plugin-python3 php-cgi php-fpm"


die()
{
    echo "$(basename "$0"): $*" >&2
    exit 1
}


say()
{
    echo "== $*"
}


need_linux()
{
    [ "$(uname -s)" = Linux ] || die "this needs Linux, not $(uname -s)"

    command -v dpkg-query > /dev/null \
        || die "this set-up knows Debian's packages only (no dpkg here);" \
               "see README.md, \"Requirements\""
}


# prints those of the named packages that are not installed

missing_packages()
{
    local p

    for p in "$@"; do
        # one line for each architecture; "not-installed" is another state
        dpkg-query -W -f '${db:Status-Status}\n' "$p" 2> /dev/null \
            | grep -qx installed || echo "$p"
    done
}


# installs what is missing, or says in one line what to do

need_packages()
{
    local missing apt sudo=

    missing=$(missing_packages "$@" | xargs)
    [ -n "$missing" ] || return 0

    apt="apt-get install -y --no-install-recommends $missing"

    if [ "$(id -u)" != 0 ]; then
        if command -v sudo > /dev/null && sudo -n true 2> /dev/null; then
            sudo="sudo -n"
        elif command -v sudo > /dev/null && [ -t 0 ] && [ -t 2 ]; then
            sudo=sudo
        else
            die "missing packages and neither root nor sudo to install" \
                "them; run as root: $apt"
        fi
    fi

    say "installing $missing"
    mkdir -p "$build" || die "no permission to write $build"

    if ! { $sudo env DEBIAN_FRONTEND=noninteractive apt-get update -q \
           && $sudo env DEBIAN_FRONTEND=noninteractive $apt; } \
         > "$build/apt-get.log" 2>&1 < /dev/null
    then
        tail -n 5 "$build/apt-get.log" >&2
        die "could not install packages; by hand: $apt"
    fi
}


# one build at a time in a build folder

lock_build()
{
    mkdir -p "$build" 2> /dev/null && [ -w "$build" ] \
        || die "no permission to write $build"

    exec 9> "$build/.lock"
    flock 9
}


unlock_build()
{
    exec 9>&-
}


# the runtimes that are scripts, into a folder of runtimes

copy_scripts()
{
    local lang f

    for lang in python node ruby lua php perl bash; do
        mkdir -p "$1/$lang"

        for f in "$top/runtime/$lang"/*; do
            case $f in
            *.py|*.js|*.mjs|*.cjs|*.json|*.rb|*.lua|*.php|*.pl|*.pm|*.sh)
                cmp -s "$f" "$1/$lang/${f##*/}" || cp "$f" "$1/$lang/"
                ;;
            esac
        done
    done
}
