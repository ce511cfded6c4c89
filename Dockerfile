# A static-enough image: the binary, the certificates, nobody's shell.
FROM rust:1-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src ./src
COPY specs ./specs
COPY policies ./policies
COPY README.md ./
# The one test binary is named in Cargo.toml and is not built here.
RUN mkdir tests && echo 'fn main() {}' > tests/main.rs && cargo build --release --locked --bin tidegate

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin tidegate
COPY --from=build /src/target/release/tidegate /usr/local/bin/tidegate
USER 10001
WORKDIR /specs
ENTRYPOINT ["tidegate"]
CMD ["--help"]
