# The services' image: the same set-up as `make setup`, without the servers.
FROM debian:13-slim AS build
WORKDIR /opt/zaitu
COPY . .
RUN scripts/setup.sh --without-servers && rm -rf web/node_modules

FROM debian:13-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --user-group --no-create-home --home-dir /nonexistent zaitu \
    && install -d -o zaitu -g zaitu /opt/zaitu /var/lib/zaitu
COPY --from=build /opt/zaitu /opt/zaitu
USER zaitu
WORKDIR /var/lib/zaitu
ENV PATH=/opt/zaitu/.venv/bin:/usr/bin:/bin ZAITU_LOG_FORMAT=json
ENTRYPOINT ["zaitu"]
