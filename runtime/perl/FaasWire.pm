package FaasWire;

# The environment's side of the wire: control frames of the supervisor, and
# FastCGI of the workers, as runtime/libfaas/faas_proto.h has them.  In Perl,
# which has no foreign-function interface of its own.
#
# Loaded by bootstrap.pl, in zygotes and environments; one thread.

use strict;
use warnings;

use Errno qw( EINTR );
use Fcntl qw( F_SETFD FD_CLOEXEC );
use POSIX ();
use Socket qw( MSG_NOSIGNAL );

use constant {
    BEGIN_REQUEST => 1, END_REQUEST => 3, PARAMS => 4, STDIN_DATA => 5,
    STDOUT_DATA => 6, STDERR_DATA => 7,
    STREAM => 64, STREAM_ERROR => 65,       # ours, see faas_proto.h
    RECORD => 65528, CHUNK => 262144, CONNECTIONS => 128,
    CTL_MAX => 65536, STREAM_ERROR_MAX => 65000
};

# what a request may have besides the event
my %PARTS = (
    FAAS_REQUEST_ID => 'request_id', FAAS_DEADLINE_MS => 'deadline_ms',
    FAAS_FUNCTION_ARN => 'arn', FAAS_TRACE_ID => 'trace_id',
    FAAS_CLIENT_CONTEXT => 'client_context',
    FAAS_COGNITO_IDENTITY => 'identity', FAAS_CONTENT_TYPE => 'content_type'
);


sub new
{
    my ($class) = @_;

    return bless {
        conns => {}, ready => [], frames => '', limit => 6 * 6291456 + 1048576,
        pid => 0, current => undef, streaming => 0, waiting => 0,
        shutdown => 0
    }, $class;
}


# The listening socket is moved away, so that programs which a function starts
# have an ordinary standard input.

sub start
{
    my ($self) = @_;

    my $fd = POSIX::dup(0);
    my $null = POSIX::open('/dev/null', POSIX::O_RDONLY());

    POSIX::dup2($null, 0);
    POSIX::close($null);

    open $self->{listen}, '+<&=', $fd or die "listening socket: $!\n";
    open $self->{control}, '+<&=', 3 or die "control socket: $!\n";

    for my $file ($self->{listen}, $self->{control}) {
        fcntl $file, F_SETFD, FD_CLOEXEC;
        binmode $file;
    }

    $self->{pid} = $$;

    # the first process of a pid namespace is immune without a handler
    $SIG{TERM} = sub {
        POSIX::_exit(0) if $self->{waiting};
        $self->{shutdown} = 1;
    };

    return;
}


# --- the supervisor ---

# A signal's handler, which may run between two lines, must not write in the
# middle of a record; see log().

sub send_all
{
    my ($self, $socket, $data) = @_;
    my $sent = 0;

    local $self->{sending} = 1;

    while ($sent < length $data) {
        my $n = send $socket, $sent ? substr($data, $sent) : $data,
                     MSG_NOSIGNAL;

        if (defined $n) {
            $sent += $n;
        } elsif ($! != EINTR) {
            return 0;
        }
    }

    return 1;
}


sub frame
{
    my ($self, $type, $payload) = @_;

    $self->send_all($self->{control}, pack('N a', length $payload, $type)
                                      . $payload);
    return;
}


# Reads what there is; returns the payload of INIT if it is among it.

sub read_control
{
    my ($self) = @_;

    my $n = sysread $self->{control}, $self->{frames}, CTL_MAX,
                    length $self->{frames};

    if (!defined $n && $! == EINTR) {
        return;
    }

    my $init;

    while (length $self->{frames} >= 5) {
        my ($length, $type) = unpack 'N a', $self->{frames};

        if ($length > CTL_MAX) {
            $n = 0;
            last;
        }

        last if length $self->{frames} < 5 + $length;

        my $payload = substr $self->{frames}, 5, $length;
        substr $self->{frames}, 0, 5 + $length, '';

        if ($type eq 'S') {
            $self->{shutdown} = 1;
        } elsif ($type eq 'W') {
            $self->{next} = 1;
        } elsif ($type eq 'I') {
            $init = $payload;
        }
    }

    # the supervisor has gone: another one will find us
    if (!$n) {
        close $self->{control};
        $self->{control} = undef;
    }

    return $init;
}


