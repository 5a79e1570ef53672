# The sandbox in configurations: mistakes and where they are.

use lib 't/lib';
use FaasConf;

FaasConf::refused();

__DATA__

=== TEST 1: an unknown network
--- function
    network private;
--- at: network private;
--- says
invalid value "private" in "network", it must be "none", "egress" or "host"


=== TEST 2: network twice
--- function
    network none;
    network host;
--- at: network host;
--- says
"network" directive is duplicate


=== TEST 3: too little cpu
--- function
    cpu 0.001;
--- at: cpu 0.001;
--- says
invalid value "0.001" in "cpu", it must be "share", "lambda" or a number of cpus from 0.01 to 256


=== TEST 4: cpu that is no number
--- function
    cpu lots;
--- at: cpu lots;
--- says
invalid value "lots" in "cpu"


=== TEST 5: a system call that is none
--- function
    seccomp socket frobnicate;
--- at: seccomp socket frobnicate;
--- says
unknown system call "frobnicate" in "seccomp"


=== TEST 6: a system call that runtimes need
--- function
    seccomp listen accept4;
--- at: seccomp listen accept4;
--- says
"accept4" in "seccomp" is a system call that every runtime needs


=== TEST 7: a place that is not below /mnt
--- function
    mount /tmp /srv/data;
--- at: mount /tmp /srv/data;
--- says
invalid value "/srv/data" in "mount", it must be /mnt/NAME


=== TEST 8: a place that leads out
--- function
    mount /tmp /mnt/..;
--- at: mount /tmp /mnt/..;
--- says
invalid value "/mnt/.." in "mount"


=== TEST 9: a place twice
--- function
    mount /tmp /mnt/a;
    mount /usr /mnt/a;
--- at: mount /usr /mnt/a;
--- says
duplicate place "/mnt/a" in "mount"


=== TEST 10: a folder that is not there
--- function
    runtime fastcgi;
    command /usr/bin/env;
    code /tmp;
    mount /nonexistent /mnt/a;
--- at: mount /nonexistent /mnt/a;
--- says
"/nonexistent" in "mount" of function


=== TEST 11: neither ro nor rw
--- function
    mount /tmp /mnt/a yes;
--- at: mount /tmp /mnt/a yes;
--- says
invalid value "yes" in "mount", it must be "ro" or "rw"


=== TEST 12: no place
--- function
    mount /tmp;
--- at: mount /tmp;
--- says
"mount" directive needs a folder and its place below /mnt


=== TEST 13: users that are one number
--- http_config
    faas_uids 1900000000;
--- at: faas_uids 1900000000;
--- says
invalid value "1900000000" in "faas_uids", it must be FIRST-LAST with numbers from 1000 on


=== TEST 14: users of the system
--- http_config
    faas_uids 1-2000;
--- at: faas_uids 1-2000;
--- says
invalid value "1-2000" in "faas_uids"


=== TEST 15: too few users
--- http_config
    faas_uids 200000-200009;
    faas_max_environments 11;
--- says
"faas_uids" has 10 users, "faas_max_environments" needs 11


=== TEST 16: an isolation that is none
--- http_config
    faas_isolation maybe;
--- at: faas_isolation maybe;
--- says
invalid value "maybe"


=== TEST 17: denied with a port
--- http_config
    faas_network_deny 10.0.0.1:80;
--- at: faas_network_deny 10.0.0.1:80;
--- says
invalid address "10.0.0.1:80" in "faas_network_deny"


=== TEST 18: allowed with a port that is none
--- http_config
    faas_network_allow 10.0.0.1:99999;
--- at: faas_network_allow 10.0.0.1:99999;
--- says
invalid address "10.0.0.1:99999" in "faas_network_allow"


=== TEST 19: a name
--- http_config
    faas_network_allow localhost;
--- at: faas_network_allow localhost;
--- says
invalid address "localhost" in "faas_network_allow"
