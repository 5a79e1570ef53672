local beside = require "beside"

return function(event)
    return { beside, event }
end
