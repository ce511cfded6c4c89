# The binary, a libc and the certificates, nobody's shell: made for `tidegate run`, and good for every other command.
ARG RUNTIME=gcr.io/distroless/cc-debian12

FROM rust:1-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src ./src
COPY specs ./specs
COPY policies ./policies
COPY README.md ./
# The test and the benchmark are named in Cargo.toml and are not built here.
RUN mkdir -p tests benches/council && echo 'fn main() {}' | tee tests/main.rs > benches/council/main.rs \
    && cargo build --release --locked --bin tidegate && mkdir -p /empty

FROM ${RUNTIME}
COPY --from=build /src/target/release/tidegate /usr/local/bin/tidegate
# The only place that is written to: everything else may be read-only.
COPY --from=build --chown=10001:10001 /empty /var/lib/tidegate
WORKDIR /specs
USER 10001:10001
VOLUME /var/lib/tidegate
# Others reach it only once somebody says 0.0.0.0 and gives a token.
ENV TIDEGATE_LISTEN=127.0.0.1:9464
EXPOSE 9464
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["tidegate", "health"]
ENTRYPOINT ["tidegate"]
CMD ["run", "--file", "/specs", "--ledger", "/var/lib/tidegate/ledger"]
