#!/bin/sh
# Installs what the tests need and leaves alone what is there: the C toolchain that
# the race detector links with, Node and its official client, and a compiler for the
# example router.
set -eu
cd "$(dirname "$0")"

sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"

# apt installs Debian packages; on other systems it says what is missing.
apt() {
	if ! command -v apt-get >/dev/null; then
		echo "deps: please install $*: some tests are skipped without" >&2
		return 0
	fi
	echo "deps: installing $*"
	[ -n "${updated:-}" ] || $sudo apt-get update -qq
	updated=1
	DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

command -v gcc >/dev/null || command -v clang >/dev/null || apt gcc libc6-dev
# The example router is Rust; any rustc that has the Wasm target will do.
wasm=$(rustc --print target-libdir --target wasm32-unknown-unknown 2>/dev/null || true)
ls "${wasm:-/nowhere}"/libcore-*.rlib >/dev/null 2>&1 || ls /usr/lib/rustlib/wasm32-unknown-unknown/lib/libcore-*.rlib >/dev/null 2>&1 || apt rustc libstd-rust-dev-wasm32 lld
command -v node >/dev/null && command -v npm >/dev/null || apt nodejs npm

want=$(sed -n 's/.*"openai": *"\([0-9.]*\)".*/\1/p' clients/package.json)
have=$(sed -n 's/^ *"version": *"\([0-9.]*\)".*/\1/p' clients/node_modules/openai/package.json 2>/dev/null | head -n 1 || true)
if [ "$want" != "$have" ] && command -v npm >/dev/null; then
	echo "deps: installing the openai client $want"
	(cd clients && npm ci --ignore-scripts --no-audit --no-fund --silent)
fi
