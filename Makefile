# Two commands do all the set-up on a fresh machine: `make serve` and `make test`.

SWIFT ?= swift
RELEASE = .build/release/berth
LISTEN ?= 127.0.0.1:5000
ROOT ?= Storage/data
PREFIX ?= /usr/local
BENCH = Tests/Benchmarks/.build/release/bench
# A hundred at a time: all at once hold twenty thousand descriptors, and take longer.
TEST_ROOMS = $(SWIFT) test --disable-xctest --skip-build --skip 'BerthFaultTests|BerthClientTests' \
	--experimental-maximum-parallelization-width 100

.PHONY: serve build test test-rooms search test-clients test-deps deps bench bench-smoke bench-build format lint install clean help

help:
	@sed -n 's/^## //p' Makefile

## make serve         install what is missing, build, and serve on 127.0.0.1:5000 with data under Storage/data
serve: build
	$(RELEASE) serve --listen $(LISTEN) --root $(ROOT)

## make build         leave the release binary at .build/release/berth
build: deps
	$(SWIFT) build -c release --product berth --static-swift-stdlib

## make test          install what is missing and run all tests, the real clients included
test: test-deps
	$(SWIFT) build --build-tests
	$(TEST_ROOMS)
	SEARCH_SCHEDULES=100000 $(SWIFT) test --disable-xctest --skip-build --filter BerthCollectorTests.InterleavingTests/search
	$(SWIFT) test --disable-xctest --skip-build --filter BerthFaultTests
	REQUIRE_CLIENTS=1 $(SWIFT) test --disable-xctest --skip-build --filter BerthClientTests

## make test-rooms    the tests without faults and real clients: no further packages needed
test-rooms: deps
	$(SWIFT) build --build-tests
	$(TEST_ROOMS)

## make search        the search through interleavings of pushes and collecting, SCHEDULES=100000 of them
search: deps
	$(SWIFT) build --build-tests
	SEARCH_SCHEDULES=$(or $(SCHEDULES),100000) $(SWIFT) test --disable-xctest --skip-build \
		--filter BerthCollectorTests.InterleavingTests/search

## make test-clients  real clients (Docker, containerd, Podman, Skopeo, …) against a real server
test-clients: test-deps
	$(SWIFT) build --build-tests
	REQUIRE_CLIENTS=1 $(SWIFT) test --disable-xctest --skip-build --filter BerthClientTests

## make bench         berth beside its peers, an hour and more; SCENARIO=… runs some of it (Tests/Benchmarks/README.md)
bench: build bench-build
	$(BENCH) run $(SCENARIO) $(BENCH_OPTIONS)

## make bench-smoke   a tiny version of the benchmark, of wrong answers and not of times; takes the debug build
bench-smoke: deps bench-build
	$(SWIFT) build --product berth
	$(BENCH) smoke $(SCENARIO) $(BENCH_OPTIONS)

bench-build:
	@.ci/install-packages bench
	$(SWIFT) build -c release --package-path Tests/Benchmarks

deps:
	@.ci/install-packages build

test-deps:
	@.ci/install-packages build test
	@Tests/BerthClientTests/install-clients.sh

## make format        rewrite the sources in the house format
format:
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests

## make lint          check the format without changing anything
lint:
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests

## make install       copy the release binary to PREFIX/bin
install: build
	install -D -m 0755 $(RELEASE) $(DESTDIR)$(PREFIX)/bin/berth

clean:
	rm -rf .build
