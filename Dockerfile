# One image for web, worker, steps and migrations. The base is a build argument, so that a pipeline can
# give the digest that it trusts: --build-arg PYTHON_IMAGE=python:3.11-slim@sha256:…
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS libraries
WORKDIR /opt
COPY requirements.lock .
RUN python -m venv --without-pip venv \
    && pip --python venv/bin/python install --no-cache-dir --disable-pip-version-check --progress-bar off \
        --no-compile --require-hashes --only-binary :all: -r requirements.lock \
    && find venv/lib -type d \( -name tests -o -path '*/pyarrow/include' -o -path '*/pyarrow/src' \
        -o -path '*/numpy/*/include' \) -prune -exec rm -rf {} + \
    && find venv/lib \( -name '*.pyi' -o -name '*.pxd' -o -name '*.pyx' -o -name '*.a' \) -delete \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash venv/lib

FROM ${PYTHON_IMAGE} AS warm
ENV PATH=/opt/venv/bin:$PATH NUMBA_CPU_NAME=generic
COPY --from=libraries /opt/venv /opt/venv
WORKDIR /app
COPY . .
# Whole seconds, the same for every build: the compiled engine is found by the time of its source.
RUN find . -exec touch -h -d @1767225600 {} + \
    && python -m backtest.precompile \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash . \
    && find . -exec touch -h -d @1767225600 {} +

FROM ${PYTHON_IMAGE}
ARG IMAGE_TAG=local
LABEL org.opencontainers.image.title="stock-backtest" \
    org.opencontainers.image.description="Self-hosted backtesting of trading rules" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.revision="${IMAGE_TAG}"
COPY --from=libraries /opt/venv /opt/venv
COPY --from=warm /app /app
WORKDIR /app
# A processor that every machine has: what was compiled here is then used there.
# An image with packages of rules writes RULE_CATALOGUE, see docs/rules.md.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NUMBA_CPU_NAME=generic \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    RULE_CATALOGUE=/app/rule-catalogue.json \
    FLASK_ENV=production \
    HOST=0.0.0.0 \
    PORT=5000 \
    IMAGE_TAG=${IMAGE_TAG}
USER 10001:10001
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/health', timeout=2)"]
CMD ["python", "-m", "web"]
