# bitloom: `make help` lists the targets. Every folder is globbed, so a new file needs no edit here (nor in CMakeLists.txt).
CXX      := $(if $(filter default,$(origin CXX)),g++,$(CXX))
ARCH     ?= native
BUILD    ?= build
CXXFLAGS ?= -O3
CLANG    ?= clang++
PREFIX   ?= /usr/local
FILTER   ?= *
OUT      ?= out/demo

ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif
MAKEFLAGS += --no-builtin-rules --no-print-directory

LIB_SRC   := $(shell find core datasets nn quant nas mpic -name '*.cpp' 2>/dev/null | LC_ALL=C sort)
CLI_SRC   := $(sort $(wildcard cli/*.cpp))
TEST_SRC  := $(shell find tests -name '*.cpp' -not -path '*/fuzz/*' -not -path '*/install/*' 2>/dev/null | LC_ALL=C sort)
FUZZ_SRC  := $(sort $(wildcard tests/fuzz/*.cpp))
BENCH_SRC := $(sort $(wildcard bench/*_bench.cpp))
# What differs by kernel path: the kernels, and passes over tensors elsewhere.
KERNEL_SRC := $(filter core/kernels/%,$(LIB_SRC)) $(patsubst %,quant/integer/%.cpp,conv2d depthwise kernels pool_add run) \
  quant/mix_activations.cpp quant/mix_weights.cpp nn/optimizer.cpp
CPP       := $(LIB_SRC) $(CLI_SRC) $(TEST_SRC) $(FUZZ_SRC) $(BENCH_SRC)
HEADERS   := $(shell find core datasets nn quant nas mpic cli bench tests -name '*.h' -o -name '*.inc')

# ARCH=portable: on x86-64 one program for all of them (core/paths.h), elsewhere for what the compiler takes as the least processor.
MARCH := -march=$(ARCH)
ifeq ($(ARCH),portable)
PATHS := $(if $(filter x86_64-%,$(shell $(CXX) -dumpmachine)),$(shell awk -F'"' '/^PATH/ {print $$2}' core/paths.inc))
MARCH := $(if $(PATHS),-march=$(firstword $(PATHS)))
endif

LIB      := $(BUILD)/libbitloom.a
PROGRAM  := $(BUILD)/bitloom
TESTS    := $(BUILD)/bitloom_tests
BENCHES  := $(BENCH_SRC:%.cpp=$(BUILD)/%)
LIB_OBJ  := $(patsubst %.cpp,$(BUILD)/%.o,$(if $(PATHS),$(filter-out $(KERNEL_SRC),$(LIB_SRC)),$(LIB_SRC))) \
  $(PATHS:%=$(BUILD)/paths/%/kernels.o) $(if $(PATHS),$(BUILD)/paths/dispatch.o)
CLI_OBJ  := $(CLI_SRC:%.cpp=$(BUILD)/%.o)
TEST_OBJ := $(TEST_SRC:%.cpp=$(BUILD)/%.o)
FUZZERS  := $(FUZZ_SRC:tests/fuzz/%_fuzz.cpp=$(BUILD)/fuzz/%)
# Headers that no source of theirs includes first, which would show that they compile alone.
LONELY   := $(filter-out $(CPP:.cpp=.h),$(filter %.h,$(HEADERS)))
# Of tests it is enough that clang++ has no warning when `make sanitize` compiles them.
TIDY     := $(patsubst %.cpp,$(BUILD)/%.tidy,$(LIB_SRC) $(CLI_SRC) $(BENCH_SRC)) $(LONELY:%.h=$(BUILD)/%.h.alone)

# a*b+c must round the same with every compiler; what is fused, kernels say (core/kernels/multiply_add.h).
FP        = -fno-math-errno -fno-trapping-math -ffp-contract=off
LANGUAGE := -std=c++17 $(MARCH) -fopenmp -I.
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Werror=switch
COMPILE   = $(CXX) $(WARNINGS) $(CXXFLAGS) $(LANGUAGE) $(FP)
# One build for the tests and for fuzzing. (clang++ takes half of g++'s time for it; the macro is one that g++ defines itself.)
SANITIZE := -O1 -g1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
  -D__SANITIZE_ADDRESS__ -Werror -Wno-pass-failed
LINK      = $(CXX) -fopenmp $(CXXFLAGS) $(LDFLAGS)
LIBS     := -lz -ljpeg

.PHONY: all demo test bench conformance fuzz fuzzers data sanitize lint format deps help install clean packages
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

all: $(PROGRAM)  ## build build/bitloom (default); CXX=clang++ ARCH=x86-64-v3 CXXFLAGS=-O2 as you like; ARCH=portable for all x86-64

demo: all  ## search and deploy a small network on the built-in images; table, picture and page in out/demo
	$(PROGRAM) demo --out $(OUT)

test: $(TESTS) $(PROGRAM)  ## build and run every test; FILTER='Npz*' selects, BITLOOM_FAST=1 skips slow ones, BITLOOM_SLOW=1 runs more of them
	@.ci/gtest $(TESTS) --gtest_filter='$(FILTER)'

bench: $(BENCHES)  ## build and run every benchmark; FILTER=resnet8 selects; the figures also go to build/bench/NAME.json
	@for b in $(BENCHES); do $$b --benchmark_filter='$(subst *,.*,$(FILTER))' --benchmark_out=$$b.json || exit 1; done

conformance: all  ## run every ELF of RISCV_TESTS=dir, built from riscv-software-src/riscv-tests, and of RISCV_ARCH_TEST=dir, compared with the signatures there
	@tests/conformance.sh $(PROGRAM) '$(RISCV_TESTS)' '$(RISCV_ARCH_TEST)'

fuzz: | packages  ## fuzz the readers of files and the interpreters for FUZZ_SECONDS=600 each
	@$(MAKE) fuzzers BUILD=$(BUILD)/sanitize CXX='$(CLANG)' CXXFLAGS='$(SANITIZE)'
	@tests/fuzz/run.sh $(BUILD)/sanitize/fuzz $(or $(FUZZ_SECONDS),600)

data:  ## download the official datasets with checksums
	@datasets/download.sh

sanitize: | packages  ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer, slow ones skipped
	@BITLOOM_FAST=1 LSAN_OPTIONS='suppressions=$(CURDIR)/.ci/leaks:print_suppressions=0' $(MAKE) test BUILD=$(BUILD)/sanitize CXX='$(CLANG)' CXXFLAGS='$(SANITIZE)'

lint: $(TIDY)  ## clang-format; clang-tidy on what changed since the last lint; every header compiles alone
	@clang-format --dry-run -Werror $(CPP) $(HEADERS)

format: | packages  ## rewrite every source with clang-format
	@clang-format -i $(CPP) $(HEADERS)

deps:  ## install the packages that are missing, or print the line that does
	@CXX='$(CXX)' .ci/deps build test install bench lint fuzz

install: all  ## copy program, library and headers below PREFIX (/usr/local)
	install -Dm755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/bitloom
	install -Dm644 $(LIB) $(DESTDIR)$(PREFIX)/lib/libbitloom.a
	install -Dm644 bitloomConfig.cmake $(DESTDIR)$(PREFIX)/lib/cmake/bitloom/bitloomConfig.cmake
	@for h in $(filter-out tests/% bench/% cli/%,$(HEADERS)); do install -Dm644 $$h $(DESTDIR)$(PREFIX)/include/bitloom/$$h || exit 1; done

clean:  ## remove build/
	rm -rf $(BUILD)

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

# What the goals need is installed for the commands a newcomer types, and only named otherwise.
GOALS := $(or $(MAKECMDGOALS),all)
packages:
	@CXX='$(CXX)' .ci/deps $(if $(filter demo test sanitize bench,$(GOALS)),,--check) build \
	  $(if $(filter test sanitize fuzz,$(GOALS)),test) $(filter bench lint,$(GOALS)) $(if $(filter sanitize fuzz,$(GOALS)),fuzz) $(if $(filter format,$(GOALS)),lint)

# Each path's kernels are made in a folder of their own, as those of a program for that processor. (Unique symbols would be shared.)
$(BUILD)/paths/%/kernels.o: FORCE | packages
	@$(MAKE) BUILD=$(@D) ARCH="$$(awk -F'"' '$$2 == "$*" {print $$4}' core/paths.inc)$(if $(findstring clang,$(CXX)),, -fno-gnu-unique)" $@

$(BUILD)/kernels.o: $(KERNEL_SRC:%.cpp=$(BUILD)/%.o) core/paths.sh
	@core/paths.sh join $(notdir $(BUILD)) $@ $(filter %.o,$^)

$(BUILD)/paths/dispatch.o: $(PATHS:%=$(BUILD)/paths/%/kernels.o) core/paths.sh
	@core/paths.sh dispatch $(@:.o=.s) $(filter %.o,$^)
	@$(CXX) -c $(@:.o=.s) -o $@

$(LIB): $(LIB_OBJ)
	@rm -f $@; ar rcs $@ $^

$(PROGRAM): $(CLI_OBJ) $(LIB)
	$(LINK) $^ $(LIBS) -o $@

$(TESTS): $(TEST_OBJ) $(filter-out %/main.o,$(CLI_OBJ)) $(LIB)
	$(LINK) $^ -lgtest -lpthread $(LIBS) -o $@

# The tests of the kernels alone, for the processors of tests/cross/kernels.sh.
$(BUILD)/kernel_tests: $(patsubst %,$(BUILD)/tests/%.o,$(addsuffix _test,core/bits core/convolution core/deferred core/kernels core/paths quant/fake_quant quant/integer/run) \
    support/main) $(BUILD)/kernels.a
	$(LINK) $^ -lgtest -lpthread $(LIBS) -o $@

$(BUILD)/kernels.a: $(filter-out $(BUILD)/nas/% $(BUILD)/mpic/%,$(LIB_OBJ))
	@rm -f $@; ar rcs $@ $^

$(BENCHES): %: %.o $(LIB)
	$(LINK) $^ -lbenchmark -lbenchmark_main -lpthread $(LIBS) -o $@

fuzzers: $(FUZZERS)

$(FUZZERS): $(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%_fuzz.o $(BUILD)/tests/support/mpic.o $(LIB)
	@mkdir -p $(@D)
	@$(LINK) -fsanitize=fuzzer $^ -lgtest -lpthread $(LIBS) -o $@

# Threaded code: one indirect jump per handler predicts better than a shared one; clang does so unasked. With sanitizers its many labels
# take compilers that optimize half an hour.
SANITIZED := $(findstring -fsanitize,$(CXXFLAGS))
ifneq ($(SANITIZED),)
$(BUILD)/mpic/sim/interpreter.o: private FP += -O0
# Half of the time that these take is for checks of pointers, which the address sanitizer makes too, and for coverage, of which only the simulator's
# matters to what is fuzzed.
UNREAD := cli/% tests/% nas/% core/kernels/% core/ops/% mpic/compile/%
COVERAGE := inline-8bit-counters,indirect-calls,trace-cmp,pc-table,stack-depth
$(addprefix $(BUILD)/,$(UNREAD) mpic/sim/%): private FP += -fno-sanitize=null,alignment,vptr,object-size,function
$(addprefix $(BUILD)/,$(UNREAD)): private FP += -fno-sanitize-coverage=$(COVERAGE)
$(BUILD)/tests/fuzz/%: private FP += -fsanitize-coverage=$(COVERAGE)
else ifeq ($(findstring clang,$(CXX)),)
$(BUILD)/mpic/sim/interpreter.o: private FP += -fno-gcse -fno-crossjumping -fno-var-tracking $(if $(findstring -O3,$(CXXFLAGS)),-O2)
endif
# The peak of multiply-adds, of any vectors.
$(BUILD)/bench/kernels_bench.o: private FP += -ffp-contract=fast
# Nothing in there is worth the minutes that an optimizer takes over CLI11 and GoogleTest, sanitized even less. (private: not inherited by prerequisites.)
$(BUILD)/cli/%: private FP += $(if $(SANITIZED),-O0,$(if $(findstring -O3,$(CXXFLAGS)),-O1))
$(BUILD)/tests/%: private LANGUAGE += $(if $(SANITIZED)$(filter -O1 -O3,$(CXXFLAGS)),-O0) -DBITLOOM_PROGRAM='"$(abspath $(PROGRAM))"'

# The large headers that most of a folder include are parsed once. (lint does without, and finds where they are not included.)
PARSED_OBJ := $(filter-out %/sim/interpreter.o,$(LIB_SRC:%.cpp=$(BUILD)/%.o))
$(PARSED_OBJ): $(BUILD)/core/prelude.h.gch
$(BUILD)/core/prelude.h.gch: PRELUDE := algorithm cmath functional map memory sstream string vector
$(PARSED_OBJ): private LANGUAGE += -include $(BUILD)/core/prelude.h
$(CLI_OBJ): $(BUILD)/cli/prelude.h.gch
$(BUILD)/cli/prelude.h.gch: PRELUDE := CLI/CLI.hpp
$(BUILD)/cli/%.o: private LANGUAGE += -include $(BUILD)/cli/prelude.h
$(TEST_OBJ): $(BUILD)/tests/prelude.h.gch
$(BUILD)/tests/prelude.h.gch: PRELUDE := gtest/gtest.h
$(TEST_OBJ): private LANGUAGE += -include $(BUILD)/tests/prelude.h

$(BUILD)/%/prelude.h.gch: $(BUILD)/flags | packages
	@mkdir -p $(@D)
	@printf '#include <%s>\n' $(PRELUDE) > $(@:.gch=)
	@$(COMPILE) -x c++-header $(@:.gch=) -o $@

# The dependency file serves the object and its lint stamp alike.
$(BUILD)/%.o: %.cpp $(BUILD)/flags | packages
	@mkdir -p $(@D)
	@echo "$(CXX) $<"
	@$(COMPILE) -MMD -MP -MT $@ -MT $(@:.o=.tidy) -c $< -o $@

$(BUILD)/%.tidy: %.cpp .clang-tidy | packages
	@mkdir -p $(@D)
	@echo "clang-tidy $<"
	@clang-tidy --quiet $< -- $(LANGUAGE) 2>/dev/null && touch $@

$(BUILD)/%.h.alone: %.h $(HEADERS) | packages
	@mkdir -p $(@D)
	@$(CXX) $(LANGUAGE) -w -fsyntax-only -x c++ $< && touch $@

# Rewritten only when the command line of the compiler changes, so that no build mixes two.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D); echo '$(COMPILE)' | cmp -s - $@ || echo '$(COMPILE)' > $@
FORCE:

-include $(CPP:%.cpp=$(BUILD)/%.d)
