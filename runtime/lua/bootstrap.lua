-- The Lua runtime: loads a function by its handler string and calls it for
-- each invocation, with the names and errors of AWS Lambda's other runtimes.
--
-- Runs as a zygote (FAAS_ZYGOTE=1, libfaas.so preloaded), which forks blanks
-- that go on in main(), or started directly as one environment.  See README.md
-- for how the supervisor starts it.

local FOLDER = arg[0]:match("^(.*)/[^/]*$") or "."

-- The modules beside this file are nobody else's.
local path = package.path
package.path = FOLDER .. "/?.lua"
local json = require "faas_json"
local log = require "faas_log"
local wire = require "faas_wire"
package.path = path

package.loaded.faas_json, package.loaded.faas_log = nil, nil
package.loaded.faas_wire = nil

-- faas_env_error() takes this much
local ERROR_MAX = 60000

-- of streams: with the first of these the data begin with a prelude
local PRELUDE = "application/vnd.awslambda.http-integration-response"
local STREAM = "application/octet-stream"

-- what context.raw() returns
local Raw = {}

-- metatable of errors of the runtime's own
local Fault = {}


-- errors

local function fault(kind, message)
    return setmetatable({ errorType = kind, errorMessage = message }, Fault)
end


local function throw(kind, message)
    error(fault(kind, message), 0)
end


local function printable(text)
    return (pcall(json.encode, text)) and text
           or text:gsub("[\128-\255]", "?")
end


