#!/usr/bin/perl

# Builds the C unit tests and runs them; each program is one subtest, each of
# its cmocka tests one line of it.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use Test::More;

my $dir = abs_path(dirname(__FILE__));
my @build = $ENV{FAAS_BUILD} ? ("BUILD=" . abs_path($ENV{FAAS_BUILD})) : ();

# what the make that called prove was told is not for this one
delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS)};


if ($ENV{FAAS_SANITIZE}) {
    push @build, 'SAN=-fsanitize=address,undefined'
                 . ' -fno-sanitize-recover=undefined';
}

my @make = ('make', '-s', '-C', $dir, @build);

open my $list, '-|', @make, 'list' or BAIL_OUT("make: $!");
chomp(my @programs = <$list>);
close $list;

plan tests => 1 + @programs;

if (!ok(@programs && system(@make, 'all') == 0, 'unit tests build')) {
    BAIL_OUT('the unit tests do not build');
}

for my $program (@programs) {
    subtest basename($program) => sub { run($program) };
}

sub run {
    my $program = shift;

    $program = "$dir/$program" if $program !~ m{^/};

    open my $tap, '-|', "$program 2>&1" or return fail("$program: $!");

    my ($planned, $seen) = (0, 0);

    while (my $line = <$tap>) {
        chomp $line;

        if ($line =~ /^1\.\.(\d+)/) {
            $planned += $1;

        } elsif ($line =~ /^ok \d+ (?:- )?(.*?)(?: # SKIP.*)?$/) {
            pass($1);
            $seen++;

        } elsif ($line =~ /^not ok \d+ (?:- )?(.*)$/) {
            fail($1);
            $seen++;

        } elsif ($line =~ /\S/ && $line !~ /^# (?:not )?ok - /) {
            diag($line);
        }
    }

    close $tap;

    is($?, 0, 'exit status');
    is($seen, $planned, 'every planned test ran');
    done_testing();
}
