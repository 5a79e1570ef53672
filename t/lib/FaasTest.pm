package FaasTest;

# Test::Nginx::Socket set up for this module; see t/README.md.  A test file
# says "use lib 't/lib'; use FaasTest;" instead of "use Test::Nginx::Socket".
#
# Every block runs in folders of its own, and is followed by the checks of the
# house: nothing alarming in the error log, no worker killed by a signal,
# nothing left behind once nginx has stopped.  The checks are silent when they
# pass, so that a plan counts what the blocks say and nothing else.

use strict;
use warnings;

use Cwd qw( abs_path );
use File::Basename qw( dirname );
use File::Find qw( find );
use File::Path qw( make_path remove_tree );
use File::Temp qw( tempdir );
use IO::Socket::INET;
use POSIX qw( WNOHANG );
use Time::HiRes qw( sleep time );

our ($Top, $Build, $Base, $Module, $RuntimeDir);

my $owner;

# how long a stopped nginx may take to be gone with all that belongs to it
my $STOP_TIMEOUT = $ENV{FAAS_TEST_STOP_TIMEOUT} || 20;


BEGIN {
    $Top = abs_path(dirname(__FILE__) . '/../..');
    $Build = $ENV{FAAS_BUILD} || "$Top/build";
    $RuntimeDir = $ENV{FAAS_RUNTIME_DIR} || "$Build/runtime";
    $Module = defined $ENV{FAAS_MODULE}
              ? $ENV{FAAS_MODULE} : "$Build/ngx_http_faas_module.so";

    umask 022;

    # folders that worker and environments, other users than we, can enter

    $Base = abs_path(tempdir('faas-t-XXXXXXXX', TMPDIR => 1));
    chmod 0755, $Base;

    $ENV{TEST_NGINX_SERVROOT} = "$Base/servroot";
    $ENV{TEST_NGINX_BINARY} ||= '/usr/sbin/nginx';
    $ENV{TEST_NGINX_SLEEP} ||= 0.005;

    if ($> == 0 && !$ENV{TEST_NGINX_WORKER_USER}) {
        $ENV{TEST_NGINX_WORKER_USER} = 'www-data';
    }

    # a free port, on the loopback interface only

    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
        or die "no free port: $@";
    my $port = $s->sockport();
    close $s;

    $ENV{TEST_NGINX_PORT} = "127.0.0.1:$port";
    $ENV{TEST_NGINX_CLIENT_PORT} = $port;
    $ENV{TEST_NGINX_STREAM_PORT} = $port;

    # not installed: the copy that util/test.sh fetched

    if (!eval { require Test::Nginx::Util; 1 }) {
        unshift @INC, "$Build/test-nginx/usr/share/perl5";
    }
}

# -base, not -Base: the latter is a source filter that turns every sub that
# follows into a method

use Test::Nginx::Socket -base;

our @EXPORT = qw( faas_base faas_run_dir faas_state_dir faas_descendants
                  faas_wait );


sub faas_base { $Base }
sub faas_run_dir { "$Base/run" }
sub faas_state_dir { "$Base/state" }


# polls a condition until it holds or the time is over

sub faas_wait(&;$)
{
    my ($condition, $seconds) = @_;

    my $end = time() + ($seconds || 10);

    for ( ;; ) {
        my $result = $condition->();
        return $result if $result;
        return if time() > $end;
        sleep 0.01;
    }
}


# the fields of /proc/PID/stat after the command: state, ppid, ...

sub proc_stat
{
    my $pid = shift;

    open my $f, '<', "/proc/$pid/stat" or return;
    my $line = <$f>;
    return unless defined $line && $line =~ /\) (.*)/;

    return split ' ', $1;
}


# all processes that come from this one; it is their reaper, so that none
# gets away by being orphaned

sub faas_descendants
{
    my (%children, @found);

    1 while waitpid(-1, WNOHANG) > 0;

    opendir my $d, '/proc' or return;

    for my $pid (grep { /^\d+$/ } readdir $d) {
        my ($state, $ppid) = proc_stat($pid);
        push @{$children{$ppid}}, $pid if defined $ppid;
    }

    my @todo = ($$);

    while (defined(my $pid = shift @todo)) {
        push @todo, @{$children{$pid} || []};
        push @found, @{$children{$pid} || []};
    }

    return @found;
}


sub describe
{
    my $pid = shift;

    open my $f, '<', "/proc/$pid/cmdline" or return "$pid";
    local $/;
    my $cmd = <$f>;
    $cmd = '' unless defined $cmd;
    $cmd =~ tr/\0/ /;

    return "$pid ($cmd)";
}


# the supervisor's groups: named after the run directory, FNV-1a of its path

sub cgroups_left
{
    my (@found, $hash);

    return if !-d '/sys/fs/cgroup';

    $hash = 2166136261;
    $hash = (($hash ^ ord $_) * 16777619) & 0xffffffff
        for split //, "$Base/run";

    my $name = sprintf 'faas-%08x', $hash;

    # folders come and go while others use the machine
    no warnings 'File::Find';

    find({ no_chdir => 1, wanted => sub {
        push @found, $_ if m{/\Q$name\E$} && -d $_;
    }}, '/sys/fs/cgroup');

    return @found;
}


sub sockets_left
{
    my @left;

    return if !-d "$Base/run";

    find({ no_chdir => 1, wanted => sub {
        push @left, $_ if -S $_ || -p _;
    }}, "$Base/run");

    return @left;
}


