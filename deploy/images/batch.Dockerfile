# The batch layer: Spark in one container, with Java, and its jars fetched when the image is built.
# From the root of the repository: docker build -f deploy/images/batch.Dockerfile -t ucid-batch:0.1.0 .
FROM python:3.11.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY identity identity
COPY schemas schemas
COPY speed_layer speed_layer
COPY batch_layer batch_layer
COPY serving_layer serving_layer
COPY deploy deploy
COPY benchmarks benchmarks
RUN pip wheel --no-cache-dir --wheel-dir /wheels --constraint deploy/images/constraints.txt '.[speed,batch]'

FROM python:3.11.11-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends openjdk-17-jre-headless procps \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 ucid \
    && useradd --uid 10001 --gid ucid --create-home ucid \
    && install --directory --owner ucid --group ucid --mode 0750 \
       /srv/ucid /srv/ucid/generations /srv/ucid/delta /srv/ucid/serving /srv/ucid/anchors
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels 'ucid[speed,batch]'
ENV UCID_CACHE=/opt/ucid/cache
RUN python -c "from pathlib import Path; from deploy.local import format_jars, spark_jars; \
    cache = Path('/opt/ucid/cache'); spark_jars(cache); format_jars('avro', cache); format_jars('jdbc', cache)" \
    && chown --recursive ucid:ucid /opt/ucid
ENV UCID_LOG=json PYTHONUNBUFFERED=1
USER 10001:10001
ENTRYPOINT ["ucid"]
CMD ["batch"]
