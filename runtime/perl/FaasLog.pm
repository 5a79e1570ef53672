package FaasLog;

# STDOUT and STDERR: what is printed becomes log text of the current
# invocation, at once.
#
# Loaded by bootstrap.pl, in zygotes and environments.

use strict;
use warnings;

# found by the methods below
our $wire;


sub redirect
{
    ($wire) = @_;

    tie *STDOUT, __PACKAGE__, \*STDOUT, 1;
    tie *STDERR, __PACKAGE__, \*STDERR, 2;

    return;
}


sub TIEHANDLE
{
    my ($class, $glob, $fd) = @_;

    return bless { glob => $glob, fd => $fd }, $class;
}


# Text has characters, bytes are as they are.

sub put
{
    my ($text) = @_;

    utf8::encode($text) if utf8::is_utf8($text);
    $wire->log($text) if $text ne '';

    return 1;
}


sub PRINT
{
    my ($self, @parts) = @_;

    no warnings 'uninitialized';

    return put(join($, // '', @parts) . ($\ // ''));
}


sub PRINTF
{
    my ($self, $format, @values) = @_;

    return put(sprintf $format, @values);
}


sub WRITE
{
    my ($self, $data, $length, $offset) = @_;

    $data = substr $data, $offset // 0, $length // length $data;
    put($data);

    return length $data;
}


sub FILENO { return $_[0]{fd} }
sub BINMODE { return 1 }
sub CLOSE { return 1 }


# The function wants another file there.

sub OPEN
{
    my ($self, $mode, @more) = @_;
    my $glob = $self->{glob};

    no warnings 'untie';
    untie *$glob;

    return @more ? open(*$glob, $mode, @more) : open(*$glob, $mode);
}


1;
