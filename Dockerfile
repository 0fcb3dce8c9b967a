# syntax=docker/dockerfile:1
# docker build --build-arg COMMIT="$(git rev-parse --short=10 HEAD)" -t wmda-auth .
FROM rust:1.89-bookworm AS build
# What is written in C (AWS-LC, SQLite) is built with the crates and linked in.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends cmake \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
ARG COMMIT=
ENV WMDA_AUTH_BUILD_COMMIT=$COMMIT
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked -p server \
    && install -D -m 0755 target/release/wmda-auth /out/usr/bin/wmda-auth \
    && install -d -m 0700 /out/var/lib/wmda-auth

# glibc, libgcc and the authorities' certificates; no shell, no package manager, a user that is not root (65532).
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/usr/bin/wmda-auth /usr/bin/wmda-auth
COPY --from=build --chown=nonroot:nonroot /out/var/lib/wmda-auth /var/lib/wmda-auth
WORKDIR /var/lib/wmda-auth
# The root file system can be read-only: the server writes to nothing but what is mounted.
USER nonroot
EXPOSE 8080 9464
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/wmda-auth"]
CMD ["serve"]
