# Everything a user or developer does, by one word. Needs Debian 12 (or alike) with python3, git and make.

.DEFAULT_GOAL := help
.PHONY: run demo test check format bench dashboards kubernetes manual docs reference screenshots lock clean help

CONFIG ?= config/mailport.yml
ARGS ?=

# Real servers and tools that the tests and benchmarks start or call.
TEST_PACKAGES := postfix dovecot-core dovecot-imapd dovecot-lmtpd dovecot-pop3d \
	prometheus prometheus-alertmanager prometheus-blackbox-exporter \
	dnsmasq-base nsd unbound ldnsutils iproute2 nftables procps openssl \
	stunnel4 testssl.sh sslscan nmap postgresql pgbouncer redis-server faketime chromium libatomic1 systemd buildah mandoc zsh fish \
	$(if $(shell command -v kubectl),,kubernetes-client)

run: ## start mailport with config/mailport.yml (CONFIG=FILE for another, ARGS=... for more options)
	@scripts/venv.sh run
	@exec .venv/bin/mailport serve --config $(CONFIG) $(ARGS)

demo: ## watch a farm of good, bad and hostile mail servers on loopback (ARGS=... for options)
	@scripts/venv.sh run
	@exec .venv/bin/mailport demo $(ARGS)

test: ## run all tests against real servers, in as many processes as there are cores (ARGS=... for pytest)
	@scripts/venv.sh dev
	@scripts/debian-packages.sh $(TEST_PACKAGES)
	@scripts/sslyze.sh
	@scripts/docs.sh --only-install
	@scripts/compose.sh
	@scripts/wheels.sh
	@exec .venv/bin/pytest -n logical --maxprocesses 4 --dist loadfile $(ARGS)

check: ## lint, formatting, types and layers
	@scripts/venv.sh dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo

format: ## format the code and mend what ruff can mend
	@scripts/venv.sh dev
	.venv/bin/ruff check --fix-only
	.venv/bin/ruff format

bench: ## run every benchmark in bench/, and hold the figures against the aims (ARGS="growth scrape" for some)
	@scripts/venv.sh dev
	@scripts/debian-packages.sh $(TEST_PACKAGES)
	@scripts/sslyze.sh
	@exec .venv/bin/python -m bench $(ARGS)

dashboards: ## write the Grafana dashboards again, from scripts/dashboards
	@scripts/venv.sh dev
	@.venv/bin/python -m scripts.dashboards

kubernetes: ## write what packaging/kubernetes has of config/ again
	@scripts/venv.sh dev
	@.venv/bin/python -m scripts.kubernetes

docs: ## build the site of docs/ into .cache/site; a broken link is an error
	@scripts/venv.sh dev
	@scripts/docs.sh

reference: ## write the parts of docs/ that follow from the code again: settings, commands
	@scripts/venv.sh dev
	@.venv/bin/python -m scripts.reference

manual: ## write the manual page and the completions of shells again, from the command line
	@scripts/venv.sh dev
	@.venv/bin/python -m scripts.manual

screenshots: ## take the pictures of docs/images from the farm of the demo
	@scripts/venv.sh dev
	@scripts/debian-packages.sh chromium libatomic1
	@PYTHONPATH=. .venv/bin/python scripts/screenshots.py

lock: ## pin the packages of requirements/*.in again, with hashes (ARGS=-U for newer releases)
	@scripts/lock.sh $(ARGS)

clean: ## remove everything that make made here
	rm -rf .venv .cache build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@sed -n 's/^\([a-z]*\): ## \(.*\)/make \1\t\2/p' Makefile | expand -t 14
