# In the place of a library that is not there; see 077-perl.t.

die "not installed\n";