# The function's description, JSON, or undef; calls WARM when this blank is
# the next to be taken.

sub init
{
    my ($self, $version, $warm) = @_;

    $self->frame('B', $version);

    while ($self->{control} && !$self->{shutdown}) {
        $self->{waiting} = 1;
        my $init = $self->read_control;
        $self->{waiting} = 0;

        if (defined $init) {
            if ($init =~ /"requestMax":\s*(\d+)/) {
                # each byte of a body may be an escape of six
                $self->{limit} = $1 * 6 + 1048576;
            }

            return $init;
        }

        if (delete $self->{next}) {
            $warm->();
        }
    }

    return;
}


# --- requests ---

sub wait_for_request
{
    my ($self) = @_;

    my @files = values %{ $self->{conns} };
    my $bits = '';

    for my $conn (@files) {
        vec($bits, fileno $conn->{file}, 1) = 1;
    }

    vec($bits, fileno $self->{listen}, 1) = 1 if @files < CONNECTIONS;
    vec($bits, fileno $self->{control}, 1) = 1 if $self->{control};

    # a signal that came just before would not wake us: its handler runs then
    $self->{waiting} = 1;
    my $n = select my $ready = $bits, undef, undef, delete $self->{nap};
    $self->{waiting} = 0;

    return if $n <= 0;

    for my $conn (@files) {
        if (vec $ready, fileno $conn->{file}, 1) {
            $self->read_connection($conn);
        }
    }

    if (vec $ready, fileno $self->{listen}, 1) {
        if (accept my $file, $self->{listen}) {
            binmode $file;
            my $conn = { file => $file, stage => 0, buf => '' };
            $self->{conns}{fileno $file} = $conn;
        }
    }

    if ($self->{control} && vec $ready, fileno $self->{control}, 1) {
        $self->read_control;
    }

    return;
}


sub forget
{
    my ($self, $conn) = @_;

    delete $self->{conns}{fileno $conn->{file}};
    close $conn->{file};
    $conn->{closed} = 1;

    return;
}


sub read_connection
{
    my ($self, $conn) = @_;

    my $n = sysread $conn->{file}, $conn->{buf}, CHUNK, length $conn->{buf};

    if ($n) {
        $self->parse($conn);
    } elsif (defined $n || $! != EINTR) {
        $self->forget($conn);
    }

    return;
}


# Takes whole records off the buffer, until a request is complete.

sub parse
{
    my ($self, $conn) = @_;
    my $pos = 0;

    while ($conn->{stage} < 3 && length($conn->{buf}) - $pos >= 8) {
        my ($version, $type, $id, $length, $padding)
            = unpack "\@$pos CCnnC", $conn->{buf};

        if ($version != 1) {
            $self->forget($conn);
            return;
        }

        last if length($conn->{buf}) - $pos < 8 + $length + $padding;

        if (!$self->record($conn, $type, $id,
                           substr $conn->{buf}, $pos + 8, $length)) {
            $self->forget($conn);
            return;
        }

        $pos += 8 + $length + $padding;
    }

    substr $conn->{buf}, 0, $pos, '';

    if ($conn->{stage} == 3) {
        push @{ $self->{ready} }, $conn;
    }

    return;
}


# One record; false if it must not come here.

sub record
{
    my ($self, $conn, $type, $id, $content) = @_;

    if ($conn->{stage} == 0) {
        my ($role, $flags) = unpack 'nC', $content;

        return 0 if $type != BEGIN_REQUEST || length $content != 8 || !$id
                    || $role != 1;

        @$conn{qw( id keep stage params event )} = ($id, $flags & 1, 1, '', '');
        return 1;
    }

    my ($wanted, $name) = $conn->{stage} == 1 ? (PARAMS, 'params')
                                              : (STDIN_DATA, 'event');

    return 0 if $type != $wanted || $id != $conn->{id};

    if ($content eq '') {
        $conn->{stage}++;
    } else {
        $conn->{$name} .= $content;
    }

    return length $conn->{$name} <= $self->{limit};
}


# FastCGI's pairs; undef if they are malformed.

