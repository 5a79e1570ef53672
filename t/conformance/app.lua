-- The function of the conformance suite, in Lua.

local ffi = require "ffi"

ffi.cdef [[
int usleep(unsigned usec);
int getpid(void);
extern char **environ;
]]

local calls, running = 0, 0
local keep = {}

local function deep(n)
    return deep(n + 1) + 1
end

local acts = {}

acts.throw = function()
    error('an "odd" \195\169rror', 0)
end

acts.exit = function(event)
    os.exit(event.code)
end

acts.kill = function()
    return ffi.string(ffi.cast("char *", 8))
end

acts.loop = function()
    while true do end
end

acts.memory = function()
    while true do
        keep[#keep + 1] = ffi.new("char[?]", 2 ^ 20, 1)
        ffi.fill(keep[#keep], 2 ^ 20, 1)
    end
end

acts.stack = function()
    return deep(0)
end

acts.flood = function(event)
    local line = ("x"):rep(9999)
    for _ = 1, event.lines do
        print(line)
    end
    return "flooded"
end

acts.daemon = function()
    os.execute("/bin/sleep 1000 > /dev/null 2>&1 &")
    return calls
end

acts.tmp = function()
    local file = assert(io.open("/tmp/kept", "a+"))
    file:write("x")
    file:seek("set")
    local n = #file:read("*a")
    file:close()
    return n
end

acts.env = function()
    local all, n = {}, 0
    while ffi.C.environ[n] ~= nil do
        local name, value = ffi.string(ffi.C.environ[n]):match("^(.-)=(.*)$")
        all[name] = value
        n = n + 1
    end
    return all
end

acts.context = function(event, c)
    return { id = c.aws_request_id, name = c.function_name,
             version = c.function_version, arn = c.invoked_function_arn,
             memory = c.memory_limit_in_mb, group = c.log_group_name,
             stream = c.log_stream_name,
             custom = c.client_context and c.client_context.custom }
end

acts.remaining = function(event, c)
    local a = c.get_remaining_time_in_millis()
    ffi.C.usleep(50000)
    return { a, c.get_remaining_time_in_millis() }
end

acts.log = function(event)
    print("out " .. event.mark)
    io.stderr:write("err " .. event.mark .. "\n")
    return "logged"
end

acts.sleep = function(event)
    ffi.C.usleep(event.ms * 1000)
    return { running, calls, ffi.C.getpid() }
end

local function act(event, context)
    if type(event) ~= "table" then
        return event
    end
    if event.requestContext then
        return { statusCode = 200, body = event.body,
                 headers = { ["content-type"] = "application/octet-stream" },
                 isBase64Encoded = event.isBase64Encoded }
    end
    if event["do"] == nil then
        return event
    end
    return acts[event["do"]](event, context)
end

local function handler(event, context)
    calls, running = calls + 1, running + 1
    local ok, result = pcall(act, event, context)
    running = running - 1
    if not ok then
        error(result, 0)
    end
    return result
end

local function stream(event)
    local n = 0
    return function()
        if n >= event.n then
            return nil
        end
        if event.ms then
            ffi.C.usleep(event.ms * 1000)
        end
        n = n + 1
        return (n - 1) .. " "
    end
end

return { handler = handler, stream = stream }
