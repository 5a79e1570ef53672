# Turns an example configuration, written for an installed ngx_faas, to the
# source tree and a scratch folder.  Sourced after lib.sh, or run:
# example.sh FILE SCRATCH [PORT] prints the result (the tests do).


# example_conf FILE SCRATCH PORT

example_conf()
{
    local file=$1 dir=$2 port=$3 user= isolation=

    # only root can change the user of the workers and isolate all of it
    if [ "$(id -u)" != 0 ]; then
        user='/^user /d'
        isolation='s|^    faas_run_dir |    faas_isolation    prefer;\n&|'
    fi

    sed -e "$user" \
        -e "$isolation" \
        -e "s|/usr/lib/nginx/modules/|$build/|" \
        -e "s|/usr/lib/faas|$build/runtime|" \
        -e "s|/usr/share/doc/ngx-faas/conf-examples|$top/conf-examples|" \
        -e "s|/run/faas|$dir/run|" \
        -e "s|/run/nginx.pid|$dir/nginx.pid|" \
        -e "s|/var/lib/faas|$dir/state|" \
        -e "s|/var/lib/nginx|$dir/tmp|" \
        -e "s|/var/cache|$dir/tmp|" \
        -e "s|/var/log/nginx/error.log|stderr|" \
        -e "s|/var/log/nginx|$dir|" \
        -e "s|listen 127.0.0.1:8080|listen 127.0.0.1:$port|" \
        -e "s|^http {|&\\
    client_body_temp_path  $dir/tmp/body;\\
    proxy_temp_path        $dir/tmp/proxy;\\
    fastcgi_temp_path      $dir/tmp/fastcgi;\\
    scgi_temp_path         $dir/tmp/scgi;\\
    uwsgi_temp_path        $dir/tmp/uwsgi;|" \
        "$file"
}


if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    . "$(dirname "$0")/lib.sh"
    example_conf "$1" "$2" "${3:-8080}"
fi
