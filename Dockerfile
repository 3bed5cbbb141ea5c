# Two stages: the first builds the wheel and installs it with its locked dependencies, the second has only that.
FROM python:3.12-slim AS build
WORKDIR /src
RUN pip install --no-cache-dir "uv>=0.9"
COPY pyproject.toml uv.lock README.md CHANGELOG.md LICENSE ./
COPY app app
COPY migrations migrations
RUN uv build --wheel --out-dir /wheels
# The lock decides the versions of what the wheel stands on.
RUN uv export --frozen --no-dev --extra tracing --no-emit-project --quiet --output-file /wheels/requirements.txt
RUN uv venv --quiet --python "$(command -v python)" /opt/afterglow
# Compiled here, because the account that runs it later may not write there.
RUN uv pip install --quiet --python /opt/afterglow --compile-bytecode --link-mode copy --require-hashes --requirement /wheels/requirements.txt
RUN uv pip install --quiet --python /opt/afterglow --compile-bytecode --link-mode copy --no-deps /wheels/*.whl

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/afterglow --create-home afterglow
COPY --from=build /opt/afterglow /opt/afterglow
ENV PATH="/opt/afterglow/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    AFTERGLOW_HOST=0.0.0.0 \
    AFTERGLOW_DATA_DIR=/var/lib/afterglow
USER afterglow
VOLUME /var/lib/afterglow
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('AFTERGLOW_PORT', '8000')}/health/live\", timeout=4)"]
CMD ["afterglow", "serve"]
