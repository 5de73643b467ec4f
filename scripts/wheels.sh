#!/bin/sh
# Puts the wheels of requirements/run.txt into .cache/wheels, each checked against its hash: the tests build the container
# image from them, without a network. Done again only when the requirements or the Python have changed.
set -eu
cd "$(dirname "$0")/.."

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

place=.cache/wheels
python=.venv/bin/python
locked=requirements/run.txt
key=$("$python" -c 'import sys; print(sys.version)'; sha256sum "$locked")
[ "$(cat "$place/.key" 2>/dev/null)" != "$key" ] || exit 0

echo "Fetching the wheels of $locked into $place ..." >&2
rm -rf "$place"
mkdir -p "$place"
"$python" -m pip download --quiet --require-hashes --only-binary=:all: --dest "$place" -r "$locked" || {
    echo "scripts/wheels.sh: pip could not fetch the wheels (its reason is above). Check the network or your pip settings, then run this again." >&2
    exit 1
}
echo "$key" >"$place/.key"
