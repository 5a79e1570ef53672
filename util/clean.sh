#!/usr/bin/env bash
# Removes what was built, and nothing else.

. "$(dirname "$0")/lib.sh"

case $build in
"$top"/?*)
    rm -rf "$build" "$top"/t/servroot*
    ;;
*)
    die "BUILD=$build is not inside $top: remove it by hand"
    ;;
esac