sub mounts_left
{
    open my $f, '<', '/proc/self/mountinfo' or return;
    return map { chomp; $_ } grep { index($_, $Base) >= 0 } <$f>;
}


sub complain
{
    my ($block, $what, @details) = @_;

    my $tb = Test::More->builder;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $tb->ok(0, $block->name . " - $what");
    $tb->diag("    $_") for @details;
}


# lines that a block declares: "--- allow_log" holds one regex per line

sub check_log
{
    my ($block) = @_;

    return if defined $block->must_die;

    my $log = "$ENV{TEST_NGINX_SERVROOT}/logs/error.log";
    my @allowed = grep { /\S/ } split /\n/, ($block->allow_log || '');

    open my $f, '<', $log or return;

    my @bad = grep {
        my $line = $_;
        ($line =~ /\[(?:alert|crit|emerg)\]/ || $line =~ /exited on signal/
         || $line =~ /(?:Address|Leak|UndefinedBehavior)Sanitizer/
         || $line =~ /runtime error: /)
        && !grep { $line =~ /$_/ } @allowed
    } <$f>;

    chomp @bad;
    complain($block, 'alarming lines in error.log', @bad) if @bad;
}


sub stop_nginx
{
    my $file = "$ENV{TEST_NGINX_SERVROOT}/logs/nginx.pid";

    open my $f, '<', $file or return;
    my $pid = int(<$f> || 0);
    close $f;

    return if $pid <= 1;

    kill QUIT => $pid;

    # a request that a test left hanging must not hang the suite

    faas_wait { !grep { $_ == $pid } faas_descendants() } $STOP_TIMEOUT / 2
        or kill TERM => $pid;
}


sub after_block
{
    my ($block) = @_;

    return if $$ != $owner;

    stop_nginx();

    faas_wait { !faas_descendants() } $STOP_TIMEOUT;

    if (my @left = faas_descendants()) {
        complain($block, 'processes left behind', map { describe($_) } @left);
        kill KILL => @left;
        faas_wait { !faas_descendants() } 5;
    }

    for my $check ([sockets => \&sockets_left], [mounts => \&mounts_left],
                   [cgroups => \&cgroups_left])
    {
        my ($what, $sub) = @$check;

        next if faas_wait { !$sub->() } 5;
        complain($block, "$what left behind", $sub->());
    }

    check_log($block);

    # what a block may have left is no business of the next one

    remove_tree("$Base/run", "$Base/state") if !$ENV{TEST_NGINX_NO_CLEAN};
}


# "--- functions": files as in "user_files", in the folder $TEST_FUNCTIONS,
# with an optional mode: ">>> name/bootstrap 0755"

sub write_functions
{
    my ($text) = @_;

    my ($out, $path);

    remove_tree("$Base/functions");
    make_path("$Base/functions", "$Base/state");

    for my $line (split /^/, defined $text ? $text : '') {
        if ($line =~ /^>>> (\S+)(?:\s+(0[0-7]+))?\s*$/) {
            $path = "$Base/functions/$1";
            make_path(dirname($path));
            open $out, '>', $path or die "cannot write $path: $!\n";
            chmod oct($2), $path if defined $2;
            next;
        }

        print $out $line if $out;
    }

    close $out if $out;
}


sub before_block
{
    my ($block) = @_;

    write_functions($block->functions);

    my $main = $block->main_config || '';
    my $http = $block->http_config || '';

    # a statically built nginx has it
    if ($Module ne '' && $main !~ /ngx_http_faas_module\.so/) {
        $main = "load_module $Module;\n$main";
    }

    for my $d ([faas_run_dir => "$Base/run"],
               [faas_state_dir => "$Base/state"],
               [faas_runtime_dir => $RuntimeDir],
               [faas_isolation => $> ? 'prefer' : 'require'])
    {
        next if $http =~ /^\s*$d->[0]\s/m || defined $block->no_faas_dirs;
        $http = "    $d->[0] $d->[1];\n$http";
    }

    $block->set_value('main_config', $main);
    $block->set_value('http_config', $http);
}


# PR_SET_CHILD_SUBREAPER: orphans become children of this process

sub become_reaper
{
    my %prctl = (x86_64 => 157, aarch64 => 167, armv7l => 172, i686 => 172,
                 riscv64 => 167, ppc64le => 171, s390x => 172);

    my $nr = $prctl{(POSIX::uname())[4]}
        or die "FaasTest: unknown machine: " . (POSIX::uname())[4] . "\n";

    syscall($nr, 36, 1, 0, 0, 0) == 0 or die "FaasTest: prctl: $!\n";
}


$owner = $$;
become_reaper();

$ENV{TEST_NGINX_SERVER_PORT} = $ENV{TEST_NGINX_CLIENT_PORT};
$ENV{TEST_NGINX_FUNCTIONS} = "$Base/functions";
$ENV{TEST_NGINX_BASE} = $Base;
$ENV{TEST_NGINX_RUNTIME_DIR} = $RuntimeDir;

add_block_preprocessor(\&before_block);
add_test_cleanup_handler(\&after_block);

log_level($ENV{TEST_NGINX_LOG_LEVEL} || 'info');
master_on();
worker_connections(512);
no_long_string();


END {
    if (defined $owner && $$ == $owner && !$ENV{TEST_NGINX_NO_CLEAN}) {
        local $?;

        my @left = faas_descendants();
        kill KILL => @left if @left;

        if (Test::More->builder->is_passing) {
            remove_tree($Base);

        } else {
            print STDERR "# left for inspection: $Base\n";
        }
    }
}


1;
