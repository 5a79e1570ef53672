# APIs and routes in configurations: mistakes and where they are.

use lib 't/lib';
use FaasConf;

FaasConf::refused();

__DATA__

=== TEST 1: an unknown setting
--- http_config
    faas_api a {
        routes x;
    }
--- at: routes x;
--- says
unknown directive "routes" in API "a"


=== TEST 2: a name that is none
--- http_config
    faas_api a/b {
        route $default return 200;
    }
--- at: faas_api a/b {
--- says
invalid API name "a/b"


=== TEST 3: two of one name
--- http_config
    faas_api a {
        route $default return 200;
    }
    faas_api a {
    }
--- at: faas_api a {
--- says
duplicate API "a", the first one is in


=== TEST 4: an unknown type
--- http_config
    faas_api a {
        type soap;
    }
--- at: type soap;
--- says
invalid value "soap" in "type", it must be "http", "rest", "url" or "alb"


=== TEST 5: a type twice
--- http_config
    faas_api a {
        type http;
        type rest;
    }
--- at: type rest;
--- says
"type" directive is duplicate


=== TEST 6: an account of letters
--- http_config
    faas_api a {
        account 12345678901x;
    }
--- at: account 12345678901x;
--- says
invalid value "12345678901x" in "account", it must be 12 digits


=== TEST 7: an unknown payload
--- http_config
    faas_api a {
        payload 3.0;
    }
--- at: payload 3.0;
--- says
invalid payload format "3.0"


=== TEST 8: a media type that is none
--- http_config
    faas_api a {
        type rest;
        binary_media_types */png;
    }
--- at: binary_media_types */png;
--- says
invalid media type "*/png"


=== TEST 9: a stage that is none
--- http_config
    faas_api a {
        stage a.b;
    }
--- at: stage a.b;
--- says
invalid stage "a.b"


=== TEST 10: a stage twice
--- http_config
    faas_api a {
        stage x;
        stage x;
    }
--- at: stage x;
--- says
"stage" directive names a stage that there is already


=== TEST 11: a stage variable that is none
--- http_config
    faas_api a {
        stage x a-b=c;
    }
--- at: stage x a-b=c;
--- says
invalid stage variable "a-b=c"


=== TEST 12: no route
--- http_config
    faas_api a {
    }
--- at: faas_api a {
--- says
no "route" in API "a"


=== TEST 13: a method in small letters
--- http_config
    faas_api a {
        route get / return 200;
    }
--- at: route get / return 200;
--- says
invalid route "get", it must be METHOD PATH TARGET


=== TEST 14: a route without target
--- http_config
    faas_api a {
        route GET /;
    }
--- at: route GET /;
--- says
invalid route "GET", it must be METHOD PATH TARGET


=== TEST 15: an unknown function
--- http_config
    faas_api a {
        route GET / nobody;
    }
--- at: route GET / nobody;
--- says
unknown function "nobody" in "faas_pass"


=== TEST 16: an alias that is none
--- http_config
    faas_api a {
        route GET / f:prod;
    }
--- at: route GET / f:prod;
--- says
function "f" has no version or alias "prod", which route "GET /" names


=== TEST 17: a fixed answer without status
--- http_config
    faas_api a {
        route GET / return ok;
    }
--- at: route GET / return ok;
--- says
"return" of route "GET /" must have a status from 200 to 599


=== TEST 18: an unknown parameter of a route
--- http_config
    faas_api a {
        route GET / return 200 x y=z;
    }
--- at: route GET / return 200 x y=z;
--- says
invalid parameter "y=z" of route "GET /"


=== TEST 19: a path without slash
--- http_config
    faas_api a {
        route GET x return 200;
    }
--- at: route GET x return 200;
--- says
invalid path in route "GET x": it must begin with "/"


=== TEST 20: an empty segment
--- http_config
    faas_api a {
        route GET /a//b return 200;
    }
--- at: route GET /a//b return 200;
--- says
it has an empty segment


=== TEST 21: something behind the rest
--- http_config
    faas_api a {
        route GET "/{a+}/b" return 200;
    }
--- at: route GET "/{a+}/b" return 200;
--- says
there is something after the "{name+}"


=== TEST 22: a parameter that is not a segment
--- http_config
    faas_api a {
        route GET "/x{a}" return 200;
    }
--- at: route GET "/x{a}" return 200;
--- says
a "{name}" is not a whole segment


=== TEST 23: the same parameter twice
--- http_config
    faas_api a {
        route GET "/{a}/{a}" return 200;
    }
--- at: route GET "/{a}/{a}" return 200;
--- says
two parameters have the same name


=== TEST 24: a bad regex
--- http_config
    faas_api a {
        route GET ~ (a return 200;
    }
--- at: route GET ~ (a return 200;
--- says
failed: missing


=== TEST 25: two default routes
--- http_config
    faas_api a {
        route $default return 200;
        route $default return 201;
    }
--- at: route $default return 201;
--- says
duplicate route "$default", the first one is in


=== TEST 26: a function URL with a path
--- http_config
    faas_api a {
        type url;
        route GET / return 200;
    }
--- at: route GET / return 200;
--- says
a function URL has no route but "$default": "GET /"


=== TEST 27: a REST API with a default route
--- http_config
    faas_api a {
        type rest;
        route $default return 200;
    }
--- at: route $default return 200;
--- says
a REST API has a "/{proxy+}" instead of the route "$default"


=== TEST 28: a REST API with a default stage
--- http_config
    faas_api a {
        type rest;
        stage $default;
        route GET / return 200;
    }
--- at: faas_api a {
--- says
a REST API has no stage "$default": API "a"


=== TEST 29: a payload of a REST API
--- http_config
    faas_api a {
        type rest;
        payload 1.0;
        route GET / return 200;
    }
--- at: faas_api a {
--- says
"payload" does not go with the type of API "a"


=== TEST 30: media types of an HTTP API
--- http_config
    faas_api a {
        binary_media_types a/b;
        route GET / return 200;
    }
--- at: faas_api a {
--- says
"binary_media_types" does not go with the type of API "a"


=== TEST 31: several values of an HTTP API
--- http_config
    faas_api a {
        multi_value on;
        route GET / return 200;
    }
--- at: faas_api a {
--- says
"multi_value" does not go with the type of API "a"


=== TEST 32: stages of a function URL
--- http_config
    faas_api a {
        type url;
        stage x;
        route $default return 200;
    }
--- at: faas_api a {
--- says
"stage" does not go with the type of API "a"


=== TEST 33: credentials for everyone
--- http_config
    faas_api a {
        cors allow_origins=* allow_credentials=on;
    }
--- at: cors allow_origins=* allow_credentials=on;
--- says
"allow_credentials=on" with the origin "*"


=== TEST 34: a cors parameter that is none
--- http_config
    faas_api a {
        cors origins=*;
    }
--- at: cors origins=*;
--- says
invalid parameter "origins=*" in "cors"


=== TEST 35: a cors age that is none
--- http_config
    faas_api a {
        cors max_age=1d;
    }
--- at: cors max_age=1d;
--- says
"max_age" that is not 0 to 86400 seconds


=== TEST 36: an unknown API
--- config
    location / {
        faas_api_pass nobody;
    }
--- at: faas_api_pass nobody;
--- says
unknown API "nobody"


=== TEST 37: two in one location
--- config
    location / {
        faas_route GET / return 200;
        faas_api_pass a;
    }
--- at: faas_api_pass a;
--- says
"faas_api_pass" directive is duplicate, or there is another


=== TEST 38: routes beside an API
--- config
    location / {
        faas_api_pass a;
        faas_route GET / return 200;
    }
--- at: faas_route GET / return 200;
--- says
"faas_route" directive is in a location with


=== TEST 39: a base path that is none
--- config
    location / {
        faas_api_pass a base_path=x/;
    }
--- at: faas_api_pass a base_path=x/;
--- says
invalid "base_path=x/"


=== TEST 40: too many parameters
--- config
    location / {
        faas_api_pass a b c;
    }
--- at: faas_api_pass a b c;
--- says
invalid parameter "c"


=== TEST 41: a route that is unreachable
--- config
    location /a/ {
        faas_route GET /b return 200;
    }
--- at: faas_route GET /b return 200;
--- says
route "GET /b" is unreachable in location "/a/"


=== TEST 42: a route that is too short
--- config
    location /a/b {
        faas_route GET /a return 200;
    }
--- at: faas_route GET /a return 200;
--- says
route "GET /a" is unreachable in location "/a/b"


=== TEST 43: a route behind an exact location
--- config
    location = /a {
        faas_route GET "/a/{x}" return 200;
    }
--- at: faas_route GET "/a/{x}" return 200;
--- says
route "GET /a/{x}" is unreachable in location "/a"


=== TEST 44: a stage that the API has not
--- http_config
    faas_api a {
        stage x;
        route $default return 200;
    }
    server {
        listen unix:$TEST_NGINX_SERVROOT/s;
        location / { faas_api_pass a y; }
    }
--- at: location / { faas_api_pass a y; }
--- says
API "a" has no stage "y"


=== TEST 44b: an empty stage
--- http_config
    faas_api a {
        stage x;
        route $default return 200;
    }
    server {
        listen unix:$TEST_NGINX_SERVROOT/s;
        location / { faas_api_pass a ""; }
    }
--- at: location / { faas_api_pass a ""; }
--- says
invalid parameter ""


=== TEST 45: two routes for the same requests
--- http_config
    faas_api a {
        route GET "/a/{x}" return 200;
        route GET "/a/{x}/b" return 200;
        route GET "/a/{y}" return 200;
    }
--- at: route GET "/a/{y}" return 200;
--- says
duplicate route "GET /a/{y}", the first one, "GET /a/{x}", is in


=== TEST 46: two routes of a location for the same requests
--- config
    location /a/ {
        faas_route ANY /a/%41 return 200;
        faas_route ANY /a/A return 200;
    }
--- at: faas_route ANY /a/A return 200;
--- says
duplicate route "ANY /a/A", the first one, "ANY /a/%41", is in


=== TEST 47: a rate that is none
--- http_config
    faas_api a {
        throttle rate=fast;
    }
--- at: throttle rate=fast;
--- says
invalid "rate=fast", it must be a number from 0 to 1000000


=== TEST 48: a throttle of nothing
--- http_config
    faas_api a {
        throttle per=1;
    }
--- at: throttle per=1;
--- says
invalid parameter "per=1" in "throttle"


=== TEST 49: a throttle twice
--- http_config
    faas_api a {
        throttle rate=1;
        throttle rate=1;
    }
--- at: throttle rate=1;
--- says
"throttle" directive is duplicate


=== TEST 50: a throttle of a stage that is not there
--- http_config
    faas_api a {
        stage_throttle x rate=1;
    }
--- at: stage_throttle x rate=1;
--- says
must come after the "stage" that it names


=== TEST 51: a throttle of a load balancer
--- http_config
    faas_api a {
        type alb;
        route $default return 200 rate=1;
    }
--- at: route $default return 200 rate=1;
--- says
a load balancer does not throttle route "$default"


=== TEST 52: a route that streams perhaps
--- http_config
    faas_api a {
        route GET /a f streaming=maybe;
    }
--- at: route GET /a f streaming=maybe;
--- says
invalid parameter "streaming=maybe" of route "GET /a"


=== TEST 53: a fixed answer that streams
--- http_config
    faas_api a {
        route GET /a return 200 streaming=on;
    }
--- at: route GET /a return 200 streaming=on;
--- says
invalid parameter "streaming=on" of route "GET /a"


=== TEST 54: a load balancer that streams
--- http_config
    faas_api a {
        type alb;
        route $default f streaming=on;
    }
--- at: route $default f streaming=on;
--- says
a load balancer does not stream route "$default"
