package My::Deep;

use Beside;

sub handler
{
    my ($event) = @_;

    return [Beside::NAME(), $event];
}

1;
