-- JSON for LuaJIT.  Events come back as they were: arrays are told from
-- objects when they are empty, null from nothing, and numbers keep all their
-- digits, none of which Debian's lua-cjson does.
--
-- Loaded by bootstrap.lua, in zygotes and environments.

local ffi = require "ffi"

local byte, char, find, format = string.byte, string.char, string.find,
                                 string.format
local gsub, sub = string.gsub, string.sub
local concat = table.concat
local floor, huge = math.floor, math.huge

local MAX_DEPTH = 500

local _M = {}

-- == nil, but a value of a table
_M.null = ffi.new("void *")

-- tables with it are arrays, empty ones too
_M.array = {}

local null, array = _M.null, _M.array


-- errors carry no position in this file
local function fail(what, pos)
    error(pos and format("%s at character %d", what, pos + 1) or what, 0)
end


-- Position of what is no UTF-8, or nil.
local function invalid(p, len)
    local i = 0

    while i < len do
        local c = p[i]

        if c < 0x80 then
            i = i + 1

        else
            local n, least

            if c >= 0xc2 and c < 0xe0 then
                n, least = 1, 0x80
            elseif c >= 0xe0 and c < 0xf0 then
                n, least = 2, c == 0xe0 and 0xa0 or 0x80
            elseif c >= 0xf0 and c < 0xf5 then
                n, least = 3, c == 0xf0 and 0x90 or 0x80
            else
                return i
            end

            if i + n >= len or p[i + 1] < least
                or (c == 0xed and p[i + 1] > 0x9f)
                or (c == 0xf4 and p[i + 1] > 0x8f)
            then
                return i
            end

            for k = 1, n do
                if p[i + k] < 0x80 or p[i + k] > 0xbf then
                    return i
                end
            end

            i = i + n + 1
        end
    end
end


-- decoding: "p" has the text and a zero byte; functions return a value and
-- the position after it

local function utf8(code)
    if code < 0x80 then
        return char(code)
    end

    if code < 0x800 then
        return char(0xc0 + floor(code / 64), 0x80 + code % 64)
    end

    if code < 0x10000 then
        return char(0xe0 + floor(code / 4096), 0x80 + floor(code / 64) % 64,
                    0x80 + code % 64)
    end

    return char(0xf0 + floor(code / 262144), 0x80 + floor(code / 4096) % 64,
                0x80 + floor(code / 64) % 64, 0x80 + code % 64)
end


local escapes = {
    ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n",
    r = "\r", t = "\t"
}


local function pair(high, low)
    high, low = tonumber(high, 16), tonumber(low, 16)

    return utf8(0x10000 + (high - 0xd800) * 1024 + low - 0xdc00)
end


-- a lone surrogate has no UTF-8
local function unit(hex)
    local code = tonumber(hex, 16)

    return (code >= 0xd800 and code < 0xe000) and "\239\191\189" or utf8(code)
end


-- A backslash that stands for itself is out of the way meanwhile.
local function unescape(text)
    text = gsub(text, "\\\\", "\\\1")
    text = gsub(text, "\\u([dD][89abAB]%x%x)\\u([dD][c-fC-F]%x%x)", pair)
    text = gsub(text, "\\u(%x%x%x%x)", unit)

    return (gsub(text, "\\([^u])", function(c)
        return c == "\1" and "\\" or escapes[c]
    end))
end


local function check_escapes(text, pos)
    for c, hex in string.gmatch(gsub(text, "\\\\", ""), "\\(.)(.?.?.?.?)") do
        if not (escapes[c] or (c == "u" and find(hex, "^%x%x%x%x"))) then
            fail("invalid escape in a string", pos)
        end
    end
end


