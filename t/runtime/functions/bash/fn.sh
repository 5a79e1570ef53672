# See ../../lib/faaslang.py.

[ -z "$FAAS_REQUEST_ID" ] && echo loading

echo_() { cat; }

fail()
{
    local event=$(cat)

    event=${event#*: \"}
    printf 'no %b\n' "${event%\"\}}" >&2
    return 3
}

quote()
{
    [ -n "$1" ] && printf '"%s"' "$1" || printf null
}

members()
{
    printf '{"id":"%s","name":"%s","version":"%s","arn":"%s","memory":"%s",' \
        "$FAAS_REQUEST_ID" "$AWS_LAMBDA_FUNCTION_NAME" \
        "$AWS_LAMBDA_FUNCTION_VERSION" "$FAAS_FUNCTION_ARN" \
        "$AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
    printf '"group":"%s","stream":"%s","identity":%s,"client":%s,' \
        "$AWS_LAMBDA_LOG_GROUP_NAME" "$AWS_LAMBDA_LOG_STREAM_NAME" \
        "${FAAS_COGNITO_IDENTITY:-null}" "${FAAS_CLIENT_CONTEXT:-null}"
    printf '"deadline":%s,"left":%s,"trace":%s}\n' "$FAAS_DEADLINE_MS" \
        "$(faas_remaining_ms)" "$(quote "$_X_AMZN_TRACE_ID")"
}

environment()
{
    local name comma=

    printf '{"cwd":"%s","env":{' "$PWD"

    for name in $(compgen -e); do
        case $name in
        FAAS_*) continue ;;
        esac

        printf '%s"%s":"%s"' "$comma" "$name" "${!name}"
        comma=,
    done

    echo '}}'
}

logs()
{
    printf 'to stdout\nto stderr\n' >&2
    echo 'ä' >&2
    echo done
}

hang()
{
    echo hanging >&2
    sleep 2
}

leave()
{
    local event=$(cat)

    echo leaving >&2
    exit "$event"
}

killed()
{
    echo before >&2
    kill -9 $$
}

flood()
{
    local event=$(cat)

    head -c $((event * 1000)) /dev/zero | tr '\0' x | fold -w 1000 >&2
    echo >&2
    echo "$event"
}

large()
{
    head -c 5000000 /dev/zero | tr '\0' x
}

too_large()
{
    yes
}

value()
{
    case $(cat) in
    '"text"') printf '%s\n' 'ä "quoted" \' 'second' ;;
    '"list"') echo ' [1, [2], []] ' ;;
    '"none"') ;;
    esac
}

children() { ls /proc/self/fd | wc -l; env; }
raw() { cat; }

leftover()
{
    setsid sleep 600 &
    sleep 0.1
    echo $!
}

counted()
{
    ps ax -o comm | grep -c '^sleep 600' || true
}

handler() { echo '"the default"'; }
