# The two commands most people need are `make test` and `make www`; everything else is plain cargo and npm.

# The recipes source tests/setup.sh, which is bash; /bin/sh is another shell on many systems.
SHELL := bash

.PHONY: help test test-all test-servers test-bundlers test-memory test-wpt bench-js lint setup package www size clean

help:
	@echo "make test     all tests: natively, in Chromium, Node, Deno, Bun and workerd; installs what it lacks"
	@echo "make test-all      those, the scenarios in Firefox, WebKit and later versions of Node, and test-memory"
	@echo "make test-servers  only the tests with servers that others have written"
	@echo "make test-bundlers only the npm package through bundlers"
	@echo "make test-memory   that 100,000 requests of the npm package leave nothing behind"
	@echo "make bench-js      the npm package beside plain fetch, p-queue and ky; ARGS=node or ARGS=chromium for one engine"
	@echo "make test-wpt WPT=FOLDER   the web platform's own tests of fetch, from a checkout, with the client's fetch; ONLY=\"fetch/api/abort\" for some"
	@echo "make lint     formatting, clippy and rustdoc, warnings as errors"
	@echo "make www      builds the live page and serves it with the demo site; ARGS=\"--address 127.0.0.1:0\" for another port"
	@echo "make package  builds the npm package"
	@echo "make size     builds the npm package and the smallest Rust program for a browser, and says what they weigh"
	@echo "make setup    installs what the tests need, and nothing else"
	@echo "make clean    removes what was built"

test:
	@tests/run.sh

test-all:
	@tests/run.sh all

test-servers:
	@tests/run.sh servers

test-bundlers:
	@tests/run.sh bundlers

test-memory:
	@tests/run.sh js-memory

bench-js: package
	@. tests/setup.sh && setup_chromium && cd pkg-js/bench && npm ci --no-audit --no-fund --loglevel=error
	@cargo build --quiet --release --example serve
	@. tests/setup.sh && serve="$$(target_directory)/release/examples/serve" && cd pkg-js/bench && exec node overhead.mjs "$$serve" $(ARGS)

test-wpt:
	@[ -n "$(WPT)" ] || { echo "WPT has to name a checkout of web-platform-tests" >&2; exit 1; }
	@$(MAKE) --no-print-directory package
	@. tests/setup.sh && setup_chromium && exec node pkg-js/test/wpt/index.mjs "$(WPT)" $(ONLY)

lint:
	@tests/lint.sh

setup:
	@. tests/setup.sh && setup_all

package:
	@. tests/setup.sh && setup_package
	@cd pkg-js && npm run --silent build

size: package
	@cd pkg-js && npm run --silent size
	@node examples/minimal/size.mjs
	@node examples/minimal/size.mjs std

www: package
	@node www/build.mjs
	@cargo build --quiet --release --example serve
	@. tests/setup.sh && exec "$$(target_directory)/release/examples/serve" --directory www/dist $(ARGS)

clean:
	cargo clean
	rm -rf pkg-js/build pkg-js/dist pkg-js/node_modules www/dist
