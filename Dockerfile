# mailport in a container:
#   docker build -t mailport . && docker run -p 9587:9587 -v mailport-data:/var/lib/mailport mailport

# The tag is a floor that gets security fixes; to pin one image, give its digest: --build-arg BASE=python@sha256:...
ARG BASE=python:3.11-slim-bookworm

# Stage 1: everything with pip in it. Each package is checked against the hashes in requirements/run.txt.
FROM ${BASE} AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore

WORKDIR /build
COPY requirements/run.txt requirements/run.txt
RUN python -m venv /build/tools \
    && /build/tools/bin/pip download --dest wheels --require-hashes --only-binary=:all: -r requirements/run.txt \
    && /build/tools/bin/pip install --no-index --find-links wheels --require-hashes -r requirements/run.txt

COPY pyproject.toml README.md LICENSE ./
COPY packaging/man packaging/man
COPY packaging/completions packaging/completions
COPY scanner scanner
# The venv that goes on gets no pip and no build tools: what mailport needs, from the checked wheels, and mailport.
RUN /build/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir wheels . \
    && python -m venv --without-pip /opt/mailport \
    && /build/tools/bin/pip --python /opt/mailport/bin/python install --no-index --find-links wheels mailport


# Stage 2: what runs.
FROM ${BASE}

ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="mailport" \
      org.opencontainers.image.description="Watches the mail ports of domains and tells Prometheus which are blocked or downgraded." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.url="https://github.com/mailport/mailport" \
      org.opencontainers.image.source="https://github.com/mailport/mailport" \
      org.opencontainers.image.documentation="https://github.com/mailport/mailport/blob/main/docs/install.md" \
      org.opencontainers.image.licenses="Apache-2.0"

ENV PATH=/opt/mailport/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    STATE_DIRECTORY=/var/lib/mailport

COPY --from=build /opt/mailport /opt/mailport
COPY config/mailport.yml /etc/mailport/mailport.yml
# The only folder that mailport may write to, and where its store is; a named volume laid over it gets this owner.
RUN install -d -o 65532 -g 65532 /var/lib/mailport
WORKDIR /var/lib/mailport

# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
EXPOSE 9587

# Finds out by itself whether the service speaks TLS or wants a password; give it the --listen of the service, if any.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["mailport", "health", "--config", "/etc/mailport/mailport.yml"]

ENTRYPOINT ["mailport"]
CMD ["serve", "--config", "/etc/mailport/mailport.yml"]
