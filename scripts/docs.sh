#!/bin/sh
# Builds the site of docs/ into .cache/site by MkDocs, which gets an environment of its own in .cache/docs: nothing that
# runs or is tested needs it. Every package is checked against the hashes in requirements/docs.txt, and installed again
# only when these, the Python or the folder have changed. A broken link, anchor or navigation ends the build.
#   scripts/docs.sh           build
#   scripts/docs.sh --only-install
set -eu
cd "$(dirname "$0")/.."

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
# MkDocs for Material tells of the future of MkDocs at each start; the version here is pinned.
export NO_MKDOCS_2_WARNING=1

place=.cache/docs
python=.venv/bin/python
locked=requirements/docs.txt
key=$("$python" -c 'import sys; print(sys.version)'; pwd; sha256sum "$locked")
if [ "$(cat "$place/.key" 2>/dev/null)" != "$key" ]; then
    echo "Installing $locked into $place ..." >&2
    mkdir -p .cache
    "$python" -m venv --clear "$place"
    "$place/bin/python" -m pip install --quiet --require-hashes --only-binary=:all: -r "$locked" || {
        echo "scripts/docs.sh: pip could not install MkDocs (its reason is above). Check the network or your pip settings, then run this again." >&2
        exit 1
    }
    echo "$key" >"$place/.key"
fi
[ "${1:-}" != --only-install ] || exit 0
exec "$place/bin/mkdocs" build --strict --quiet --clean "$@"
