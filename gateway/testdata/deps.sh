#!/bin/sh
# Installs what the tests need and leaves alone what is there: the C toolchain that
# the race detector links with, redis-server, Prometheus, nginx, Caddy, a browser, official clients for Node and Python, and the
# compilers of the plugin SDKs. What can't be had is named, and the tests that need it are skipped.
set -eu
cd "$(dirname "$0")"
sdk=../../sdk

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

# compiles reports whether an SDK's compiler is there: the SDK itself knows which will do.
compiles() { make -s -C "$sdk/$1" compiler >/dev/null 2>&1; }

# packages installs what a folder's lock file lists, unless that was done already.
packages() {
	if ! cmp -s "$1/package-lock.json" "$1/node_modules/.installed" && command -v npm >/dev/null; then
		echo "deps: installing $2"
		(cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --silent && cp package-lock.json node_modules/.installed)
	fi
}

command -v gcc >/dev/null || command -v clang >/dev/null || apt gcc libc6-dev
compiles c || apt clang lld
compiles rust || apt rustc libstd-rust-dev-wasm32 lld
command -v redis-server >/dev/null || apt redis-server
command -v chromium >/dev/null || command -v google-chrome >/dev/null || apt chromium
command -v prometheus >/dev/null || apt prometheus
command -v nginx >/dev/null || apt nginx-light
command -v caddy >/dev/null || apt caddy
command -v node >/dev/null && command -v npm >/dev/null || apt nodejs npm
packages clients "the official clients for Node"
packages browser "axe-core for the tests in a browser"
packages "$sdk/assemblyscript" AssemblyScript

python() { python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore "$@"; }

if ! cmp -s clients/requirements.txt clients/python/.installed; then
	python3 -m pip --version >/dev/null 2>&1 || apt python3 python3-pip
	echo "deps: installing the official clients for Python"
	rm -rf clients/python
	python --target clients/python -r clients/requirements.txt && cp clients/requirements.txt clients/python/.installed ||
		echo "deps: no official clients for Python can be had: their tests are skipped" >&2
fi

if ! compiles zig; then
	python3 -m pip --version >/dev/null 2>&1 || apt python3 python3-pip
	echo "deps: installing $(cat "$sdk/zig/requirements.txt")"
	python --target "$sdk/zig/ziglang" -r "$sdk/zig/requirements.txt" ||
		echo "deps: no Zig compiler can be had: the tests of its SDK are skipped" >&2
fi
