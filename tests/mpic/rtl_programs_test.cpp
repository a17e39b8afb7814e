// The random programs of rtl_random_programs.tar.gz, which ran on the RTL: final registers, exact cycles, and the same from every way to run
// them here.
#include <gtest/gtest.h>

#include "core/rng.h"
#include "datasets/archive.h"
#include "tests/support/mpic.h"

namespace bitloom::mpic {
namespace {

constexpr uint32_t kCode = 0x80, kData = 0x100000;
constexpr uint64_t kSize = 2 << 20, kInstructions = 20000;

using Files = std::map<std::string, std::vector<uint8_t>>;

class RtlProgram {
 public:
  RtlProgram(const Table& table, size_t i, const Files& files)
      : name(table(i, "rand/<name>")),
        start(from_hex(table(i, "start_pc"))),
        end(from_hex(table(i, "end_pc"))),
        cycles(std::stoull(table(i, "cycles_rtl"))),
        instructions(std::stoull(table(i, "instr_issued"))),
        entry_(from_hex(table(i, "entry"))),
        dump_(from_hex(table(i, "dump_addr"))),
        words_(words_of(table(i, "expected_words"))),
        code_(files.at("rand/" + name + ".code.bin")),
        data_(files.at("rand/" + name + ".data.bin")) {}

  void load(Core& core) const {
    core.writable_memory().write(kCode, code_.data(), code_.size());
    core.writable_memory().write(kData, data_.data(), data_.size());
    core.reset(entry_);
    core.write_csr(Csr::simd_legacy, 0);
  }
  // The first register that is not as the RTL left it; "" when there is none.
  std::string wrong_register(Core& core) const {
    for (size_t k = 0; k < words_.size(); ++k)
      if (const uint32_t got = core.memory().load<uint32_t>(dump_ + 4 * uint32_t(k)); got != from_hex(words_[k]))
        return str(name, ": word ", k, " of the dump is ", hex(got), ", RTL ", words_[k]);
    return "";
  }

  const std::string name;
  const uint32_t start, end;
  const uint64_t cycles, instructions;  // from the issue of `start` to that of `end`

 private:
  uint32_t entry_, dump_;
  std::vector<std::string> words_;
  std::vector<uint8_t> code_, data_;
};

// Instructions from the first time at `start` to the first time at `end`, and the cycles between.
struct Span {
  uint64_t instructions = 0, cycles = 0;
};
Span run_observed(Core& core, const RtlProgram& program) {
  uint64_t count = 0, begin = 0, first = 0;
  bool started = false, ended = false;
  Span span;
  core.observe([&](const Core::Observed& o) {
    if (!started && o.pc == program.start) started = true, begin = o.issued, first = count;
    if (started && !ended && o.pc == program.end) ended = true, span = {count - first, o.issued - begin};
    ++count;
  });
  core.run(kInstructions);
  core.observe(nullptr);
  return span;
}

// In pieces of random length, sometimes by stepping.
void run_in_pieces(TestCore& core, Rng rng) {
  for (uint64_t left = kInstructions; left > 0;) {
    const uint64_t piece = std::min<uint64_t>(left, uint64_t(1 + rng.below(int64_t(1) << rng.below(8))));
    if (rng.below(4) == 0) {
      core.step_through(piece);
    } else {
      core.run(piece);
    }
    left -= piece;
  }
}

TEST(RtlPrograms, RegistersCyclesAndSnapshots) {
  Files files;
  for (TarGzReader archive(testing::source_path("tests/data/rtl/rtl_random_programs.tar.gz")); archive.next();)
    files[archive.name()] = archive.read();
  const std::vector<uint8_t>& text = files.at("programs.tsv");
  const Table table(std::string(text.begin(), text.end()));
  ASSERT_EQ(table.size(), 525u);
  Tally tally("rtl_random_programs.tar.gz");
  std::string misses;
  size_t exact = 0;
  for (size_t i = 0; i < table.size(); ++i) {
    const RtlProgram program(table, i, files);
    TestCore stepped(0, kSize), fast(0, kSize), pieces(0, kSize);
    program.load(stepped);
    program.load(fast);
    program.load(pieces);
    const Span span = run_observed(stepped, program);
    fast.run(kInstructions);
    run_in_pieces(pieces, Rng(i).split("pieces"));

    std::string wrong = program.wrong_register(stepped);
    if (wrong.empty() && span.instructions != program.instructions)
      wrong = str(program.name, ": ", span.instructions, " instructions, RTL ", program.instructions);
    if (wrong.empty()) wrong = difference(stepped, fast);
    if (wrong.empty()) wrong = difference(stepped, pieces);
    tally.check(wrong.empty(), program.name + ": " + wrong);
    exact += span.cycles == program.cycles ? 1 : 0;
    if (span.cycles != program.cycles)
      misses += str("  ", program.name, ": ", span.cycles, " cycles, RTL ", program.cycles, "\n");
  }
  std::printf("%zu of %zu programs take exactly the RTL's cycles\n%s", exact, table.size(), misses.c_str());
  EXPECT_EQ(exact, 524u) << misses;
}

}  // namespace
}  // namespace bitloom::mpic
