# What a bash does for one invocation, or (check) when a function is loaded:
# sources its file, and calls it.  Started by faas-bash with the arguments
# check|run, the file and the function's name; descriptor 3 takes the verdict
# of a check.

faas_mode=$1 faas_file=$2 faas_function=$3
set --

# milliseconds until the invocation is ended
faas_remaining_ms()
{
    local now=${EPOCHREALTIME/[.,]/}

    echo $((FAAS_DEADLINE_MS > now / 1000 ? FAAS_DEADLINE_MS - now / 1000 : 0))
}

if [ "$faas_mode" = check ]; then
    exec {faas_verdict}>&3 3>&-

    . "$faas_file" < /dev/null

    if declare -F -- "$faas_function" > /dev/null; then
        printf ok >&"$faas_verdict"
    elif "$BASH" -n "$faas_file" 2> /dev/null; then
        printf missing >&"$faas_verdict"
    else
        printf syntax >&"$faas_verdict"
    fi

    exit 0
fi

# what is printed while sourcing is no result
. "$faas_file" < /dev/null >&2

"$faas_function"
