#!/bin/sh
# Installs the Debian packages named, if they are missing. Asks nothing, and starts and enables no service:
# the tests start their own servers, with their own settings.
#   scripts/debian-packages.sh PACKAGE...
set -eu

is_installed() {
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=
for package in "$@"; do
    is_installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "scripts/debian-packages.sh: these Debian packages are needed, and there is no apt-get here:$missing" >&2
    echo "Use Debian 12, or install their like by hand and start the tests by .venv/bin/pytest." >&2
    exit 1
fi

if [ "$(id -u)" -ne 0 ]; then
    # Without a terminal sudo cannot ask for a password, and must not wait for one.
    if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        echo "Asking sudo for the right to install:$missing" >&2
        exec sudo "$0" "$@"
    fi
    echo "scripts/debian-packages.sh: installing needs root, and sudo is missing or wants a password. Run as root:" >&2
    echo "    $0$missing" >&2
    exit 1
fi

policy=/usr/sbin/policy-rc.d
saved=/usr/sbin/policy-rc.d.before-mailport

restore_policy() {
    rm -f "$policy"
    if [ -e "$saved" ]; then
        mv "$saved" "$policy"
    fi
}

# Exit status 101 tells the packages' own scripts: start nothing.
forbid_starting() {
    if [ -e "$policy" ] && [ ! -e "$saved" ]; then
        mv "$policy" "$saved"
    fi
    trap restore_policy EXIT
    trap 'exit 130' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
}

# Units that came with the packages would otherwise start at the next boot.
disable_units() {
    command -v systemctl >/dev/null || return 0
    for package in $missing; do
        for unit in $(dpkg --listfiles "$package" | sed -nE 's#^.*/lib/systemd/system/([^/@]+\.(service|socket|timer))$#\1#p'); do
            systemctl disable --quiet "$unit" 2>/dev/null || true
        done
    done
}

export DEBIAN_FRONTEND=noninteractive
echo "Installing Debian packages:$missing" >&2
forbid_starting
log=$(mktemp)
if ! {
    apt-get -q -o DPkg::Lock::Timeout=300 update
    case " $missing " in
    *" postfix "*) echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections ;;
    esac
    # --no-remove: never push out another mail server that this machine uses.
    # shellcheck disable=SC2086 # one word a package
    apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends --no-remove $missing
} >"$log" 2>&1 </dev/null; then
    tail -n 30 "$log" >&2
    rm -f "$log"
    echo "scripts/debian-packages.sh: apt-get could not install:$missing (its reason is above)" >&2
    exit 1
fi
rm -f "$log"
disable_units
