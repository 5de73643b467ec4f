#!/bin/sh
# Puts sslyze into .cache/sslyze, an environment of its own: the tests and benchmarks run it as a program beside
# mailport and import nothing of it. Every package is checked against the hashes in requirements/sslyze.txt. Done
# again only when these, the Python or the folder have changed.
set -eu
cd "$(dirname "$0")/.."

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore

place=.cache/sslyze
python=.venv/bin/python
locked=requirements/sslyze.txt
key=$("$python" -c 'import sys; print(sys.version)'; pwd; sha256sum "$locked")
[ "$(cat "$place/.key" 2>/dev/null)" != "$key" ] || exit 0

echo "Installing $locked into $place ..." >&2
mkdir -p .cache
"$python" -m venv --clear "$place"

install() {
    "$place/bin/python" -m pip install --quiet --require-hashes "$@" || {
        echo "scripts/sslyze.sh: pip could not install sslyze (its reason is above). Check the network or your pip settings, then run this again." >&2
        exit 1
    }
}

# What builds sslyze comes first, so that pip fetches nothing unchecked for it; the rest comes as wheels.
awk '/^[a-z]/ { wanted = /^setuptools==/ } wanted' "$locked" >"$place/build.txt"
install --only-binary=:all: -r "$place/build.txt"
install --only-binary=:all: --no-binary=sslyze --no-build-isolation -r "$locked"
echo "$key" >"$place/.key"
