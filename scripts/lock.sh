#!/bin/sh
# Pins every package of requirements/*.in, with the hashes of all its files, in requirements/*.txt.
# Run it after a change of *.in; give -U to take newer releases, or -P NAME for one package.
set -eu
cd "$(dirname "$0")/../requirements"

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT INT TERM
python3 -m venv "$tools"
"$tools/bin/pip" install --quiet --disable-pip-version-check pip-tools==7.6.2

pin() {
    name=$1
    shift
    # Wheels and settings of this machine stay out: the hashes are those of the public releases.
    PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS='' "$tools/bin/pip-compile" --quiet --generate-hashes \
        --no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options \
        --strip-extras --allow-unsafe --output-file="$name.txt" "$@" "$name.in"
    # pip-tools says above setuptools that some call it unsafe to pin; nothing here does.
    { echo "# Made by scripts/lock.sh from $name.in. Do not edit."; sed '/^# The following packages/d' "$name.txt"; } >"$tools/$name.txt"
    cp "$tools/$name.txt" "$name.txt"
}

pin run "$@"
pin dev "$@"
pin sslyze "$@"
pin docs "$@"
pin compose "$@"
