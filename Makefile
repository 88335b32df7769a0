# make            build the four programs into build/bin
# make setup      what Debian must have: installed as root, else the line to type
# make test       setup, check, check SAN=1, model, e2e, schedules: what CI runs after make lint
# make check      unit tests (SAN=1: under ASan and UBSan)
# make e2e        the programs against a real API server and tailnet
# make schedules  the same at random: crashes, outages, clocks; make model: every order of steps
# make demo       the whole story on a rig of its own; make up / make down: a rig to play with
# make bench      ratios into build/bench.jsonl and a table; BENCH=many: with 10,000 sessions
# make bare       make demo and make test in a minimal Debian root
# make lint       format, clang-tidy, floors, spelling, scripts; make analyze: gcc -fanalyzer
# make format     clang-format in place
# make fuzz       each fuzz target for FUZZ_SECONDS (30): -j2 in CI
# make install    into $(DESTDIR)$(PREFIX); make uninstall
# make help       this list, and the verbs of deploy/

VERSION := $(shell cut -d' ' -f1 .version 2>/dev/null || git describe --always --dirty 2>/dev/null || echo unknown)
PREFIX  ?= /usr/local
CC      ?= cc
CLANG   ?= clang-19
OUT     := build$(if $(SAN),/san)

# The floors, from the top down: a folder stands on what is behind it in its row and on COMMON. The
# order of the archives in the link line says it again: a call that climbs back up does not link.
COMMON  := schema lib/daemon lib/options lib/api lib/http lib
PLUGIN  := kubectl-tka/remote kubectl-tka/kubeconfig kubectl-tka kubectl-tka/local
FOLDERS := $(PLUGIN) server operator $(COMMON)
from     = $(if $(filter $(1),$(firstword $(2))),$(2),$(call from,$(1),$(wordlist 2,$(words $(2)),$(2))))
stack    = $(call from,$(1),$(or $(if $(filter $(1),$(PLUGIN)),$(PLUGIN)),$(filter $(1),server operator)) $(COMMON))

# How a folder's program is called.
PROGRAM_kubectl-tka        := kubectl-tka
PROGRAM_kubectl-tka/remote := kubectl-tka-remote
PROGRAM_server             := tka-server
PROGRAM_operator           := tka-operator

# Taken from the system, by pkg-config name; --as-needed drops what a program does not call.
PKGS     := jansson libcurl openssl yaml-0.1 libevent_openssl libevent_core libseccomp libsecret-1 smartcols
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wformat=2 -Wvla -Wundef -Wcast-qual \
	-Wconversion -Wno-sign-conversion -Wwrite-strings -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wswitch-enum \
	-Wimplicit-fallthrough -Wnull-dereference -Wdouble-promotion -Werror=format-security \
	-Werror=implicit-function-declaration -Werror=incompatible-pointer-types $(if $(CI),-Werror)
HARDEN   := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection \
	-fcf-protection -fno-common -fPIE -ftrivial-auto-var-init=zero -ffile-prefix-map=$(CURDIR)=.
SANITIZE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

CFLAGS   ?= $(if $(SAN),$(SANITIZE),$(HARDEN))
LDFLAGS  ?= $(if $(SAN),,-pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed)
DIALECT  := -std=gnu17 -D_GNU_SOURCE -I. $(WARNINGS) \
	$(shell pkg-config --cflags $(PKGS) 2>/dev/null | sed 's/-I/-isystem /g')
override CFLAGS  += $(DIALECT) -DVERSION='"$(VERSION)"' -MMD -MP
override LDFLAGS += $(if $(SAN),$(SANITIZE))
LIBS      = $(shell pkg-config --libs $(PKGS))

