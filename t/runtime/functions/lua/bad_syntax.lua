return function(event
