# The two commands most people need are `make test` and `make www`; everything else is plain cargo and npm.

.PHONY: help test lint setup www size clean

help:
	@echo "make test    all tests, on every platform; installs what it lacks"
	@echo "make lint    formatting, clippy and rustdoc, warnings as errors"
	@echo "make www     builds the live page and serves it with the demo site"
	@echo "make size    builds the npm package and says what it weighs"
	@echo "make setup   installs what the tests need, and nothing else"

test:
	@tests/run.sh

lint:
	@tests/lint.sh

setup:
	@. tests/setup.sh && setup_all

www:
	@. tests/setup.sh && setup_package
	@cd pkg-js && npm run --silent build
	@node www/build.mjs
	@cargo build --quiet --release --example serve
	@target="$$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')"; \
	  exec "$$target/release/examples/serve" --directory www/dist $(ARGS)

size:
	@. tests/setup.sh && setup_package
	@cd pkg-js && npm run --silent build && npm run --silent size

clean:
	cargo clean
	rm -rf pkg-js/build pkg-js/dist pkg-js/node_modules www/dist
