# syntax=docker/dockerfile:1
# The command `connector` with the default models, on a CPU and without torch: nothing is fetched when it starts.
#
#     docker build --tag hybrid-connector .
#     docker run --rm --network host hybrid-connector doctor http://127.0.0.1:9200
#     docker run --rm --network host hybrid-connector search articles "remove limescale"

FROM python:3.13-slim AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /source
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY connector connector
COPY mappings mappings
COPY examples examples
# Only other models need torch, which with CUDA's libraries takes 5 GB.
RUN printf '%s\n' torch transformers sentence-transformers > excluded.txt \
    && uv venv /opt/connector \
    && uv pip install --no-cache --compile-bytecode --python /opt/connector/bin/python \
        --constraint requirements.lock --excludes excluded.txt ".[metrics,opensearch,parquet,zstd]"

FROM python:3.13-slim
COPY --from=build /opt/connector /opt/connector
ENV PATH=/opt/connector/bin:$PATH HF_HUB_OFFLINE=1
RUN useradd --create-home --uid 10001 connector
USER 10001
WORKDIR /home/connector
RUN --network=none connector doctor embedded:checked && rm -r checked
ENTRYPOINT ["connector"]
