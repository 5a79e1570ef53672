# The function of the conformance suite, in bash.

value()
{
    local v=${event#*"\"$1\":"}

    v=${v%%[,\}]*}
    v=${v#\"}
    echo "${v%\"}"
}

handler()
{
    local event do a n v

    event=$(cat; echo x)
    event=${event%x}

    if [[ $event == *'"requestContext"'* ]]; then
        a=${event#*'"body":"'}
        n=${event#*'"isBase64Encoded":'}
        printf '{"statusCode":200,"headers":{"content-type":'
        printf '"application/octet-stream"},"isBase64Encoded":%s,' \
            "${n%%[,\}]*}"
        printf '"body":"%s"}' "${a%%\"*}"
        return
    fi

    if [[ $event != *'"do":'* ]]; then
        printf '%s' "$event"
        return
    fi

    event=${event//: /:}
    do=$(value do)

    case $do in
    throw) echo 'an "odd" érror' >&2; return 7 ;;
    exit) exit "$(value code)" ;;
    kill) kill -SEGV $BASHPID ;;
    loop) while :; do :; done ;;
    memory) a=x; while :; do a=$a$a; done ;;
    flood)
        a=$(printf 'x%.0s' {1..9999})
        for ((n = $(value lines); n > 0; n--)); do echo "$a"; done >&2
        printf '"flooded"' ;;
    daemon) sleep 1000 > /dev/null 2>&1 < /dev/null & printf 1 ;;
    tmp) printf x >> /tmp/kept; stat -c %s /tmp/kept ;;
    env)
        a=
        printf '{'
        while IFS='=' read -r -d '' n v; do
            printf '%s"%s":"%s"' "$a" "$n" "${v//\"/\\\"}"
            a=,
        done < /proc/self/environ
        printf '}' ;;
    remaining)
        a=$(faas_remaining_ms)
        sleep 0.05
        echo "[$a,$(faas_remaining_ms)]" ;;
    context)
        a=${FAAS_CLIENT_CONTEXT#*:}
        printf '{"id":"%s","name":"%s","version":"%s","arn":"%s",' \
            "$FAAS_REQUEST_ID" "$AWS_LAMBDA_FUNCTION_NAME" \
            "$AWS_LAMBDA_FUNCTION_VERSION" "$FAAS_FUNCTION_ARN"
        printf '"memory":"%s","group":"%s","stream":"%s","custom":%s' \
            "$AWS_LAMBDA_FUNCTION_MEMORY_SIZE" "$AWS_LAMBDA_LOG_GROUP_NAME" \
            "$AWS_LAMBDA_LOG_STREAM_NAME" "$a" ;;
    log) echo "err $(value mark)" >&2; printf '"logged"' ;;
    sleep)
        n=$(value ms)
        sleep "$((n / 1000)).$(printf %03d $((n % 1000)))"
        echo "[1,1,$PPID]" ;;
    esac
}
