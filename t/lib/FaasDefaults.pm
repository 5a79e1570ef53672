package FaasDefaults;

# "use FaasDefaults;" in place of "use FaasTest;" for a file whose blocks
# share a server:
#
#   faas_defaults(functions => ..., http_config => ..., config => ...);
#
# A block's own "functions" and "http_config" come on top of these, its own
# "config" in place of it.  faas_python(NAME => SETTINGS, ...) is the text of
# faas_function blocks for Python functions "app.handler" in
# $TEST_NGINX_FUNCTIONS/NAME.  $FaasDefaults::Echo is such a function: it
# answers with its event, or the member named by the path's first segment.
#
# More sections, one result each, are about the logs after all requests of
# the block: "access" has the whole text of logs/faas.log, "access_like" a regex
# for it, "errors" regexes, each of which a line of the error log matches.

use strict;
use warnings;

use FaasTest -base;
use Test::More ();

our @EXPORT = qw( faas_defaults faas_python );


# what differs from run to run is checked here and replaced by a word

our $Echo = <<'END';
>>> echo/app.py
import json
import re
import time


def fixed(event, context):
    c = event['requestContext']
    h = event['headers']

    if c['requestId'] == context.aws_request_id and re.fullmatch(
            '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}'
            '-[0-9a-f]{12}', c['requestId']):
        c['requestId'] = 'UUID'

    if abs(c['timeEpoch'] - time.time() * 1000) < 60000:
        text = time.strftime('%d/%b/%Y:%H:%M:%S +0000',
                             time.gmtime(c['timeEpoch'] // 1000))
        c['timeEpoch'] = 'NOW'
        c['time'] = 'NOW' if c['time'] == text else c['time']

    if re.fullmatch('Root=1-[0-9a-f]{8}-[0-9a-f]{24}',
                    h['x-amzn-trace-id']):
        h['x-amzn-trace-id'] = 'TRACE'

    port = h.get('x-forwarded-port', '')
    if int(port or 0) > 0:
        h['x-forwarded-port'] = 'PORT'
        if 'host' in h:
            h['host'] = h['host'].replace(port, 'PORT')

    return event


def handler(event, context):
    member = event['rawPath'].split('/')[1]
    event = fixed(event, context)

    if member in event:
        event = event[member]
    elif member in event['requestContext']:
        event = event['requestContext'][member]
    elif member != 'all':
        event = 'absent'

    return json.dumps(event, sort_keys=True, separators=(',', ':'))
END


sub faas_python
{
    my $text = '';

    while (@_) {
        my ($name, $settings) = (shift, shift);

        $text .= "    faas_function $name {\n"
                 . "        runtime python3;\n"
                 . "        handler app.handler;\n"
                 . "        code \$TEST_NGINX_FUNCTIONS/$name;\n"
                 . "        $settings\n    }\n";
    }

    return $text;
}


sub log_lines
{
    my ($name) = @_;

    open my $f, '<', "$ENV{TEST_NGINX_SERVROOT}/logs/$name" or return;
    chomp(my @lines = <$f>);
    return @lines;
}


# a client has its answer before the request is logged

sub check_logs
{
    my ($block) = @_;

    my $tb = Test::More->builder;

    # "N: CONDITION"; these results are among the N
    if (defined $block->skip_eval && $block->skip_eval =~ /^\s*\d+:(.*)/s) {
        return if eval $1;
    }

    for my $section (qw( access access_like )) {
        next if !defined $block->$section;

        chomp(my $expected = $block->$section);
        my $re = $section eq 'access' ? qr/^\Q$expected\E$/ : qr/$expected/;
        my $got;

        faas_wait {
            $got = join "\n", log_lines('faas.log');
            $got =~ $re;
        } 5;

        $tb->like($got, $re, $block->name . ' - access log');
        unlink "$ENV{TEST_NGINX_SERVROOT}/logs/faas.log";
    }

    if (defined $block->errors) {
        my @missing;

        faas_wait {
            my @lines = log_lines('error.log');
            @missing = grep { my $re = $_; !grep { /$re/ } @lines }
                       split /\n/, $block->errors;
            !@missing;
        } 5;

        $tb->ok(!@missing, $block->name . ' - error log')
            or $tb->diag(map { "    no line like $_\n" } @missing);
    }
}


add_test_cleanup_handler(\&check_logs);


sub faas_defaults
{
    my (%defaults) = @_;

    no_root_location();
    no_shuffle();

    add_block_preprocessor(sub {
        my ($block) = @_;

        for my $name (qw( functions http_config )) {
            my $own = defined $block->$name ? $block->$name : '';
            $block->set_value($name => ($defaults{$name} || '') . "$own");
        }

        if (!defined $block->config) {
            $block->set_value(config => $defaults{config});
        }
    });
}


1;
