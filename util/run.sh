#!/usr/bin/env bash
# "make run": builds what is not built, starts nginx in the foreground with
# conf-examples/quickstart.conf and leaves nothing behind when it ends.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/example.sh"

port=${PORT:-8080}
nginx=${NGINX:-nginx}
dir=
pid=
lacking=


check_port()
{
    case $port in
    ''|*[!0-9]*|??????*)
        die "PORT=$port is not a port number"
        ;;
    esac

    /usr/bin/python3 - "$port" <<'END' || exit 1
import errno, socket, sys
port = int(sys.argv[1])
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    if not 0 < port < 65536:
        sys.exit("run.sh: PORT=%d is not a port number" % port)
    s.bind(("127.0.0.1", port))
    s.listen(1)
except OSError as e:
    if e.errno == errno.EADDRINUSE:
        sys.exit("run.sh: port %d is taken; choose another: "
                 "PORT=%d make run" % (port, port % 65000 + 1000))
    if e.errno == errno.EACCES:
        sys.exit("run.sh: no permission to listen on port %d; try "
                 "PORT=8080 make run" % port)
    sys.exit("run.sh: cannot listen on port %d: %s" % (port, e.strerror))
END
}


# sockets need a short path that worker and environments can reach

prepare()
{
    umask 022
    dir=$(mktemp -d "${TMPDIR:-/tmp}/faas-run.XXXXXX") \
        || die "no permission to write ${TMPDIR:-/tmp}"
    chmod 755 "$dir"
    mkdir "$dir/tmp" "$dir/state"

    example_conf "$top/conf-examples/quickstart.conf" "$dir" "$port" \
        > "$dir/nginx.conf"

    # an ordinary user gets what there is, and is told what there is not

    [ "$(id -u)" != 0 ] || return 0

    lacking=$("$build/runtime/faas-supervisor" --probe 1900000000-1900000511 \
              | paste -sd ';' | sed 's/;/; /g')
}


# whoever holds the lock file runs: the supervisor ends after nginx

supervisor_runs()
{
    [ -e "$dir/run/v1/lock" ] && ! flock -n "$dir/run/v1/lock" true
}


finish()
{
    local i

    trap '' INT TERM HUP

    if [ -n "$pid" ]; then
        kill -TERM "$pid" 2> /dev/null || true
        wait "$pid" 2> /dev/null || true
    fi

    for i in $(seq 1 200); do
        supervisor_runs || break
        sleep 0.05
    done

    ! supervisor_runs || echo "run.sh: the supervisor does not end;" \
                              "see $dir" >&2

    rm -rf "$dir"
}


answers()
{
    curl -s -o /dev/null --max-time 2 "http://127.0.0.1:$port/status"
}


need_linux
need_packages $packages_build $packages_run
check_port
FAAS_PACKAGES_OK=1 bash "$top/util/build.sh"

prepare
trap finish EXIT
trap 'exit 0' INT TERM HUP

"$nginx" -p "$dir/" -e stderr -c "$dir/nginx.conf" -g 'daemon off;' &
pid=$!

until answers; do
    kill -0 "$pid" 2> /dev/null || { wait "$pid" || exit; }
    sleep 0.05
done

[ -z "$lacking" ] || printf '\nNot isolated here: %s\n' "$lacking"

cat <<END

ngx_faas answers on port $port; Ctrl-C ends it.  Try:

    curl http://127.0.0.1:$port/python
    curl 'http://127.0.0.1:$port/node?name=you'
    curl http://127.0.0.1:$port/status

END

status=0
wait "$pid" || status=$?
pid=
exit "$status"
