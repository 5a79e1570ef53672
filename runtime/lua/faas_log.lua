-- The function's standard output and error: what is printed becomes log text
-- of the current invocation.
--
-- Loaded by bootstrap.lua, in zygotes and environments.

local _M = {}


-- print, io.write, and what the two files do.
function _M.redirect(wire)
    local tostring, type, select = tostring, type, select
    local concat, format = table.concat, string.format
    local stdout, stderr = io.stdout, io.stderr
    local methods = getmetatable(stdout).__index
    local write, flush, output = methods.write, methods.flush, io.output

    local function ours(file)
        return file == stdout or file == stderr
    end

    local function put(file, ...)
        local parts = { ... }

        for i = 1, select("#", ...) do
            local kind = type(parts[i])

            if kind == "number" then
                parts[i] = format("%.14g", parts[i])
            elseif kind ~= "string" then
                error(format("bad argument #%d to 'write' (string expected, "
                             .. "got %s)", i, kind), 3)
            end
        end

        wire.log(concat(parts))

        return file
    end

    function _G.print(...)
        local parts = { ... }

        for i = 1, select("#", ...) do
            parts[i] = tostring(parts[i])
        end

        wire.log(concat(parts, "\t") .. "\n")
    end

    function methods.write(file, ...)
        return (ours(file) and put or write)(file, ...)
    end

    function methods.flush(file)
        if ours(file) then
            wire.flush()
            return true
        end

        return flush(file)
    end

    function io.write(...)
        return methods.write(output(), ...)
    end

    function io.flush()
        return methods.flush(output())
    end

    local exit, popen = os.exit, io.popen

    -- true and false are statuses, too
    function os.exit(status, ...)
        wire.flush()
        exit(status, ...)
    end

    function io.popen(...)
        flush(stdout)
        return popen(...)
    end
end


return _M
