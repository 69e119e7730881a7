# syntax=docker/dockerfile:1
# docker build --build-arg VERSION=$(git describe --tags --always) -t penstock .
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev TARGETOS TARGETARCH
RUN make module && GOOS=$TARGETOS GOARCH=$TARGETARCH make build VERSION=$VERSION && mkdir /state

# Distroless: certificates, time zones and a user, but no shell.
FROM gcr.io/distroless/static-debian12:nonroot
ARG VERSION=dev
LABEL org.opencontainers.image.title="Penstock" \
      org.opencontainers.image.description="An AI gateway: one HTTP endpoint in front of every model provider" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version=$VERSION
COPY --from=build /src/bin/penstock /usr/local/bin/penstock
COPY --from=build --chown=65532:65532 /state /var/lib/penstock
COPY examples/operate/container.yaml /etc/penstock/penstock.yaml
ENV PENSTOCK_CONFIG=/etc/penstock/penstock.yaml PENSTOCK_CACHE_DIR=/var/lib/penstock/cache
USER 65532:65532
VOLUME /var/lib/penstock
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/usr/local/bin/penstock", "health"]
ENTRYPOINT ["/usr/local/bin/penstock"]
CMD ["serve"]
