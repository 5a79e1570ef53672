# Packages of another Debian suite without a trace on the machine: a private
# apt configuration in build/apt, derived from the machine's own sources
# (same mirror, options and keys).  Sourced after lib.sh.


# apt_private SUITE deb|deb-src: prepares $apt_conf for this suite; false
# when no source of the machine has it

apt_private()
{
    local suite=$1 kind=$2 dir

    dir=$build/apt/$suite-$kind
    apt_conf=$dir/apt.conf

    [ ! -e "$dir/.ok" ] || return 0

    mkdir -p "$dir"/{sources,preferences,state/lists/partial,log} \
             "$dir/cache/archives/partial"

    # hooks of the machine (clean-ups, metadata) are none of our business

    cat > "$apt_conf" <<END
#clear APT::Update;
#clear APT::NeverAutoRemove;
#clear DPkg::Post-Invoke;
#clear DPkg::Pre-Invoke;
#clear DPkg::Pre-Install-Pkgs;
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$dir/sources";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "$dir/preferences";
Dir::State "$dir/state";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "$dir/cache";
Dir::Log "$dir/log";
APT::Sandbox::User "$(id -un)";
Acquire::Retries "3";
Acquire::PDiffs "false";
END

    # one source at a time: a third party may have the suite's name, too

    /usr/bin/python3 "$top/util/apt_sources.py" "$suite" "$kind" |
        (cd "$dir" && rm -f stanza.* && awk -v RS= \
            '{ f = sprintf("stanza.%02d", NR); print > f; close(f) }')

    for stanza in "$dir"/stanza.*; do
        [ -e "$stanza" ] || break
        cp "$stanza" "$dir/sources/private.sources"

        if apt-get -c "$apt_conf" -q --error-on=any update \
               > "$dir/update.log" 2>&1
        then
            touch "$dir/.ok"
            return 0
        fi
    done

    return 1
}


# apt_unpack SUITE PACKAGE DIR: the files of a binary package, not installed

apt_unpack()
{
    local suite=$1 package=$2 dir=$3 tmp

    apt_private "$suite" deb || return 1

    tmp=$(mktemp -d "$build/apt/download.XXXXXX")

    (cd "$tmp" && apt-get -c "$apt_conf" -q download "$package") \
        > "$build/apt/download.log" 2>&1 \
        && rm -rf "$dir" \
        && dpkg-deb -x "$tmp"/*.deb "$dir.new" \
        && mv "$dir.new" "$dir" \
        || { rm -rf "$tmp" "$dir.new"; return 1; }

    rm -rf "$tmp"
}


# apt_source SUITE PACKAGE DIR: the unpacked and patched source package

apt_source()
{
    local suite=$1 package=$2 dir=$3 tmp

    apt_private "$suite" deb-src || return 1

    tmp=$(mktemp -d "$build/apt/source.XXXXXX")

    (cd "$tmp" && apt-get -c "$apt_conf" -q --download-only source \
                          "$package" \
               && dpkg-source --no-check -x ./*.dsc tree) \
        > "$build/apt/source.log" 2>&1 \
        && rm -rf "$dir" \
        && mv "$tmp/tree" "$dir" \
        || { rm -rf "$tmp"; return 1; }

    rm -rf "$tmp"
}