-- Without what is ours, and without the calls from it.
local function frames(trace)
    local list = setmetatable({}, json.array)

    for line in trace:gmatch("\n%s+([^\n]+)") do
        if line:find(FOLDER .. "/", 1, true) then
            break
        end

        if not line:find("^%[C%]: in function 'error'") then
            list[#list + 1] = printable(line)
        end
    end

    while list[#list] and list[#list]:find("^%[C%]") do
        list[#list] = nil
    end

    return list
end


-- The error payload of whatever was thrown, by xpcall() while its stack is
-- there.  A table may say what it is.
local function error_of(thrown)
    local trace = debug.traceback("", 2)
    local result = { stackTrace = frames(trace) }

    if getmetatable(thrown) == Fault then
        result.stackTrace = setmetatable({}, json.array)
        result.errorType = thrown.errorType
        result.errorMessage = thrown.errorMessage

    elseif type(thrown) == "table" then
        result.errorType = tostring(thrown.errorType or thrown.type or "table")
        result.errorMessage = tostring(thrown.errorMessage or thrown.message
                                       or thrown)

    else
        result.errorType = "Error"
        result.errorMessage = tostring(thrown):gsub("^[^\n:]+%.lua:%d+: ", "")
    end

    result.errorType = printable(result.errorType)
    result.errorMessage = printable(result.errorMessage)

    return result
end


local function log_error(failed)
    local text = "[ERROR] " .. failed.errorType .. ": " .. failed.errorMessage

    for i = 1, #failed.stackTrace do
        text = text .. "\n\t" .. failed.stackTrace[i]
    end

    wire.log(text .. "\n")
end


-- the function

local function exists(name)
    local file = io.open(name)

    return file and file:close()
end


-- A file that returns the function, or a table or globals with it.
local function load_handler(root, handler)
    local folder, base = handler:match("^(.*/)([^/]*)$")
    local file, name = (base or handler):match("^([^.]+)%.([^.]+)$")

    file = (folder or "") .. (file or base or handler)

    if file == "" or (not name and handler:find(".", 1, true))
        or handler:find("..", 1, true)
    then
        throw("Runtime.MalformedHandlerName", "Bad handler '" .. handler
              .. "': it must be file.function or file")
    end

    local full = root .. "/" .. file .. ".lua"

    if not exists(full) then
        throw("Runtime.ImportModuleError", "Unable to load '" .. file
              .. "': there is no file '" .. file .. ".lua'")
    end

    local chunk, message = loadfile(full)

    if not chunk then
        throw("Runtime.UserCodeSyntaxError", "Syntax error in '" .. file
              .. "': " .. message)
    end

    local value = chunk()

    if name then
        value = type(value) == "table" and value[name] or _G[name]
    end

    local meta = getmetatable(value)

    if type(value) ~= "function" and not (meta and meta.__call) then
        throw("Runtime.HandlerNotFound", name and "Handler '" .. name
              .. "' missing in file '" .. file .. ".lua'"
              or "File '" .. file .. ".lua' does not return a function")
    end

    return value
end


local function set_paths(root)
    local own = root .. "/?.lua;" .. root .. "/?/init.lua;/opt/lua/?.lua;"
                .. "/opt/lua/?/init.lua;"
    local extra = os.getenv("LUA_PATH")

    -- ";;" is what would be there without the variable
    package.path = own .. (extra and extra:gsub(";;", ";" .. path .. ";")
                           or path)

    extra = os.getenv("LUA_CPATH")
    package.cpath = root .. "/?.so;/opt/lua/?.so;"
                    .. (extra and extra:gsub(";;", ";" .. package.cpath .. ";")
                        or package.cpath)
end


-- Random numbers are the same in each fork, or each process, without it.
local function seed()
    local file = io.open("/dev/urandom", "rb")
    local bytes = file and file:read(6)
    local value = wire.now()

    if file then
        file:close()
    end

    for i = 1, bytes and #bytes or 0 do
        value = (value * 256 + bytes:byte(i)) % 2 ^ 52
    end

    math.randomseed(value)
end


-- Makes this process the function's.
local function set_up(settings)
    if settings.environment then
        wire.environment(settings.environment)
    else
        -- AWS_LAMBDA_EXEC_WRAPPER: what that has left in them goes
        settings.handler = os.getenv("_HANDLER") or settings.handler
    end

    log.redirect(wire)
    seed()

    local why = wire.chdir(settings.taskRoot)

    if why then
        throw("Runtime.InvalidWorkingDir", settings.taskRoot .. ": " .. why)
    end

    set_paths(settings.taskRoot)

    -- of the command line, which is ours
    _G.arg = nil
end


-- invocations

local function parse(text, name)
    if not text then
        return nil
    end

    local ok, value = pcall(json.decode, text)

    if not ok then
        throw("Runtime.LambdaContextUnmarshalError", "Unable to parse " .. name
              .. " JSON: " .. value)
    end

    return value
end


local function context_of(invocation, settings)
    return {
        aws_request_id = invocation.request_id,
        invoked_function_arn = invocation.arn,
        function_name = settings.functionName,
        function_version = settings.functionVersion,
        memory_limit_in_mb = tostring(settings.memoryMB),
        log_group_name = settings.logGroup,
        log_stream_name = settings.logStream,
        client_context = parse(invocation.client_context, "Client Context"),
        identity = parse(invocation.identity, "Cognito Identity"),
        deadline_ms = invocation.deadline_ms,
        null = json.null,
        json = json,

        get_remaining_time_in_millis = function()
            return math.max(invocation.deadline_ms - wire.now(), 0)
        end,

        array = function(list)
            return setmetatable(list or {}, json.array)
        end,

        raw = function(data)
            return setmetatable({ data = tostring(data) }, Raw)
        end
    }
end


local function decode(invocation)
    local kind = invocation.content_type

    if kind and kind ~= "application/json" then
        return invocation.event
    end

    local ok, value = pcall(json.decode, invocation.event)

    if not ok then
        throw("Runtime.UnmarshalError", "Unable to unmarshal input: " .. value)
    end

    return value
end


local function encode(value)
    local ok, text = pcall(json.encode, value)

    if not ok then
        throw("Runtime.MarshalError", "Unable to marshal response: " .. text)
    end

    return text
end


-- Sends what an iterator returns, as it comes, until it returns nil.
local function stream(items)
    local begun = false

    for item in items do
        local kind = STREAM

        if not begun and type(item) == "table" then
            kind, item = PRELUDE, encode(item) .. ("\0"):rep(8)
        elseif type(item) ~= "string" then
            throw("Runtime.MarshalError", "Unable to stream response: "
                  .. type(item) .. " is no string")
        end

        if not begun then
            wire.begin(kind)
            begun = true
        end

        if not wire.write(item) then
            -- nobody reads any more
            break
        end
    end

    if not begun then
        wire.begin(STREAM)
    end

    wire.finish()
end


local function answer(handler, invocation, settings)
    local result = handler(decode(invocation),
                           context_of(invocation, settings))

    if type(result) == "function" then
        stream(result)
    elseif type(result) == "table" and getmetatable(result) == Raw then
        wire.respond(result.data)
    else
        wire.respond(encode(result))
    end
end


-- Answers invocations until the supervisor ends this environment.
local function serve(handler, settings)
    for invocation in wire.next do
        local ok, failed = xpcall(function()
            answer(handler, invocation, settings)
        end, error_of)

        if not ok then
            -- without a stack or memory there is no more than a text
            if type(failed) ~= "table" then
                failed = { errorType = "Error",
                           errorMessage = tostring(failed):gsub(
                               "^error in error handling$", "stack overflow"),
                           stackTrace = setmetatable({}, json.array) }
            end

            log_error(failed)

            if not wire.fail(json.encode(failed)) then
                failed.errorMessage = failed.errorMessage:sub(1, 4000)
                failed.stackTrace = setmetatable({}, json.array)
                wire.fail(json.encode(failed))
            end
        end
    end
end


-- Tells why the function was not loaded.
local function fail(failed)
    log_error(failed)

    local text = json.encode(failed)

    if #text > ERROR_MAX then
        failed.errorMessage = printable(failed.errorMessage:sub(1, 4000))
        failed.stackTrace = setmetatable({}, json.array)
        text = json.encode(failed)
    end

    wire.lib.faas_env_error(text, #text)
end


-- Does what loading and calling a function does; see the Python runtime.  In
-- the zygote so often that blanks have it as machine code.
local function warm(times)
    local text = '{"version": "2.0", "rawPath": "/", "headers": {"host": '
                 .. '"localhost", "user-agent": "curl/7.88.1"}, "body": null, '
                 .. '"requestContext": {"http": {"method": "GET"}, "timeEpoch"'
                 .. ': 1700000000000}, "list": [1, true, "\\u00e4\\n", -2.5]}'
    local invocation = { event = text, deadline_ms = 0 }

    loadfile(FOLDER .. "/faas_log.lua")

    for _ = 1, times or 2 do
        context_of(invocation, {}).get_remaining_time_in_millis()
        json.encode(decode(invocation))
        xpcall(error, error_of, "none", 0)
    end
end


local function main()
    local text = wire.init(warm)

    if not text then
        os.exit(0)
    end

    local settings = json.decode(text)
    local ok, handler = xpcall(function()
        set_up(settings)
        return load_handler(settings.taskRoot, settings.handler)
    end, error_of)

    if not ok then
        fail(handler)
        os.exit(1)
    end

    wire.lib.faas_env_ready()
    serve(handler, settings)
    os.exit(0)
end


local forks = os.getenv("FAAS_ZYGOTE")

wire.open(not forks and FOLDER .. "/../libfaas.so")
wire.lib.faas_env_version("lua (" .. jit.version .. ")")

if forks then
    warm(200)
    wire.ffi.C.unsetenv("FAAS_ZYGOTE")
    collectgarbage()
    wire.lib.faas_zygote_serve_on_next_fork()

    -- returns in blanks only
    wire.ffi.C.fork()
end

main()
