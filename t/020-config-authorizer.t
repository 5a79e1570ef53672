# Authorizers of APIs in configurations: mistakes and where they are.

use lib 't/lib';
use FaasConf;

# the public key of RFC 8037, appendix A.2
our $KEYS = <<'EOT';
>>> keys.json
{"keys":[{"kty":"OKP","crv":"Ed25519",
"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}
EOT

FaasConf::refused();

__DATA__

=== TEST 1: a name that is none
--- http_config
    faas_api a {
        authorizer a.b jwt;
    }
--- at: authorizer a.b jwt;
--- says
invalid authorizer name "a.b", it must be 1 to


=== TEST 2: the name that opens a route
--- http_config
    faas_api a {
        authorizer none jwt;
    }
--- at: authorizer none jwt;
--- says
invalid authorizer name "none"


=== TEST 3: a type that there is not
--- http_config
    faas_api a {
        authorizer u lambda;
    }
--- at: authorizer u lambda;
--- says
invalid type "lambda" of authorizer "u", it must be "jwt", "iam", "token" or "request"


=== TEST 4: no issuer
--- http_config
    faas_api a {
        authorizer u jwt audience=a jwks=keys.json;
    }
--- at: authorizer u jwt audience=a jwks=keys.json;
--- says
authorizer "u" has no "issuer="


=== TEST 5: no audience
--- http_config
    faas_api a {
        authorizer u jwt issuer=i jwks=keys.json;
    }
--- at: authorizer u jwt issuer=i jwks=keys.json;
--- says
authorizer "u" has no "audience="


=== TEST 6: an empty audience
--- http_config
    faas_api a {
        authorizer u jwt issuer=i audience=a,,b jwks=keys.json;
    }
--- at: authorizer u jwt issuer=i audience=a,,b jwks=keys.json;
--- says
invalid parameter "audience=a,,b" of authorizer "u"


=== TEST 7: no keys
--- http_config
    faas_api a {
        authorizer u jwt issuer=i audience=a;
    }
--- at: authorizer u jwt issuer=i audience=a;
--- says
authorizer "u" has no "jwks="


=== TEST 8: keys at an address
--- http_config
    faas_api a {
        authorizer u jwt issuer=i audience=a jwks=https://i.example/jwks;
    }
--- at: authorizer u jwt issuer=i audience=a jwks=https://i.example/jwks;
--- says
"jwks=https://i.example/jwks" of authorizer "u" is an address, it must be a file


=== TEST 9: keys that are not there
--- http_config
    faas_api a {
        authorizer u jwt issuer=i audience=a jwks=missing.json;
    }
--- at: authorizer u jwt issuer=i audience=a jwks=missing.json;
--- says
/conf/missing.json": the file cannot be opened (2: No such file or directory)


=== TEST 10: keys that are a folder
--- http_config
    faas_api a {
        authorizer u jwt issuer=i audience=a jwks=.;
    }
--- at: authorizer u jwt issuer=i audience=a jwks=.;
--- says
/conf/.": it is not a file


=== TEST 11: a file without keys
--- http_config
    faas_api a {
        authorizer u jwt issuer=i audience=a jwks=nginx.conf;
    }
--- at: authorizer u jwt issuer=i audience=a jwks=nginx.conf;
--- says
/conf/nginx.conf": the key set is no JSON object with an array of keys


=== TEST 12: keys that are of no use
--- user_files
>>> keys.json
{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}
--- http_config
    faas_api a {
        authorizer u jwt issuer=i audience=a jwks=../html/keys.json;
    }
--- at: authorizer u jwt issuer=i audience=a jwks=../html/keys.json;
--- says
/html/keys.json": there is no key of use in it


=== TEST 13: a skew that is too large
--- http_config
    faas_api a {
        authorizer u jwt skew=601s;
    }
--- at: authorizer u jwt skew=601s;
--- says
invalid "skew=601s" of authorizer "u", it must be 0s to 600s


=== TEST 14: a skew that is none
--- http_config
    faas_api a {
        authorizer u jwt skew=x;
    }
--- at: authorizer u jwt skew=x;
--- says
invalid "skew=x" of authorizer "u"


=== TEST 15: an identity that is none
--- http_config
    faas_api a {
        authorizer u jwt identity=$context.identity.sourceIp;
    }
--- at: authorizer u jwt identity=$context.identity.sourceIp;
--- says
invalid "identity=$context.identity.sourceIp" of authorizer "u"


=== TEST 16: an identity without a name
--- http_config
    faas_api a {
        authorizer u jwt identity=$request.header.;
    }
--- at: authorizer u jwt identity=$request.header.;
--- says
invalid "identity=$request.header." of authorizer "u"


=== TEST 17: an unknown parameter
--- http_config
    faas_api a {
        authorizer u jwt issuers=i;
    }
--- at: authorizer u jwt issuers=i;
--- says
invalid parameter "issuers=i" of authorizer "u"


=== TEST 18: a parameter twice
--- http_config
    faas_api a {
        authorizer u jwt issuer=i issuer=k;
    }
--- at: authorizer u jwt issuer=i issuer=k;
--- says
invalid parameter "issuer=k" of authorizer "u"


=== TEST 19: two of one name
--- user_files eval: $::KEYS
--- http_config
    faas_api a {
        authorizer u jwt issuer=i audience=a jwks=../html/keys.json;
        authorizer u jwt issuer=k audience=a jwks=../html/keys.json;
    }
--- at: authorizer u jwt issuer=k audience=a jwks=../html/keys.json;
--- says
duplicate authorizer "u", the first one is in


=== TEST 20: an authorizer that there is not
--- http_config
    faas_api a {
        route GET / return 200 authorizer=u;
    }
--- at: route GET / return 200 authorizer=u;
--- says
unknown authorizer "u" of route "GET /"


=== TEST 21: a default that there is not
--- http_config
    faas_api a {
        authorizer_default u;
        route GET / return 200;
    }
--- at: authorizer_default u;
--- says
unknown authorizer in "authorizer_default": "u"


=== TEST 22: two defaults
--- http_config
    faas_api a {
        authorizer_default u;
        authorizer_default v;
    }
--- at: authorizer_default v;
--- says
"authorizer_default" directive is duplicate


=== TEST 22b: a default that is empty
--- http_config
    faas_api a {
        authorizer_default "";
        route GET / return 200;
    }
--- at: authorizer_default "";
--- says
"authorizer_default" directive names no authorizer


=== TEST 23: scopes without an authorizer
--- http_config
    faas_api a {
        route GET / return 200 '' scopes=a;
    }
--- at: route GET / return 200 '' scopes=a;
--- says
"scopes" without a JWT authorizer in route "GET /"


=== TEST 24: scopes of an open route
--- user_files eval: $::KEYS
--- http_config
    faas_api a {
        authorizer u jwt issuer=i audience=a jwks=../html/keys.json;
        authorizer_default u;
        route GET ~ ^/x return 200 authorizer=none scopes=a;
    }
--- at: route GET ~ ^/x return 200 authorizer=none scopes=a;
--- says
"scopes" without a JWT authorizer in route "GET ^/x"


=== TEST 25: a scope that no token can have
--- http_config
    faas_api a {
        route $default return 200 'scopes=a b';
    }
--- at: route $default return 200 'scopes=a b';
--- says
invalid parameter "scopes=a b" of route "$default"


=== TEST 26: an API of another type
--- user_files eval: $::KEYS
--- http_config
    faas_api a {
        authorizer u jwt issuer=i audience=a jwks=../html/keys.json;
        route GET / return 200;
        type rest;
    }
--- at: authorizer u jwt issuer=i audience=a jwks=../html/keys.json;
--- says
JWT authorizers go with HTTP APIs only, others have Lambda or IAM authorizers: "authorizer" "u"


=== TEST 27: a route of a location
--- config
    location / {
        faas_route GET / return 200 authorizer=u;
    }
--- at: faas_route GET / return 200 authorizer=u;
--- says
unknown authorizer "u" of route "GET /"


=== TEST 28: a Lambda authorizer without function
--- http_config
    faas_api a {
        authorizer u request identity=$request.header.A;
    }
--- at: authorizer u request identity=$request.header.A;
--- says
authorizer "u" has no "function="


=== TEST 29: a function that can have no such name
--- http_config
    faas_api a {
        authorizer u request function=a.b;
    }
--- at: authorizer u request function=a.b;
--- says
invalid function name "a.b" in "authorizer"


=== TEST 30: an identity source that there is not
--- http_config
    faas_api a {
        authorizer u request function=f identity=$request.body;
    }
--- at: authorizer u request function=f identity=$request.body;
--- says
invalid "$request.body" in "identity=$request.body" of authorizer "u"


=== TEST 31: an unknown member of the context
--- http_config
    faas_api a {
        authorizer u request function=f identity=$request.header.A,$context.foo;
    }
--- at: authorizer u request function=f identity=$request.header.A,$context.foo;
--- says
invalid "$context.foo" in "identity=$request.header.A,$context.foo" of authorizer "u"


=== TEST 32: an empty identity source
--- http_config
    faas_api a {
        authorizer u request function=f identity=$request.header.A,;
    }
--- at: authorizer u request function=f identity=$request.header.A,;
--- says
invalid "" in "identity=$request.header.A,"


=== TEST 33: a ttl without identity
--- http_config
    faas_api a {
        authorizer u request function=f ttl=10s;
    }
--- at: authorizer u request function=f ttl=10s;
--- says
authorizer "u" has a "ttl=" without "identity="


=== TEST 34: a ttl that is too long
--- http_config
    faas_api a {
        authorizer u request function=f identity=$request.header.A ttl=2h;
    }
--- at: authorizer u request function=f identity=$request.header.A ttl=2h;
--- says
invalid "ttl=2h" of authorizer "u", it must be 0s to 3600s


=== TEST 35: a payload that there is not
--- http_config
    faas_api a {
        authorizer u request function=f payload=3.0;
    }
--- at: authorizer u request function=f payload=3.0;
--- says
invalid parameter "payload=3.0" of authorizer "u"


=== TEST 36: validate= with request
--- http_config
    faas_api a {
        authorizer u request function=f validate=a;
    }
--- at: authorizer u request function=f validate=a;
--- says
invalid parameter "validate=a" of authorizer "u"


=== TEST 37: simple answers with payload 1.0
--- http_config
    faas_api a {
        authorizer u request function=f payload=1.0 simple=on;
        route GET / return 200;
    }
--- at: authorizer u request function=f payload=1.0 simple=on;
--- says
"simple=on" needs "payload=2.0", authorizer "u"


=== TEST 38: a token authorizer of an HTTP API
--- http_config
    faas_api a {
        authorizer u token function=f;
        route GET / return 200;
    }
--- at: authorizer u token function=f;
--- says
authorizers of type "token" go with REST APIs only: "u"


=== TEST 39: simple answers of a REST API
--- http_config
    faas_api a {
        authorizer u request function=f simple=on;
        type rest;
        route GET / return 200;
    }
--- at: authorizer u request function=f simple=on;
--- says
"payload=" and "simple=" go with HTTP APIs only, authorizer "u"


=== TEST 40: a Lambda authorizer of a function URL
--- http_config
    faas_api a {
        authorizer u request function=f;
        type url;
        route $default f;
    }
--- at: authorizer u request function=f;
--- says
function URLs have no other authorizers than "iam": "u"


=== TEST 41: a token from an argument
--- http_config
    faas_api a {
        authorizer u token function=f identity=$request.querystring.a;
    }
--- at: authorizer u token function=f identity=$request.querystring.a;
--- says
invalid "$request.querystring.a" in "identity=$request.querystring.a" of authorizer "u"


=== TEST 42: two tokens
--- http_config
    faas_api a {
        authorizer u token function=f identity=$request.header.a,$request.header.b;
    }
--- at: authorizer u token function=f identity=$request.header.a,$request.header.b;
--- says
invalid "$request.header.b" in


=== TEST 43: a pattern that is none
--- http_config
    faas_api a {
        authorizer u token function=f validate=a(;
    }
--- at: authorizer u token function=f validate=a(;
--- says
invalid "validate=a(" of authorizer "u"


=== TEST 44: a function that there is not
--- http_config
    faas_api a {
        authorizer u request function=nowhere;
        route GET / return 200 authorizer=u;
    }
--- at: authorizer u request function=nowhere;
--- says
unknown function "nowhere"


=== TEST 45: a FastCGI application as an authorizer
--- user_files
>>> f/x
x
--- http_config
    faas_function f { runtime fastcgi; command /bin/true; code ../html/f; }
    faas_api a {
        authorizer u request function=f;
        route GET / return 200 authorizer=u;
    }
--- at: authorizer u request function=f;
--- says
a FastCGI application cannot be asked by authorizer "u"


=== TEST 46: too little room for answers
--- http_config
    faas_authorizer_cache 1k;
--- at: faas_authorizer_cache 1k;
--- says
invalid size "1k" in "faas_authorizer_cache", it must be 32k or more


=== TEST 47: room for answers, twice
--- http_config
    faas_authorizer_cache 1m;
    faas_authorizer_cache 1m;
--- at: faas_authorizer_cache 1m;
--- says
"faas_authorizer_cache" directive is duplicate


=== TEST 48: keys at an address
--- http_config
    faas_api a {
        authorizer u jwt issuer=i audience=a jwks_uri=https://i/jwks;
    }
--- at: authorizer u jwt issuer=i audience=a jwks_uri=https://i/jwks;
--- says
invalid "jwks_uri=https://i/jwks" of authorizer "u", it must be the path of a location


=== TEST 49: keys from a file and from a location
--- http_config
    faas_api a {
        authorizer u jwt issuer=i audience=a jwks=k jwks_uri=/k;
    }
--- at: authorizer u jwt issuer=i audience=a jwks=k jwks_uri=/k;
--- says
authorizer "u" has "jwks=" and "jwks_uri="


=== TEST 50: a file that is read again after a time
--- http_config
    faas_api a {
        authorizer u jwt issuer=i audience=a jwks=k jwks_ttl=1h;
    }
--- at: authorizer u jwt issuer=i audience=a jwks=k jwks_ttl=1h;
--- says
authorizer "u" has "jwks=" and "jwks_ttl="


=== TEST 51: keys that are good for no time
--- http_config
    faas_api a {
        authorizer u jwt issuer=i audience=a jwks_uri=/k jwks_ttl=0s;
    }
--- at: authorizer u jwt issuer=i audience=a jwks_uri=/k jwks_ttl=0s;
--- says
invalid parameter "jwks_ttl=0s" of authorizer "u"
