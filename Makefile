# meterd: everything a person or a machine does with this repository. Each target sets up what it needs.

PREFIX  ?= /usr
DESTDIR ?=
BINARY  ?= .build/release-stripped/meterd

# Public generics across rooms are specialised only in this mode; every release build uses the same flags, so that
# no two of them rebuild each other's work. Functions with the same code are kept once, relative relocations are packed
# (glibc 2.36, as in Debian 12) and no symbol is exported: a tenth of the binary. The linker is that of the toolchain.
RELEASE_FLAGS = -c release --static-swift-stdlib -Xswiftc -cross-module-optimization -Xswiftc -use-ld=lld -Xlinker --icf=safe -Xlinker -z -Xlinker pack-relative-relocs -Xlinker --no-export-dynamic

# `make demo DEMO="--seconds 60"`; `make bench BENCH="start line"`.
DEMO  ?=
BENCH ?= start line decode rating

# `make crash-loop N=2000`; SEED=... and KEEP=1 go through as they are.
N ?= 20

# `make fuzz SECONDS=600 FUZZ="ModbusFrames Tariff"`.
SECONDS ?= 60
FUZZ    ?=

# `make faults FAULTS=0.1 SEED=7 ROWS="R9 --json"`; also `make faults N=0.1`.
FAULTS ?= $(if $(filter command line,$(origin N)),$(N),1.0)
ROWS   ?=

# `make days SEEDS=20 KINDS="mixed R17"`.
SEEDS ?= 200
KINDS ?=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint release bench crash-loop faults fuzz peers decode-cost days rating-oracle record-bills docs check install clean setup

help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null \
	  || sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1: \2/p' $(MAKEFILE_LIST)

# The debug build: `make test` needs it anyway, and after the first time it is there in seconds.
demo: setup ## simulated meters, the daemon and their bills, in a temporary folder
	@swift build --quiet --product meterd
	@exec .build/debug/meterd demo $(DEMO)

test: setup ## every test
	@# As many tests at once as cores: libmodbus takes no descriptor above 1023, and each simulated line has several.
	@SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=$$(nproc) swift test --disable-xctest

lint: setup ## format, and words that product code may not use
	@swift format lint --strict --parallel -r Package.swift Sources Tests
	@.ci/lint Sources
	@echo 'lint: clean'

release: ## the binary that is shipped: static Swift, stripped
	@.ci/setup release
	@swift build $(RELEASE_FLAGS) --product meterd
	@mkdir -p .build/release-stripped
	@strip -o .build/release-stripped/meterd .build/release/meterd
	@echo "release: .build/release-stripped/meterd, $$(wc -c < .build/release-stripped/meterd) bytes"

bench: release ## all benchmarks, as ratios against their limits; BENCH="start line decode rating" for some
	@echo 'bench: $(BENCH); of all, start takes half a minute, line eight minutes (a scan takes as long as the wire does),'
	@echo '  decode and rating, with the engines of others that they build and fetch, a few minutes each'
	@# Some have others to be measured against beside them.
	@set -e; for name in $(BENCH); do \
	  if [ "$$name" = decode ]; then $(MAKE) --no-print-directory decode-cost; \
	  elif [ -x ".ci/$$name-bench" ]; then ".ci/$$name-bench" .build/release-stripped/meterd; \
	  else .build/release-stripped/meterd bench "$$name"; fi; \
	done

crash-loop: release ## kill -9 the daemon N times at random; nothing lost, nothing twice
	@.ci/crash-loop '$(BINARY)' '$(N)'

fuzz: setup ## decoders and parsers under libFuzzer; SECONDS=60 a target, FUZZ="DLT645Frames" for one
	@.ci/fuzz '$(SECONDS)' $(FUZZ)

peers: setup ## meters and masters that others wrote, against ours
	@swift build --quiet --product meterd
	@.ci/peers .build/debug/meterd

decode-cost: setup ## instructions for a DL/T 645 frame, against C
	@.ci/decode-cost

faults: ## what bad lines bring, many thousand times: nothing wrong is believed; N=0.1 for a tenth, ROWS="R9 --json"
	@SEED='$(or $(SEED),645)' .ci/faults '$(FAULTS)' $(ROWS)

days: ## 200 days of 200 meters on a bad line, 500 clock steps, 500 standstills, in simulated time; SEEDS=20 for fewer, KINDS="freezing mixed slow R17 R18"
	@.ci/days '$(SEEDS)' $(KINDS)

rating-oracle: setup ## 100000 random bills of each kind of plan against the plain rules, built for release
	@.ci/rating-oracle

record-bills: setup ## keep what the engine makes of the kept usages now, after ratingEngineVersion was raised
	@METERD_RECORD_BILLS=1 swift test --disable-xctest \
	  --filter 'RatingTests\.(KeptBillsTests|GoldenTests)|BillingTests\.KeptClosingsTests'

docs: setup ## the pages of the library product Rating, in .build/docs; each link is held
	@DOCS=.build/docs .ci/documented

check: ## what CI runs: tests, lint, gates, sanitizers
	@.ci/run

# Never builds: a build belongs to a person, an installation often to root.
install: ## put it on this machine, or under DESTDIR= with PREFIX=/usr
	@test -x '$(BINARY)' || { echo 'install: there is no $(BINARY); run `make release` first' >&2; exit 1; }
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' .ci/install '$(BINARY)'

clean: ## remove what was built
	@rm -rf .build .build-asan .build-tsan .build-oracle .build-peers .build-cost .build-outside .build-reader # .build-fuzz keeps what fuzzing has learnt

setup:
	@.ci/setup build
