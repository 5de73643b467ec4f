#!/bin/sh
# Puts sslyze into .cache/sslyze: the tests and benchmarks run it as a program beside mailport and import nothing of it.
set -eu
exec "$(dirname "$0")/own_environment.sh" sslyze setuptools sslyze
