#!/usr/bin/perl

# Every fuzzer of util/fuzz: builds, takes its seeds, finds nothing.  Half a
# minute each in CI, a few seconds elsewhere; FUZZ_SECONDS says otherwise.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/..');
my $build = $ENV{FAAS_BUILD} ? abs_path($ENV{FAAS_BUILD}) : "$top/build";
my $seconds = $ENV{FUZZ_SECONDS} // ($ENV{CI} ? 30 : 5);

# what the make that called prove was told is not for this one
delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS)};

my @names = map { basename($_) =~ /^fuzz_(.*)\.c$/ }
            sort glob "$top/util/fuzz/fuzz_*.c";

my @make = ('make', '-s', '-C', "$top/util/fuzz", "BUILD=$build",
            "SECONDS=$seconds");

plan tests => 2 + 2 * @names;

ok(@names >= 6, 'there are fuzzers');
is(run('all'), 0, 'fuzzers build') or BAIL_OUT('the fuzzers do not build');

for my $name (@names) {
    is(run("replay-$name"), 0, "$name: seeds");
    is(run("run-$name"), 0, "$name: $seconds seconds");
}


# The exit status; what was printed is shown when there is one.

sub run {
    my ($target) = @_;

    open my $out, '-|', join(' ', map { "'$_'" } @make, $target) . ' 2>&1'
        or return $!;
    my @lines = <$out>;
    close $out;

    diag(@lines > 60 ? @lines[-60 .. -1] : @lines) if $?;

    return $?;
}
