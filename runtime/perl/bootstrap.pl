# The Perl runtime: loads a function by its handler string and calls it for
# each invocation, with the names and errors of AWS Lambda's other runtimes.
#
# Runs as a zygote (FAAS_ZYGOTE=fork, libfaas.so preloaded), whose fork()
# returns in blanks only, or started directly as one environment.  See
# README.md for how the supervisor starts it.

package FaasRuntime;

use strict;
use warnings;

our ($FOLDER, @OWN);

BEGIN {
    ($FOLDER) = __FILE__ =~ m{^(.*)/[^/]*$};
    @OWN = @INC;
    unshift @INC, $FOLDER;
}

use Cwd ();
use Scalar::Util ();

use FaasContext;
use FaasLog;
use FaasWire;

# faas_env_error() takes this much
use constant ERROR_MAX => 60000;

# of streams: with the first of these the data begin with a prelude
use constant PRELUDE => 'application/vnd.awslambda.http-integration-response';
use constant STREAM => 'application/octet-stream';

# Not needed here, but by many functions: a blank has them in memory already.
my @EXTRA = qw( Carp Data::Dumper Digest::MD5 Digest::SHA Encode File::Basename
                File::Spec File::Temp IO::File IO::Handle List::Util
                MIME::Base64 Storable Text::ParseWords Time::Local Time::HiRes
                constant overload parent utf8 );

# those in C are of packages of their own
my $JSON = (grep { eval "require $_" } qw( Cpanel::JSON::XS JSON::XS
                                           JSON::PP ))[0];
my $json = $JSON->new->utf8->allow_nonref->allow_blessed->convert_blessed;

# where the last error came from
my @trace;


# --- errors ---

# An error of the runtime's own.

sub fault
{
    my ($kind, $message) = @_;

    die bless { kind => $kind, message => $message }, 'FaasRuntime::Fault';
}


sub where
{
    my @frames;

    for (my $i = 0; my ($package, $file, $line, $name) = caller $i; $i++) {
        last if index($file, "$FOLDER/") == 0;

        push @frames, "$file line $line";
    }

    @trace = @frames;

    return;
}


# The error payload of what was died with.

sub error_of
{
    my ($thrown) = @_;
    my ($kind, $message, @frames) = ('Error', '', @trace);

    if (Scalar::Util::blessed($thrown)) {
        $kind = ref $thrown;

        if ($kind eq 'FaasRuntime::Fault') {
            ($kind, $message, @frames) = @$thrown{qw( kind message )};
        } else {
            $message = eval {
                $thrown->can('message') ? $thrown->message : "$thrown";
            } // 'unknown';
        }

    } else {
        $message = "$thrown";
    }

    $message =~ s/ at \S+ line \d+\.?\n\z//;
    chomp $message;
    utf8::decode($message) if !utf8::is_utf8($message);

    return { errorMessage => $message, errorType => $kind,
             stackTrace => \@frames };
}


sub log_error
{
    my ($wire, $error) = @_;
    my $text = "[ERROR] $error->{errorType}: $error->{errorMessage}\n"
               . join '', map { "\t$_\n" } @{ $error->{stackTrace} };

    utf8::encode($text);
    $wire->log($text);

    return;
}


# --- the function ---

sub load
{
    my ($root, $handler) = @_;
    my ($file, $name) = $handler =~ m{^((?:.*/)?[^/.]+)(?:\.([\w:]+))?\z}
        or fault('Runtime.MalformedHandlerName', "Bad handler '$handler': it "
                 . 'must be file.function or file');

    $name //= 'handle';

    my ($path) = grep { -f } map { "$root/$file$_" } '.pl', '.pm'
        or fault('Runtime.ImportModuleError', "Unable to load '$file': there "
                 . "is no file '$file.pl'");

    run($path);

    (my $package = $file) =~ s{/}{::}g;
    $package =~ s/^lib:://;

    for my $full ($name, "main::$name", "${package}::$name") {
        no strict 'refs';
        return \&$full if $full =~ /::/ && defined &$full;
    }

    fault('Runtime.HandlerNotFound', "Handler '$name' missing in file "
          . ($path =~ s{^\Q$root/}{}r));
}


# A file, in a package of nobody.

sub run
{
    my ($path) = @_;

    # a file that ends with something false is no failure
    package main;
    local ($@, $!);
    my $value = do $path;

    if ($@) {
        if (!ref $@ && $@ =~ /syntax error|^Global symbol|aborted due to/m) {
            FaasRuntime::fault('Runtime.UserCodeSyntaxError',
                               "Syntax error in '$path': $@");
        }

        die $@;
    }

    return;
}


# Makes this process the function's.

