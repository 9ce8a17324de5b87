# One image for every service of ours. Two stages: what builds it stays behind.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/leeway
WORKDIR /build
# The libraries first, in a layer of their own that a change of our code leaves as it is; byte-compiled, else every process
# would compile Great Expectations and Evidently anew. The lock constrains: what only developers need is left out.
COPY pyproject.toml requirements.lock README.md LICENSE /build/
RUN /opt/leeway/bin/pip install --compile --constraint requirements.lock ".[dask,s3,server]"
COPY leeway /build/leeway
COPY tasks /build/tasks
COPY flows /build/flows
COPY dashboards /build/dashboards
COPY docs/runbooks /build/docs/runbooks
RUN /opt/leeway/bin/pip install --compile --no-deps --force-reinstall .

FROM python:3.11-slim-bookworm
COPY --from=build /opt/leeway /opt/leeway
# /data is the place of a volume, which takes its owner from here. Home is a place that every service may write to.
RUN useradd --uid 10001 --no-create-home --home-dir /tmp leeway && install --directory --owner=leeway /data /project
ENV PATH=/opt/leeway/bin:/usr/local/bin:/usr/bin:/bin HOME=/tmp PYTHONUNBUFFERED=1 LEEWAY_HOME=/data LEEWAY_PROJECT=/project
WORKDIR /project
USER leeway
CMD ["leeway", "--help"]
