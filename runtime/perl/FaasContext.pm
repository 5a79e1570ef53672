package FaasContext;

# The context object of a handler, with the members of AWS Lambda's.
#
# Loaded by bootstrap.pl, in zygotes and environments.

use strict;
use warnings;

use Time::HiRes ();


sub new
{
    my ($class, %members) = @_;

    return bless \%members, $class;
}


for my $name (qw( aws_request_id function_name function_version
                  invoked_function_arn memory_limit_in_mb log_group_name
                  log_stream_name identity client_context deadline_ms )) {
    no strict 'refs';
    *$name = sub { return $_[0]{$name} };
}


sub get_remaining_time_in_millis
{
    my ($self) = @_;
    my $left = $self->{deadline_ms} - int(Time::HiRes::time() * 1000);

    return $left > 0 ? $left : 0;
}


1;
