sub handler { my ($x = @_;
