# Test::Nginx: the machine's own, else Debian's package, unpacked into the
# build folder.  Sourced after lib.sh and apt.sh; adds to PERL5LIB.


need_test_nginx()
{
    local dir=$build/test-nginx

    if perl -e 'require Test::Nginx::Socket' > /dev/null 2>&1; then
        return 0
    fi

    PERL5LIB=$dir/usr/share/perl5${PERL5LIB:+:$PERL5LIB}
    export PERL5LIB

    [ ! -e "$dir/usr/share/perl5/Test/Nginx/Socket.pm" ] || return 0

    say "taking libtest-nginx-perl from Debian's development distribution"

    if ! apt_unpack sid libtest-nginx-perl "$dir"; then
        tail -n 5 "$build"/apt/sid-deb/update.log "$build/apt/download.log" \
            >&2 2> /dev/null || true
        die "no Test::Nginx on this machine, and libtest-nginx-perl could" \
            "not be had from sid through its package sources; install" \
            "Test::Nginx::Socket and run this again"
    fi
}
