package Beside;

sub NAME { return "beside" }

1;
