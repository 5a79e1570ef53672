print "about to fail\n";
die bless({ message => "secret" }, "Mine::Error");

package Mine::Error;

sub message { $_[0]{message} }