local function decode_string(s, p, i)
    local from, escaped = i + 1, false

    i = from

    while true do
        local c = p[i]

        if c == 34 then
            break
        elseif c == 92 then
            escaped = true
            i = i + 2

            if i > #s then
                fail("unfinished string", #s)
            end
        elseif c < 32 then
            fail(i >= #s and "unfinished string" or "control character", i)
        else
            i = i + 1
        end
    end

    local text = sub(s, from + 1, i)

    if escaped then
        check_escapes(text, from)
        text = unescape(text)
    end

    return text, i + 1
end


local function space(p, i)
    local c = p[i]

    while c == 32 or c == 10 or c == 13 or c == 9 do
        i = i + 1
        c = p[i]
    end

    return i
end


local function decode_number(s, i)
    local _, last = find(s, "^-?%d+%.?%d*[eE]?[+-]?%d*", i + 1)
    local text = last and sub(s, i + 1, last)
    local value = text and tonumber(text)

    if not value or find(text, "^-?0%d") or find(text, "%.[eE]")
        or find(text, "%.$")
    then
        fail("invalid value", i)
    end

    return value, last
end


local literals = {
    [116] = { "true", true }, [102] = { "false", false },
    [110] = { "null", null }
}

local decode_value


local function decode_array(s, p, i, depth)
    local list, n = setmetatable({}, array), 0

    i = space(p, i + 1)

    if p[i] == 93 then
        return list, i + 1
    end

    while true do
        n = n + 1
        list[n], i = decode_value(s, p, i, depth)
        i = space(p, i)

        if p[i] == 93 then
            return list, i + 1
        elseif p[i] ~= 44 then
            fail("expected a comma or the end of an array", i)
        end

        i = i + 1
    end
end


local function decode_object(s, p, i, depth)
    local map, name = {}, nil

    i = space(p, i + 1)

    if p[i] == 125 then
        return map, i + 1
    end

    while true do
        i = space(p, i)

        if p[i] ~= 34 then
            fail("expected a name", i)
        end

        name, i = decode_string(s, p, i)
        i = space(p, i)

        if p[i] ~= 58 then
            fail("expected a colon", i)
        end

        map[name], i = decode_value(s, p, i + 1, depth)
        i = space(p, i)

        if p[i] == 125 then
            return map, i + 1
        elseif p[i] ~= 44 then
            fail("expected a comma or the end of an object", i)
        end

        i = i + 1
    end
end


function decode_value(s, p, i, depth)
    i = space(p, i)

    local c = p[i]

    if c == 34 then
        return decode_string(s, p, i)
    end

    if c == 123 or c == 91 then
        if depth >= MAX_DEPTH then
            fail("nested too deeply", i)
        end

        return (c == 123 and decode_object or decode_array)(s, p, i, depth + 1)
    end

    local literal = literals[c]

    if literal and sub(s, i + 1, i + #literal[1]) == literal[1] then
        return literal[2], i + #literal[1]
    end

    return decode_number(s, i)
end


function _M.decode(s)
    local p = ffi.cast("const uint8_t *", s)
    local bad = invalid(p, #s)

    if bad then
        fail("not UTF-8", bad)
    end

    local value, i = decode_value(s, p, 0, 0)

    i = space(p, i)

    if i ~= #s then
        fail("more text", i)
    end

    return value
end


-- encoding, to the list "out", whose new length is returned

local controls = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n",
                   ["\r"] = "\\r", ["\t"] = "\\t" }


local function escape(c)
    return controls[c] or format("\\u%04x", byte(c))
end


local function quote(text)
    local bad = find(text, "[\128-\255]")
                and invalid(ffi.cast("const uint8_t *", text), #text)

    if bad then
        fail("a string that is not UTF-8")
    end

    if find(text, '[%c"\\]') then
        text = gsub(text, '[%z\1-\31"\\\127]', escape)
    end

    return '"' .. text .. '"'
end


local function number(value)
    if value ~= value or value == huge or value == -huge then
        fail("a number that JSON does not have")
    end

    if value == floor(value) and value > -1e15 and value < 1e15 then
        return format("%d", value)
    end

    local text = format("%.14g", value)

    return tonumber(text) == value and text or format("%.17g", value)
end


-- The length of an array; nil: an object.
local function length(value)
    local n = #value

    if getmetatable(value) == array then
        return n
    end

    if n == 0 then
        return nil
    end

    local count = 0

    for _ in pairs(value) do
        count = count + 1
    end

    return count == n and n or nil
end


local encode_value


local function encode_table(value, out, n, depth)
    if depth >= MAX_DEPTH then
        fail("nested too deeply, or in a circle")
    end

    local size = length(value)

    if size then
        out[n + 1] = "["
        n = n + 1

        for i = 1, size do
            out[n + 1] = i > 1 and "," or ""
            n = encode_value(value[i], out, n + 1, depth + 1)
        end

        out[n + 1] = "]"
        return n + 1
    end

    local comma = "{"

    for name, item in pairs(value) do
        if type(name) == "number" then
            name = number(name)
        elseif type(name) ~= "string" then
            fail("a name of type " .. type(name))
        end

        out[n + 1] = comma
        out[n + 2] = quote(name)
        out[n + 3] = ":"
        n = encode_value(item, out, n + 3, depth + 1)
        comma = ","
    end

    out[n + 1] = comma == "{" and "{}" or "}"
    return n + 1
end


-- what other libraries have for null is a pointer to nothing, too
local function other(value)
    if value == null then
        return "null"
    end

    if type(value) == "cdata" and tonumber(value) then
        return (gsub(tostring(value), "[UL]+$", ""))
    end

    if type(value) == "userdata"
        and (tostring(value) == "userdata: (nil)"
             or tostring(value) == "userdata: NULL")
    then
        return "null"
    end

    fail("a value of type " .. type(value))
end


function encode_value(value, out, n, depth)
    local kind = type(value)

    if kind == "table" then
        return encode_table(value, out, n, depth)
    end

    out[n + 1] = kind == "string" and quote(value)
                 or kind == "number" and number(value)
                 or kind == "boolean" and tostring(value)
                 or kind == "nil" and "null"
                 or other(value)

    return n + 1
end


function _M.encode(value)
    local out = {}

    encode_value(value, out, 0, 0)

    return concat(out)
end


return _M