sub parameters
{
    my ($text) = @_;
    my ($pos, $end, %values) = (0, length $text);

    while ($pos < $end) {
        my @length;

        for my $i (0, 1) {
            return if $pos >= $end;

            my $n = ord substr $text, $pos, 1;

            if ($n > 127) {
                return if $pos + 4 > $end;
                $n = unpack("\@$pos N", $text) & 0x7fffffff;
                $pos += 3;
            }

            $pos++;
            $length[$i] = $n;
        }

        return if $pos + $length[0] + $length[1] > $end;

        my $name = $PARTS{substr $text, $pos, $length[0]};
        my $value = substr $text, $pos + $length[0], $length[1];

        $values{$name} = $value if $name && $value ne '';
        $pos += $length[0] + $length[1];
    }

    return \%values;
}


# The next invocation, or undef when there will be none.

sub next_request
{
    my ($self) = @_;

    for ( ;; ) {
        my $conn = shift @{ $self->{ready} };

        if ($conn) {
            next if $conn->{closed};

            my $inv = parameters($conn->{params});

            if (!$inv) {
                $self->forget($conn);
                next;
            }

            $inv->{event} = $conn->{event};
            $self->{current} = $conn;
            $self->{streaming} = 0;
            $self->{nap} = 0.02;
            return $inv;
        }

        return if $self->{shutdown};

        $self->wait_for_request;
    }
}


# --- answers ---

sub records
{
    my ($conn, $type, $data) = @_;
    my $out = '';

    for (my $pos = 0; $pos < length $data; $pos += RECORD) {
        my $part = substr $data, $pos, RECORD;
        $out .= pack('CCnnCx', 1, $type, $conn->{id}, length $part, 0) . $part;
    }

    return $out;
}


# A child of the function is not the environment.

sub ours
{
    my ($self) = @_;

    return $self->{pid} == $$ ? $self->{current} : undef;
}


sub finish
{
    my ($self, $data, $status) = @_;
    my $conn = $self->ours or return;

    $data .= pack('CCnnCx', 1, STDOUT_DATA, $conn->{id}, 0, 0)
             . ($self->{error} // '')
             . pack('CCnnCx NCx3', 1, END_REQUEST, $conn->{id}, 8, 0, $status,
                    0);

    # a signal's handler that prints from now on is not of the invocation
    @$self{qw( current streaming error )} = (undef, 0, undef);
    $self->send_all($conn->{file}, $data);

    @$conn{qw( stage params event )} = (0, '', '');

    if (!$conn->{keep}) {
        $self->forget($conn);
    } elsif ($conn->{buf} ne '') {
        $self->parse($conn);
    }

    return;
}


sub respond
{
    my ($self, $data) = @_;
    my $conn = $self->ours or return;

    return $self->finish(records($conn, STDOUT_DATA, $data), 0);
}


# An error payload, or the end of a stream with one; false if it is larger
# than that may be.

sub fail
{
    my ($self, $json) = @_;
    my $conn = $self->ours or return 1;

    if ($self->{streaming}) {
        return 0 if length $json > STREAM_ERROR_MAX;

        $self->{error} = records($conn, STREAM_ERROR, $json);
        $self->finish('', 1);

    } else {
        $self->finish(records($conn, STDOUT_DATA, $json), 1);
    }

    return 1;
}


sub begin
{
    my ($self, $type) = @_;
    my $conn = $self->ours or return;

    $self->{streaming} = 1;
    $self->send_all($conn->{file}, records($conn, STREAM, $type));

    return;
}


# False when nobody reads any more.

sub piece
{
    my ($self, $data) = @_;
    my $conn = $self->ours or return 0;

    return $self->send_all($conn->{file}, records($conn, STDOUT_DATA, $data));
}


sub end
{
    my ($self) = @_;

    return $self->finish('', 0);
}


# Bytes for the log: of the invocation if there is one.

sub log
{
    my ($self, $text) = @_;
    my $conn = $self->ours;

    if ($conn && !$self->{sending}) {
        $self->send_all($conn->{file}, records($conn, STDERR_DATA, $text));
    } else {
        POSIX::write(2, $text, length $text);
    }

    return;
}


1;