sources  = $(wildcard $(1)/*.c)
objects  = $(patsubst %.c,$(OUT)/%.o,$(filter-out %/main.c,$(call sources,$(1))))
archives = $(patsubst %,$(OUT)/%.a,$(call stack,$(1)))
BINARIES := $(foreach f,$(FOLDERS),$(if $(wildcard $(f)/main.c),$(OUT)/bin/$(PROGRAM_$(f))))
TESTS    := $(foreach f,$(FOLDERS),$(patsubst %.c,$(OUT)/%,$(wildcard tests/unit/$(f)/test_*.c)))
FUZZED   := $(patsubst %,build/fuzz/%.a,server $(call stack,kubectl-tka))
FUZZERS  := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
OURS      = $(foreach d,$(FOLDERS) $(FOLDERS:%=tests/unit/%) tests/unit tests/fuzz tests/bench,$(wildcard $(d)/*.[ch]))
SCRIPTS   = .ci/run $(shell grep -lE '^.!.*sh$$' tests/rig/* tests/e2e/* tests/bench/* docs/model/* deploy/packages/* 2>/dev/null)

all: $(BINARIES)

# A folder is an archive, and its unit tests stand on it: three folders have a config.c.
define FOLDER
$(OUT)/$(1).a: $(call objects,$(1)) ; @mkdir -p $$(@D) && rm -f $$@ && $$(AR) rcs $$@ $$^

$(OUT)/tests/unit/$(1)/test_%: $(OUT)/tests/unit/$(1)/test_%.o $(OUT)/tests/unit/main.o $(call archives,$(1))
	$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LIBS) -lcmocka
endef
define PROGRAM
$(OUT)/bin/$(PROGRAM_$(1)): $(OUT)/$(1)/main.o $(call archives,$(1))
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)
endef
$(foreach f,$(FOLDERS),$(eval $(call FOLDER,$(f))))
$(foreach f,$(FOLDERS),$(if $(PROGRAM_$(f)),$(eval $(call PROGRAM,$(f)))))
# Run by kubectl at every command: without libraries to load it starts as quickly as /bin/true.
$(if $(SAN),,$(OUT)/bin/kubectl-tka: LIBS = -static-pie -l:libjansson.a)

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<
$(OUT)/schema/openapi.o: schema/openapi.yaml
# What says the version is made anew when that changes.
$(shell mkdir -p $(OUT); echo '$(VERSION)' | cmp -s - $(OUT)/version || echo '$(VERSION)' >$(OUT)/version)
$(patsubst %.c,$(OUT)/%.o,$(shell grep -lw VERSION $(foreach f,$(FOLDERS),$(call sources,$(f))))): $(OUT)/version

check: $(TESTS)
	@failed=0; for test in $^; do $$test || failed=1; done; exit $$failed

setup: ; tests/rig/setup
model: ; docs/model/check

test: setup
	$(MAKE) check
	$(MAKE) check SAN=1
	$(MAKE) model
	$(MAKE) e2e
	$(MAKE) schedules

bench: $(patsubst %.c,$(OUT)/%,$(wildcard tests/bench/*.c))
$(OUT)/tests/bench/%: $(OUT)/tests/bench/%.o $(call archives,operator) ; $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
e2e bench schedules: all
	tests/$@/run $(if $(filter bench,$@),$(BENCH))

demo up: setup
	$(MAKE) all
	tests/rig/$@

down bare: ; tests/rig/$@
fuzz: $(FUZZERS:%=fuzz-%)
fuzz-archives:
	$(MAKE) OUT=build/fuzz CC=$(CLANG) LDFLAGS= CFLAGS='$(SANITIZE) -fsanitize=fuzzer-no-link' $(FUZZED)
fuzz-%: tests/fuzz/fuzz_%.c fuzz-archives
	@mkdir -p build/fuzz/found-$*
	$(CLANG) $(SANITIZE) -fsanitize=fuzzer $(DIALECT) -o build/fuzz/$* $< \
		$(FUZZED) $(LIBS)
	build/fuzz/$* -max_total_time=$(or $(FUZZ_SECONDS),30) -verbosity=0 -print_final_stats=1 \
		build/fuzz/found-$* tests/fuzz/corpus/$*

lint: setup lint-manuals
	clang-format-19 --dry-run -Werror $(OURS)
	printf '%s\n' $(filter %.c,$(OURS)) | xargs -P 2 -n 4 sh -c \
		'clang-tidy-19 --quiet "$$@" -- $(DIALECT) -DVERSION=\"\" 2>/dev/null' lint
	@! grep -nE '#include "(server|operator|kubectl-tka)/' lib/*.[ch] lib/*/*.[ch] schema/*.[ch]
	@! grep -nE '#include "(operator|kubectl-tka)/' server/*.[ch]
	@! grep -nE '#include "(server|kubectl-tka)/' operator/*.[ch]
	@! grep -nE '#include "(server|operator)/' kubectl-tka/*.[ch] kubectl-tka/*/*.[ch]
	@! grep -nE 'pytest\.(skip\(|mark\.skip)' tests/e2e/test_*.py # needed.missing() fails in CI
	codespell --skip 'tests/fuzz/corpus,go.sum,go.mod' $(FOLDERS) tests deploy docs README.md CONTRIBUTING.md
	shellcheck $(SCRIPTS)
	yamllint -s .

analyze: ; $(MAKE) OUT=build/analyze CFLAGS='-O1 -fanalyzer -Wno-analyzer-malloc-leak -Werror' all

format: ; clang-format-19 -i $(OURS)

include $(wildcard deploy/*.mk)

help: ; @sed -n '/^# make/s/^# //p' Makefile deploy/*.mk
clean: ; rm -rf build

.PHONY: all setup check test model e2e schedules bench up down demo bare fuzz fuzz-archives lint \
	analyze format help clean
.SECONDARY:
-include $(shell find build -path build/e2e -prune -o -name '*.d' -type f -print 2>/dev/null)
