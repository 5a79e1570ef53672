-- resty.faas: functions of ngx_faas from Lua on lua-nginx-module.
--
-- Calls go through a subrequest to an internal location with faas_lambda_api,
-- so that they wait without blocking the worker and have all that the gateway
-- does; counters are read from shared memory by LuaJIT's foreign-function
-- interface.  See README.md in lua/.

local ffi = require "ffi"

local ngx = ngx
local type = type
local tostring = tostring
local error = error
local pcall = pcall
local setmetatable = setmetatable
local decode_base64 = ngx.decode_base64
local escape_uri = ngx.escape_uri

local VERSION = 1                       -- of the interface to the module

ffi.cdef[[
typedef struct {
    uint64_t  invocations;
    uint64_t  successes;
    uint64_t  errors;
    uint64_t  timeouts;
    uint64_t  crashes;
    uint64_t  throttles;
    uint64_t  cold_starts;
    uint64_t  duration_us;
    uint64_t  billed_ms;
    uint64_t  in_flight;
    uint64_t  queued;
} ngx_http_faas_ffi_counters_t;

uint32_t ngx_http_faas_ffi_version(void);
int ngx_http_faas_ffi_counters(const char *name, size_t len,
    ngx_http_faas_ffi_counters_t *out);
]]

local C = ffi.C

do
    local ok, version = pcall(function()
        return C.ngx_http_faas_ffi_version()
    end)

    if not ok then
        error("resty.faas: ngx_http_faas_module is not loaded", 2)
    end

    if version ~= VERSION then
        error("resty.faas: the module has interface version "
              .. tostring(version) .. ", this library is for version "
              .. VERSION, 2)
    end
end

local _M = { _VERSION = "0.1.0" }

local COUNTERS = {
    "invocations", "successes", "errors", "timeouts", "crashes", "throttles",
    "cold_starts", "duration_us", "billed_ms", "in_flight", "queued",
}

-- where the internal location is; faas.location = "/other" changes it
_M.location = "/_faas"


-- What the module says in a header, whatever case it is in.

local function header(res, name)
    local value = res.header[name]

    if type(value) == "table" then
        return value[1]
    end

    return value
end


local function arguments(opts)
    local args = {}

    if opts.log_tail then
        args[#args + 1] = "x-amz-log-type=Tail"
    end

    if opts.dry_run then
        args[#args + 1] = "x-amz-invocation-type=DryRun"
    end

    if opts.qualifier then
        args[#args + 1] = "Qualifier=" .. escape_uri(opts.qualifier)
    end

    if opts.client_context then
        args[#args + 1] = "x-amz-client-context="
            .. escape_uri(ngx.encode_base64(opts.client_context))
    end

    return table.concat(args, "&")
end


-- payload, err, info = faas.invoke(name, payload, opts)

function _M.invoke(name, payload, opts)
    if type(name) ~= "string" or name == "" then
        return nil, "name must be a string"
    end

    -- what is no name may be no path either, which raises an error
    if name:find("[^%w%-_.:$]") or name:find("^%.+$") then
        return nil, "ValidationException"
    end

    if payload ~= nil and type(payload) ~= "string" then
        return nil, "payload must be a string of JSON"
    end

    opts = opts or {}

    local res = ngx.location.capture(
        (opts.location or _M.location) .. "/2015-03-31/functions/"
            .. escape_uri(name) .. "/invocations",
        { method = ngx.HTTP_POST, body = payload or "",
          args = arguments(opts) })

    local info = {
        status = res.status,
        request_id = header(res, "x-amzn-RequestId"),
        version = header(res, "X-Amz-Executed-Version"),
        error_type = header(res, "x-amzn-ErrorType"),
    }

    local log = header(res, "X-Amz-Log-Result")

    if log then
        info.log_tail = decode_base64(log)
    end

    if res.truncated then
        return nil, "the answer was cut off", info
    end

    if res.status >= 300 then
        info.body = res.body
        return nil, info.error_type or ("status " .. res.status), info
    end

    local failed = header(res, "X-Amz-Function-Error")

    if failed then
        return res.body, failed, info
    end

    return res.body, nil, info
end


-- counters, err = faas.counters(name)

local out = ffi.new("ngx_http_faas_ffi_counters_t")

function _M.counters(name)
    if type(name) ~= "string" then
        return nil, "name must be a string"
    end

    local rc = C.ngx_http_faas_ffi_counters(name, #name, out)

    if rc == -1 then
        return nil, "no such function"
    end

    if rc ~= 0 then
        return nil, "no shared memory"
    end

    local t = {}

    for i = 1, #COUNTERS do
        t[COUNTERS[i]] = tonumber(out[COUNTERS[i]])
    end

    return t
end


return setmetatable(_M, { __newindex = function(t, k, v)
    if k ~= "location" then
        error("resty.faas has no setting \"" .. tostring(k) .. "\"", 2)
    end

    rawset(t, k, v)
end })
