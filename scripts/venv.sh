#!/bin/sh
# Makes .venv with what mailport needs and mailport itself, editable.
#   scripts/venv.sh run    what it runs with
#   scripts/venv.sh dev    what it is tested with, too
# Every package is checked against the hashes in requirements/, and nothing is built from source. Done again only
# when the requirements, the Python or the folder have changed; `make clean` starts from nothing.
set -eu
cd "$(dirname "$0")/.."

group=${1:-}
case $group in
run | dev) ;;
*)
    echo "usage: scripts/venv.sh run|dev" >&2
    exit 2
    ;;
esac

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore

fail() {
    echo "scripts/venv.sh: $*" >&2
    exit 1
}

find_python() {
    for candidate in ${PYTHON:-python3.11 python3 python3.12 python3.13 python3.14}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "no Python 3.11 or newer found. Install one (Debian 12: apt-get install python3), or name it: PYTHON=/path/to/python make ..."
}

# The words that must be the same for an existing .venv to be kept.
key_of() {
    "$python" -c 'import sys; print(sys.version)'
    pwd
    sha256sum "requirements/$1.txt"
}

is_current() {
    [ -x .venv/bin/python ] && [ "$(cat ".venv/.$1" 2>/dev/null)" = "$(key_of "$1")" ]
}

make_venv() {
    # Debian ships Python without ensurepip; its package python3-venv brings it.
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        echo "This Python cannot make virtual environments yet; installing the Debian package $version." >&2
        scripts/debian-packages.sh "$version"
    fi
    "$python" -m venv --clear .venv
}

install_group() {
    echo "Installing requirements/$1.txt into .venv ..." >&2
    .venv/bin/python -m pip install --quiet --require-hashes --only-binary=:all: -r "requirements/$1.txt" ||
        fail "pip could not install requirements/$1.txt (its reason is above). Check the network or your pip settings, then run this again."
    key_of "$1" >".venv/.$1"
}

install_mailport() {
    key=$(cat pyproject.toml scanner/__init__.py | sha256sum)
    if [ "$(cat .venv/.mailport 2>/dev/null)" != "$key" ]; then
        .venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
        echo "$key" >.venv/.mailport
    fi
}

python=$(find_python)
if ! is_current "$group"; then
    # On top of a current run group the dev group only adds; anything else starts afresh, without leftovers.
    if [ "$group" = run ] || ! is_current run; then
        make_venv
    fi
    install_group "$group"
    # The dev group holds the run group, at the same versions.
    key_of run >.venv/.run
fi
install_mailport
