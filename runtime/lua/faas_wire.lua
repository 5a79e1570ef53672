-- The environment's side of the wire: libfaas.so through LuaJIT's ffi.
--
-- Loaded by bootstrap.lua, in zygotes and environments.

local ffi = require "ffi"

ffi.cdef [[
typedef struct {
    const char           *event;
    size_t                event_len;
    const char           *request_id;
    size_t                request_id_len;
    const char           *arn;
    size_t                arn_len;
    const char           *trace_id;
    size_t                trace_id_len;
    const char           *client_context;
    size_t                client_context_len;
    const char           *identity;
    size_t                identity_len;
    const char           *content_type;
    size_t                content_type_len;
    int64_t               deadline_ms;
    int                   streaming;
} faas_invocation_t;

void faas_env_version(const char *text);
void faas_env_tell_next(void);
int faas_env_init(char **json, size_t *len);
int faas_env_ready(void);
int faas_env_error(const void *json, size_t len);
int faas_next(faas_invocation_t *inv);
int faas_respond(const void *data, size_t len);
int faas_stream_begin(const char *type);
int faas_stream_write(const void *data, size_t len);
int faas_stream_end(void);
int faas_stream_fail(const void *json, size_t len);
void faas_log(const void *text, size_t len);
void faas_log_flush(void);
void faas_trace_variable(const faas_invocation_t *inv);
void faas_zygote_serve_on_next_fork(void);

int fork(void);
int clearenv(void);
int setenv(const char *name, const char *value, int overwrite);
int unsetenv(const char *name);
void tzset(void);
int chdir(const char *path);
char *strerror(int errnum);
void _exit(int status);

typedef struct { long sec, nsec; } faas_time_t;
int clock_gettime(int clock, faas_time_t *time);
]]

local OK, NEXT, EPIPE = 0, 2, 32

local _M = { ffi = ffi }


-- Preloaded in zygotes, else the library at PATH.
function _M.open(path)
    _M.lib = path and ffi.load(path) or ffi.C
end


-- The function's description, JSON, or nil; calls WARM when this blank is the
-- next to be taken.
function _M.init(warm)
    local json, len, rc = ffi.new("char *[1]"), ffi.new("size_t[1]"), nil

    _M.lib.faas_env_tell_next()

    repeat
        rc = _M.lib.faas_env_init(json, len)

        if rc == NEXT then
            warm()
        end
    until rc ~= NEXT

    return rc == OK and ffi.string(json[0], len[0]) or nil
end


local inv = ffi.new("faas_invocation_t")
local traced = false


local function text(pointer, len)
    return len > 0 and ffi.string(pointer, len) or nil
end


-- The next invocation, or nil when there will be none.
function _M.next()
    if _M.lib.faas_next(inv) ~= OK then
        return nil
    end

    if inv.trace_id_len > 0 or traced then
        _M.lib.faas_trace_variable(inv)
        traced = inv.trace_id_len > 0
    end

    return {
        event = ffi.string(inv.event, inv.event_len),
        request_id = text(inv.request_id, inv.request_id_len),
        arn = text(inv.arn, inv.arn_len),
        client_context = text(inv.client_context, inv.client_context_len),
        identity = text(inv.identity, inv.identity_len),
        content_type = text(inv.content_type, inv.content_type_len),
        deadline_ms = tonumber(inv.deadline_ms)
    }
end


function _M.respond(data)
    _M.lib.faas_respond(data, #data)
end


-- False when there is more than the end of a stream may have.
function _M.fail(json)
    return _M.lib.faas_stream_fail(json, #json) == OK
end


function _M.begin(kind)
    _M.lib.faas_stream_begin(kind)
end


-- False when nobody reads any more.
function _M.write(data)
    return _M.lib.faas_stream_write(data, #data) == OK
           or ffi.errno() ~= EPIPE
end


function _M.finish()
    _M.lib.faas_stream_end()
end


function _M.log(data)
    _M.lib.faas_log(data, #data)
end


function _M.flush()
    _M.lib.faas_log_flush()
end


local now = ffi.new("faas_time_t")


-- Milliseconds of the epoch.
function _M.now()
    ffi.C.clock_gettime(0, now)

    return tonumber(now.sec) * 1000 + math.floor(tonumber(now.nsec) / 1000000)
end


-- Replaces the process's variables.
function _M.environment(variables)
    ffi.C.clearenv()

    for name, value in pairs(variables) do
        ffi.C.setenv(name, value, 1)
    end

    ffi.C.tzset()
end


-- Nil, or why not.
function _M.chdir(path)
    if ffi.C.chdir(path) ~= 0 then
        return ffi.string(ffi.C.strerror(ffi.errno()))
    end
end


return _M
