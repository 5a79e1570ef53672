-- See ../../lib/faaslang.py.

local ffi = require "ffi"

print "loading"

local _M = {}
local n = 0


function _M.echo(event)
    return event
end


function _M.count()
    n = n + 1
    return n
end


function _M.fail(event)
    error("no " .. event.what)
end


function _M.fail_table()
    error({ errorType = "Custom", errorMessage = "mine" })
end


function _M.members(event, context)
    local null = context.null

    return {
        id = context.aws_request_id, name = context.function_name,
        version = context.function_version,
        arn = context.invoked_function_arn,
        memory = context.memory_limit_in_mb, group = context.log_group_name,
        stream = context.log_stream_name, identity = context.identity or null,
        client = context.client_context or null,
        deadline = context.deadline_ms,
        left = context.get_remaining_time_in_millis(),
        trace = os.getenv("_X_AMZN_TRACE_ID") or null
    }
end


local function command(line)
    local pipe = io.popen(line)
    local text = pipe:read("*a")

    pipe:close()
    return text
end


function _M.environment()
    local env = {}

    for name, value in command("env"):gmatch("([^\n=]+)=([^\n]*)") do
        env[name] = value
    end

    return { env = env, cwd = command("pwd"):match("[^\n]+") }
end


function _M.logs()
    print "to stdout"
    io.stderr:write("to stderr", "\n")
    io.write("ä\n")
    return "done"
end


function _M.prints()
    print("a", 1, nil, true)
    io.write("b", 2, "\n")
    io.stdout:write("c"):write("d\n")

    local ok = pcall(io.write, {})
    local file = io.open("/tmp/faas-lua-test", "w")

    file:write("to a file")
    file:close()
    os.remove("/tmp/faas-lua-test")
    print(ok)
end


function _M.hang()
    print "hanging"
    os.execute("sleep 30")
end


function _M.leave(event)
    print "leaving"
    os.exit(event)
end


ffi.cdef "int kill(int pid, int signo); int getpid(void);"


function _M.killed()
    print "before"
    io.flush()
    ffi.C.kill(ffi.C.getpid(), 9)
end


function _M.flood(event)
    local line = ("x"):rep(1000)

    for _ = 1, event do
        print(line)
    end

    return event
end


function _M.large()
    return ("x"):rep(5000000)
end


function _M.value(event, context)
    return ({ text = "ä\226\128\168😀\"\\\n", list = { 1, { 2 },
              context.array() }, map = { a = { b = 1.5 } }, ["true"] = true,
              bad = { print } })[event]
end


function _M.children()
    return command("ls /proc/self/fd | wc -l; env")
end


function _M.random()
    return { math.random(), math.random(1000000) }
end


function _M.raw(event, context)
    return context.raw(event)
end


function _M.items(event)
    return coroutine.wrap(function()
        if event == "head" then
            coroutine.yield({ statusCode = 201, headers = { ["x-a"] = "b" } })
        end

        coroutine.yield("one")

        if event == "fail" then
            error("in the middle")
        end

        coroutine.yield("twö")

        if event == "bad" then
            coroutine.yield(3)
        end
    end)
end


function _M.stack(event)
    return 1 + _M.stack(event)
end


function a_global(event)
    return { "global", event }
end


return _M