sub set_up
{
    my ($wire, $settings) = @_;
    my $root = $settings->{taskRoot};

    if ($settings->{environment}) {
        %ENV = map { utf8::encode($_); $_ } %{ $settings->{environment} };
    } else {
        # AWS_LAMBDA_EXEC_WRAPPER: what that has left in them goes
        $settings->{handler} = $ENV{_HANDLER} // $settings->{handler};
    }

    POSIX::tzset();
    FaasLog::redirect($wire);
    srand;

    chdir $root or fault('Runtime.InvalidWorkingDir', "$root: $!");

    @INC = ($root, "$root/lib", "$root/local/lib/perl5", '/opt/lib/perl5',
            split(/:/, $ENV{PERL5LIB} // ''), @OWN);
    @ARGV = ();
    $0 = 'function';

    return;
}


# --- invocations ---

sub parse
{
    my ($text, $name) = @_;

    return undef if !defined $text;

    return eval { $json->decode($text) }
           // fault('Runtime.LambdaContextUnmarshalError',
                    "Unable to parse $name JSON: " . ($@ || 'null'));
}


sub context_of
{
    my ($inv, $settings) = @_;

    return FaasContext->new(
        aws_request_id => $inv->{request_id},
        invoked_function_arn => $inv->{arn},
        deadline_ms => ($inv->{deadline_ms} // 0) + 0,
        function_name => $settings->{functionName},
        function_version => $settings->{functionVersion},
        memory_limit_in_mb => "$settings->{memoryMB}",
        log_group_name => $settings->{logGroup},
        log_stream_name => $settings->{logStream},
        client_context => parse($inv->{client_context}, 'Client Context'),
        identity => parse($inv->{identity}, 'Cognito Identity')
    );
}


sub decode
{
    my ($inv) = @_;
    my $type = $inv->{content_type};

    return $inv->{event} if $type && $type ne 'application/json';

    my $event;

    eval { $event = $json->decode($inv->{event}); 1 }
        or fault('Runtime.UnmarshalError', "Unable to unmarshal input: $@");

    return $event;
}


sub encode
{
    my ($value) = @_;

    return eval { $json->encode($value) }
           // fault('Runtime.MarshalError',
                    "Unable to marshal response: $@");
}


# Sends what a function returns, call by call, until it is undef.

sub stream
{
    my ($wire, $items) = @_;
    my $begun = 0;

    while (defined(my $item = $items->())) {
        my $kind = STREAM;

        if (!$begun && ref $item eq 'HASH') {
            $kind = PRELUDE;
            $item = encode($item) . "\0" x 8;
        } elsif (ref $item) {
            fault('Runtime.MarshalError', 'Unable to stream response: '
                  . ref($item) . ' is no string');
        } elsif (utf8::is_utf8($item)) {
            utf8::encode($item);
        }

        $wire->begin($kind) if !$begun;
        $begun = 1;

        # nobody reads any more
        last if !$wire->piece($item);
    }

    $wire->begin(STREAM) if !$begun;
    $wire->end;

    return;
}


sub answer
{
    my ($wire, $handler, $inv, $settings) = @_;
    my $result = $handler->(decode($inv), context_of($inv, $settings));

    if (ref $result eq 'CODE') {
        stream($wire, $result);
    } elsif (ref $result eq 'SCALAR') {
        $wire->respond($$result);
    } else {
        $wire->respond(encode($result));
    }

    return;
}


sub answer_error
{
    my ($wire, $thrown) = @_;
    my $error = error_of($thrown);

    log_error($wire, $error);

    if (!$wire->fail($json->encode($error))) {
        # more than the end of a stream may have
        $error->{errorMessage} = substr $error->{errorMessage}, 0, 4000;
        $error->{stackTrace} = [];
        $wire->fail($json->encode($error));
    }

    return;
}


# Answers invocations until the supervisor ends this environment.

sub serve
{
    my ($wire, $handler, $settings) = @_;

    while (my $inv = $wire->next_request) {
        if (defined $inv->{trace_id}) {
            $ENV{_X_AMZN_TRACE_ID} = $inv->{trace_id};
        } elsif (exists $ENV{_X_AMZN_TRACE_ID}) {
            delete $ENV{_X_AMZN_TRACE_ID};
        }

        local $SIG{__DIE__} = \&where;
        @trace = ();

        eval {
            answer($wire, $handler, $inv, $settings);
            1;
        } or answer_error($wire, $@);

        # a child that the function forked has nothing to answer
        POSIX::_exit(0) if !$wire->{pid} || $wire->{pid} != $$;
    }

    return;
}


# Tells why the function was not loaded.

sub failed
{
    my ($wire, $thrown) = @_;
    my $error = error_of($thrown);

    log_error($wire, $error);

    my $text = $json->encode($error);

    if (length $text > ERROR_MAX) {
        $error->{errorMessage} = substr $error->{errorMessage}, 0, 4000;
        $error->{stackTrace} = [];
        $text = $json->encode($error);
    }

    $wire->frame('E', $text);

    return;
}


# Does what loading and calling a function does; as the Python runtime.

sub warm
{
    my $inv = { event => '{"headers": {"host": "localhost"}, "a": [1, null]}' };

    for (1 .. 5) {
        context_of($inv, { memoryMB => 0 })->get_remaining_time_in_millis;
        encode(decode($inv));
        eval { fault('', '') };
        error_of($@);
    }

    FaasWire::parameters("\x0f\1FAAS_REQUEST_IDx");
    eval 'sub FaasRuntime::warmed { my ($e) = @_; return { body => "$e" } } 1';

    return;
}


sub main
{
    my $wire = FaasWire->new;

    $wire->start;

    my $text = $wire->init(sprintf('perl%vd', $^V), \&warm);

    POSIX::_exit(0) if !defined $text;

    my $settings = $json->decode($text);
    my $handler;

    {
        local $SIG{__DIE__} = \&where;

        eval {
            set_up($wire, $settings);
            $handler = load($settings->{taskRoot}, $settings->{handler});
            1;
        } or do {
            failed($wire, $@);
            POSIX::_exit(1);
        };
    }

    $wire->frame('R', '');
    serve($wire, $handler, $settings);

    exit 0;
}


# libfaas has taken the variable away
if (@ARGV && $ARGV[0] eq 'zygote') {
    for my $name (@EXTRA) {
        eval "require $name";
    }

    warm();

    # returns in blanks only
    fork;
}

main();
