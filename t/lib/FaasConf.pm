package FaasConf;

# For tests of mistakes that "nginx -t" finds: "use FaasConf;" in place of
# "use FaasTest;".  Every block is a configuration that nginx refuses, and
# says what the message is and which line it names:
#
#   === TEST 1: an unknown runtime
#   --- function
#   runtime cobol;
#   --- at: runtime cobol;
#   --- says
#   unknown runtime "cobol"
#
# "function" is the inside of a faas_function block named "f", "http_config"
# and "config" are as in Test::Nginx, all optional.  Without "at" no line is
# named.  Four results a block.  FaasConf::refused() plans and runs.

use strict;
use warnings;

use FaasTest -base;
use Test::More ();


sub slurp
{
    my ($path) = @_;

    open my $f, '<', $path or return '';
    local $/;
    return scalar <$f>;
}


sub prepare
{
    my ($block) = @_;

    my $http = $block->http_config || '';

    if (defined $block->function) {
        $http .= "    faas_function f {\n" . $block->function . "    }\n";
    }

    $block->set_value(http_config => $http);
    $block->set_value(config => $block->config || '');
    $block->set_value(must_die => '');
    $block->set_value(suppress_stderr => '');
    $block->set_value(error_log => '[emerg]');
}


# the message, and the line of the configuration that it points at

sub check
{
    my ($block) = @_;

    my $tb = Test::More->builder;
    my $root = $ENV{TEST_NGINX_SERVROOT};

    my ($emerg) = grep { /\[emerg\]/ }
                  split /\n/, slurp("$root/logs/error.log");
    $emerg = '' unless defined $emerg;

    my ($says, $expected) = map {
        my $text = defined $_ ? $_ : '';
        chomp $text;
        $text =~ s/\$([A-Z_]+)/$ENV{$1}/g;
        $text;
    } scalar $block->says, scalar $block->at;

    $tb->ok(index($emerg, $says) >= 0, $block->name . ' - message')
        or $tb->diag("says:     $emerg\nexpected: $says");

    my ($n) = $emerg =~ m{ in \Q$root\E/conf/nginx\.conf:(\d+)$};
    my $at = '';

    if (defined $n) {
        $at = (split /\n/, slurp("$root/conf/nginx.conf"))[$n - 1];
        $at =~ s/^\s+//;
    }

    $tb->is_eq($at, $expected, $block->name . ' - line');
}


add_block_preprocessor(\&prepare);
add_test_cleanup_handler(\&check);


sub refused
{
    no_shuffle();
    Test::More::plan(tests => 4 * Test::Base::blocks());
    run_tests();
}


1;
