# See ../../lib/faaslang.py.

use strict;
use warnings;
use utf8;

use Cwd qw( getcwd );

print "loading\n";

my $n = 0;

sub echo { my ($event) = @_; return $event }
sub count { return ++$n }
sub handle { return 'the default' }
sub fail { my ($event) = @_; die "no $event->{what}\n" }
sub fail_place { die 'somewhere' }

sub members
{
    my ($event, $context) = @_;

    return {
        id => $context->aws_request_id, name => $context->function_name,
        version => $context->function_version,
        arn => $context->invoked_function_arn,
        memory => $context->memory_limit_in_mb,
        group => $context->log_group_name,
        stream => $context->log_stream_name, identity => $context->identity,
        client => $context->client_context,
        deadline => $context->deadline_ms,
        left => $context->get_remaining_time_in_millis,
        trace => $ENV{_X_AMZN_TRACE_ID}
    };
}

sub environment
{
    my %env = %ENV;

    utf8::decode($_) for values %env;
    return { env => \%env, cwd => getcwd };
}

sub logs
{
    print "to stdout\n";
    print STDERR "to stderr\n";
    print "ä\n";

    return 'done';
}

sub prints
{
    printf "%05d\n", 3;
    warn "warned\n";
    syswrite STDOUT, "xsyswritex", 8, 1;
    print STDOUT 'a', 1, "\n";
    {
        local ($,, $\) = ('-', "!\n");
        print 1, 2;
    }
    STDOUT->flush;
    STDERR->autoflush(1);

    return [fileno STDOUT, fileno STDERR];
}

sub reopened
{
    open STDOUT, '>', '/dev/null' or die;
    print "lost\n";
    print STDERR "kept\n";

    return;
}

sub hang
{
    print "hanging\n";
    sleep 30;
}

sub leave
{
    my ($event) = @_;

    print "leaving\n";
    exit $event;
}

sub at_end
{
    our $end = 1;
    exit 5;
}

END { print "at end\n" if our $end }

sub killed
{
    print "before\n";
    kill 'KILL', $$;
}

sub flood
{
    my ($event) = @_;

    print 'x' x 1000, "\n" for 1 .. $event;
    return $event;
}


# not a constant, which would be made while loading
sub large { my $size = 5_000_000; return 'x' x $size }


sub value
{
    my ($event) = @_;

    return { text => "ä\x{2028}😀\"\\\n", none => undef, list => [1, [2], []],
             map => { a => { b => 1.5 } }, true => \1, bad => \*STDOUT
           }->{$event};
}

sub true_value { return \1 }
sub children { return scalar `ls /proc/self/fd | wc -l; env` }

sub forked
{
    my $pid = fork // die;

    if (!$pid) {
        print "from the child\n";
        exit 5;
    }

    waitpid $pid, 0;
    return [$? >> 8, system('sh', '-c', 'exit 3') >> 8];
}

sub signals
{
    $SIG{USR1} = sub { print STDERR 'told' };
    $SIG{TERM} = sub { exit 4 };
    return;
}

sub random { return [rand, rand] }
sub raw { my ($event) = @_; return \$event }

sub items
{
    my ($event) = @_;
    my @list = ('one', 'twö');

    unshift @list, { statusCode => 201, headers => { 'x-a' => 'b' } }
        if $event eq 'head';
    $list[1] = sub { die "in the middle\n" } if $event eq 'fail';
    push @list, [3] if $event eq 'bad';

    return sub {
        my $item = shift @list;
        return ref $item eq 'CODE' ? $item->() : $item;
    };
}
