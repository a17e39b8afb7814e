// What tests of the simulator share: tables of measurements, cores with a program in them, and what two cores differ in.
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mpic/isa/names.h"
#include "mpic/program/assembler.h"
#include "mpic/sim/core.h"
#include "tests/support/files.h"

namespace bitloom::mpic {

std::vector<std::string> split(const std::string& text, char separator);
std::vector<std::string> words_of(const std::string& text);  // without empty ones
uint32_t from_hex(const std::string& text);                  // with or without 0x; 0 for ""

// Prose that a program or a reason stands for: a pattern, and a text in which $1 is the pattern's first group.
struct Phrase {
  const char* pattern;
  const char* text;
};
// The text for the first pattern that matches all of the prose; "" when none does.
std::string translate(const std::vector<Phrase>& phrases, const std::string& prose);

// Tab-separated columns with names in its first line. A column may be named by how its name begins.
class Table {
 public:
  explicit Table(const std::string& text);
  size_t size() const { return rows_.size(); }
  // "" where the row is short; Error for an unknown column.
  const std::string& operator()(size_t row, const std::string& column) const;
  std::string line(size_t row) const;
  // The whole name of a column.
  const std::string& name(const std::string& column) const { return header_[index(column)]; }

 private:
  size_t index(const std::string& column) const;

  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

// tests/data/rtl/NAME.tsv.gz, whose README says what the columns are.
Table measured(const std::string& name);

// Counts what became of the rows of a file and prints it at the end; the first failures become failures of the test.
class Tally {
 public:
  explicit Tally(std::string name) : name_(std::move(name)) {}
  Tally(const Tally&) = delete;
  Tally& operator=(const Tally&) = delete;
  ~Tally();

  void skip(const std::string& reason) { ++skipped_[reason]; }
  // `note` is counted and printed too: what was compared with something else than the RTL, and why.
  void check(bool good, const std::string& message, const std::string& note = "");
  int passed() const { return passed_; }
  int failed() const { return failed_; }

 private:
  std::string name_;
  int passed_ = 0, failed_ = 0;
  std::map<std::string, int> skipped_, notes_;
};

// The first row of that mnemonic; Op::illegal when there is none.
Op find_op(const std::string& mnemonic);

// 64 KiB of memory from 0 with a program at 0x100, assembled or as words.
inline constexpr uint32_t kTestEntry = 0x100, kTestMemory = 1 << 16;
class TestCore : public Core {
 public:
  explicit TestCore(uint32_t base = 0, uint64_t size = kTestMemory) : Core(base, size) {}
  explicit TestCore(const std::string& program) : TestCore() { load(program); }
  explicit TestCore(const std::vector<uint32_t>& words) : TestCore() { load(words); }

  void load(const std::string& program) {
    const Image image = assemble(program, "program", kTestEntry);
    image.load(writable_memory());
    reset(image.entry);
  }
  void load(const std::vector<uint32_t>& words) {
    writable_memory().write(kTestEntry, words.data(), words.size() * 4);
    reset(kTestEntry);
  }
  // Formats from CSR 0x00D from now on, as on the RTL.
  TestCore& mpic_mode(uint32_t format = 0, uint32_t group = 0, uint32_t skip = 0) {
    write_csr(Csr::simd_legacy, 0);
    write_csr(Csr::simd_format, format);
    write_csr(Csr::simd_group, group);
    write_csr(Csr::simd_skip, skip);
    return *this;
  }
  // One instruction at the entry, over registers that the caller has set.
  void execute(uint32_t word, bool stepping) {
    writable_memory().store<uint32_t>(kTestEntry, word);
    set_pc(kTestEntry);
    const RunResult result = stepping ? step_through(1) : run(1);
    BITLOOM_CHECK(result.reason == StopReason::kLimit, "instruction ", hex(word), ": ", result.fault.cause);
  }
  // Goes on by stepping, which an observer forces.
  RunResult step_through(uint64_t max_instructions = ~uint64_t(0)) {
    observe([](const Observed&) {});
    const RunResult result = run(max_instructions);
    observe(nullptr);
    return result;
  }
  uint32_t x(const std::string& name) const { return state().x[find_register(name)]; }
};

// Runs the program by both interpreters, each on a core of its own, and has `check` look at the core and its RunResult.
template <class Check>
void in_both_ways(const std::string& program, const Check& check, uint64_t max_instructions = 100'000) {
  for (const bool stepping : {false, true}) {
    SCOPED_TRACE(stepping ? "stepping" : "fast");
    TestCore core(program);
    const RunResult result = stepping ? core.step_through(max_instructions) : core.run(max_instructions);
    check(core, result);
  }
}

// What two cores differ in, for messages; "" when state, counters and memory are the same.
std::string difference(const Core& a, const Core& b);
std::string difference(const RunResult& a, const RunResult& b);

}  // namespace bitloom::mpic
