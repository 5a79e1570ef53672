# The function of the conformance suite, in Perl.

use strict;
use warnings;
use utf8;

use Time::HiRes ();

my $calls = 0;
my $running = 0;
my @keep;

sub deep { no warnings 'recursion'; return deep($_[0] + 1) + 1 }

my %acts = (
    throw => sub { die "an \"odd\" \x{e9}rror\n" },
    exit => sub { exit $_[0]{code} },
    kill => sub { return unpack 'p', pack 'Q', 8 },
    loop => sub { 1 while 1 },
    memory => sub { push @keep, 'x' x (1 << 20) while 1 },
    stack => sub { deep(0) },
    flood => sub {
        my $line = 'x' x 9999 . "\n";
        print $line for 1 .. $_[0]{lines};
        return 'flooded';
    },
    daemon => sub {
        my $pid = fork;
        if ($pid == 0) {
            exec '/bin/sleep', '1000';
        }
        return $calls;
    },
    tmp => sub {
        open my $file, '>>', '/tmp/kept' or die $!;
        print $file 'x';
        close $file;
        return -s '/tmp/kept';
    },
    env => sub { return {%ENV} },
    context => sub {
        my $c = $_[1];
        return { id => $c->aws_request_id, name => $c->function_name,
                 version => $c->function_version,
                 arn => $c->invoked_function_arn,
                 memory => $c->memory_limit_in_mb,
                 group => $c->log_group_name, stream => $c->log_stream_name,
                 custom => $c->client_context
                           ? $c->client_context->{custom} : undef };
    },
    remaining => sub {
        my $a = $_[1]->get_remaining_time_in_millis;
        Time::HiRes::sleep(0.05);
        return [$a, $_[1]->get_remaining_time_in_millis];
    },
    log => sub {
        print "out $_[0]{mark}\n";
        print STDERR "err $_[0]{mark}\n";
        return 'logged';
    },
    sleep => sub {
        Time::HiRes::sleep($_[0]{ms} / 1000);
        return [$running, $calls, $$];
    },
);

sub act
{
    my ($event, $context) = @_;

    if (ref $event eq 'HASH' && $event->{requestContext}) {
        return { statusCode => 200, body => $event->{body},
                 headers => { 'content-type' => 'application/octet-stream' },
                 isBase64Encoded => $event->{isBase64Encoded} };
    }

    return $event if ref $event ne 'HASH' || !$event->{do};
    return $acts{$event->{do}}->($event, $context);
}

sub handler
{
    $calls++;
    $running++;
    my $result = eval { act(@_) };
    my $error = $@;
    $running--;
    die $error if $error;
    return $result;
}

sub stream
{
    my ($event) = @_;
    my $n = 0;

    return sub {
        return undef if $n >= $event->{n};
        Time::HiRes::sleep($event->{ms} / 1000) if $event->{ms};
        return $n++ . ' ';
    };
}

1;
