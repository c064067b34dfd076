# Most work needs only `make test` and `make www`. Everything else is plain cargo and npm.

# The recipes source tests/setup.sh, which needs bash. On many systems /bin/sh is another shell.
SHELL := bash

.PHONY: help test test-native test-all test-servers test-retiring test-bundlers test-libraries test-memory test-wpt budgets fuzz models planted simulate soak bench bench-js lint audit release-check setup package www size clean

help:
	@echo "make test           run all tests natively and in Chromium, Node, Deno, Bun and workerd; install missing tools"
	@echo "make test-all       the same, plus the scenarios in Firefox, WebKit and later versions of Node, plus test-libraries, test-memory, budgets, planted, simulate, the suite js-options, and short runs of models, soak and fuzz"
	@echo "make test-native    run the native tests and the tests of the documentation, which need nothing but Rust"
	@echo "make test-servers   run only the tests with third-party servers"
	@echo "make test-retiring  send 110,000 requests over HTTP/2 to an nginx that retires its connections; it takes about two minutes"
	@echo "make test-bundlers  run only the tests of the npm package with bundlers"
	@echo "make test-libraries run only the tests of the npm package with libraries that take a fetch, and with test tools"
	@echo "make test-memory    test that 100,000 requests of the npm package leak no memory"
	@echo "make bench          compare the client natively with hyper-util, reqwest and other spiders; ARGS=quick takes about a minute"
	@echo "make budgets        count instructions and allocations and compare them with the recorded counts; ARGS=record records, ARGS=get-64 selects a case"
	@echo "make fuzz MINUTES=n  run each fuzz target for n minutes (default 1), two at once; ONLY=\"chunked urls\" selects targets"
	@echo "make models         run the thread models; ITERATIONS=20000 is the number of runs for each of two schedulers, SEED=7 their seed"
	@echo "make planted        plant two races in a copy of the library, and expect a thread model to find each within a minute"
	@echo "make soak           run clients against failing servers over real sockets for MINUTES=30, in namespaces with packet loss if root; ARGS=\"--loopback\" and others"
	@echo "make simulate       run the whole client on a simulated network; SEEDS=1000000 and FIRST=1 select seeds, SEED=1 prints the steps of a seed"
	@echo "make bench-js       compare the npm package with plain fetch, p-queue and ky; ARGS=node or ARGS=chromium selects an engine"
	@echo "make test-wpt WPT=FOLDER   run the fetch tests of a web-platform-tests checkout with the client's fetch; ONLY=\"fetch/api/abort\" selects tests"
	@echo "make lint           check formatting, clippy and rustdoc; warnings are errors"
	@echo "make audit          check the dependencies: known faults, licences, sources; ARGS=offline leaves out the known faults"
	@echo "make release-check  check that both packages can be released; it takes about half an hour; CHECKS=\"api docs\" selects checks"
	@echo "make www            build the live page and serve it with the demo site; ARGS=\"--address 127.0.0.1:0\" selects another port"
	@echo "make package        build the npm package"
	@echo "make size           build the npm package and the smallest Rust program for a browser, and print their sizes"
	@echo "make setup          only install the tools that the tests need"
	@echo "make clean          remove all build output"

test:
	@tests/run.sh

test-native:
	@tests/run.sh native doc

test-all:
	@tests/run.sh all

test-servers:
	@tests/run.sh servers

test-retiring:
	@. tests/setup.sh && setup_servers
	@WATERSPOUT_SERVERS=required WATERSPOUT_RETIRING=long cargo test --all-features --test servers retiring

test-bundlers:
	@tests/run.sh bundlers

test-libraries:
	@tests/run.sh js-libraries

test-memory:
	@tests/run.sh js-memory

bench:
	@benches/run.sh $(ARGS)

budgets:
	@. tests/setup.sh && setup_budgets && run_budgets $(ARGS)

fuzz:
	@fuzz/run.sh $(or $(MINUTES),1) $(ONLY)

models:
	@. tests/setup.sh && setup_cargo && ITERATIONS=$(ITERATIONS) SEED=$(SEED) cargo test --manifest-path tests/models/Cargo.toml \
	  --target-dir "$$(target_directory)" --lib thread_models -- --nocapture

planted:
	@tests/models/planted.sh

soak:
	@. tests/setup.sh && setup_soak && cd tests/soak && exec cargo run --quiet --release --target-dir "$$(target_directory)" -- --seconds $$(($(or $(MINUTES),30) * 60)) $(ARGS)

simulate:
	@. tests/setup.sh && setup_cargo && run_simulation $(if $(SEED),seed $(SEED),$(or $(SEEDS),10000) $(FIRST))

bench-js: package
	@. tests/setup.sh && setup_chromium && cd pkg-js/bench && npm ci --no-audit --no-fund --loglevel=error
	@cargo build --quiet --release --example serve
	@. tests/setup.sh && serve="$$(target_directory)/release/examples/serve" && cd pkg-js/bench && exec node overhead.mjs "$$serve" $(ARGS)

test-wpt:
	@[ -n "$(WPT)" ] || { echo "WPT is not set: set it to the folder of a web-platform-tests checkout" >&2; exit 1; }
	@$(MAKE) --no-print-directory package
	@. tests/setup.sh && setup_chromium && exec node pkg-js/test/wpt/index.mjs "$(WPT)" $(ONLY)

lint:
	@tests/lint.sh

release-check:
	@tests/release.sh $(CHECKS)

audit:
	@tests/audit.sh $(ARGS)

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
