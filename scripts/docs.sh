#!/bin/sh
# Builds the site of docs/ into .cache/site by MkDocs, which gets an environment of its own in .cache/docs: nothing that
# runs needs it. A broken link, anchor or navigation ends the build.
#   scripts/docs.sh           build
#   scripts/docs.sh --only-install
set -eu
cd "$(dirname "$0")/.."

# MkDocs for Material tells of the future of MkDocs at each start; the version here is pinned.
export NO_MKDOCS_2_WARNING=1

scripts/own_environment.sh docs
[ "${1:-}" != --only-install ] || exit 0
exec .cache/docs/bin/mkdocs build --strict --quiet --clean "$@"
