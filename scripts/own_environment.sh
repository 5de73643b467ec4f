#!/bin/sh
# Puts the packages of requirements/NAME.txt into .cache/NAME, an environment of its own: for programs that are run
# beside mailport and of which nothing is imported. Every package is checked against its hash, and nothing is built
# from source but SOURCE, by BUILDER. Done again only when these, the Python or the folder have changed.
#   scripts/own_environment.sh NAME [BUILDER SOURCE]
set -eu
cd "$(dirname "$0")/.."

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore

name=$1
builder=${2:-}
source=${3:-}
place=.cache/$name
python=.venv/bin/python
locked=requirements/$name.txt
key=$("$python" -c 'import sys; print(sys.version)'; pwd; sha256sum "$locked")
[ "$(cat "$place/.key" 2>/dev/null)" != "$key" ] || exit 0

echo "Installing $locked into $place ..." >&2
mkdir -p .cache
"$python" -m venv --clear "$place"

install() {
    "$place/bin/python" -m pip install --quiet --require-hashes --only-binary=:all: "$@" || {
        echo "scripts/own_environment.sh: pip could not install $locked (its reason is above). Check the network or your pip settings, then run this again." >&2
        exit 1
    }
}

if [ -n "$builder" ]; then
    # It comes first, so that pip fetches nothing unchecked to build with.
    awk -v start="^$builder==" '/^[a-z]/ { wanted = $0 ~ start } wanted' "$locked" >"$place/build.txt"
    install -r "$place/build.txt"
    install --no-binary="$source" --no-build-isolation -r "$locked"
else
    install -r "$locked"
fi
echo "$key" >"$place/.key"
