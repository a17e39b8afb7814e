// Runs in lockstep against cores of their own: every instruction and whole programs end in the same registers and memory in every lane, equal paths
// take equal cycles, and runs that part say so.
#include "mpic/sim/lockstep.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <map>

#include "mpic/compile/simulation.h"
#include "mpic/program/disassembler.h"
#include "quant/integer/anomaly_score.h"
#include "quant/integer/run.h"
#include "tests/support/export_cases.h"
#include "tests/support/random_program.h"

namespace bitloom::mpic {
namespace {

constexpr int kLanes = Lockstep::kLanes;
constexpr uint32_t kMemory = 0x4000, kData = 0x2000;
using Registers32 = std::array<uint32_t, 32>;

// Both with these registers in lane or core number `lane`. "" when the lanes do not go on to the ebreak together, or end as cores do; *went says
// which, *cycles what a core took.
std::string difference(const Image& image, const std::vector<Registers32>& x, bool* went, uint64_t* cycles = nullptr,
                       uint64_t* path = nullptr) {
  Lockstep lockstep(image, 0, kMemory);
  for (int lane = 0; lane < kLanes; ++lane)
    for (int r = 1; r < 32; ++r) lockstep.set_reg(lane, r, x[size_t(lane)][size_t(r)]);
  *went = lockstep.run(10'000);
  if (!*went) return "";
  if (path != nullptr) *path = lockstep.path();
  std::vector<uint8_t> memory(kMemory);
  Core core(0, kMemory);
  for (int lane = 0; lane < kLanes; ++lane) {
    core.writable_memory().fill(0, 0, kMemory);
    image.load(core.writable_memory());
    core.reset(image.entry);
    for (int r = 1; r < 32; ++r) core.set_reg(r, x[size_t(lane)][size_t(r)]);
    const RunResult result = core.run(10'000);
    const std::string who = str("lane ", lane, ": ");
    if (result.reason != StopReason::kBreakpoint) return who + "a core ends by " + to_string(result.reason);
    if (core.state().pc != lockstep.pc()) return who + "pc";
    if (core.counters().instructions != lockstep.instructions()) return who + "instructions";
    for (int r = 0; r < 32; ++r)
      if (core.state().x[r] != (r == 0 ? 0 : lockstep.reg(lane, r)))
        return str(who, register_name(r), " is ", hex(lockstep.reg(lane, r)), ", on a core ", hex(core.state().x[r]));
    lockstep.read(lane, 0, memory.data(), memory.size());
    if (std::memcmp(memory.data(), core.memory().data(), kMemory) != 0) return who + "memory";
    if (cycles != nullptr && lane != 0 && core.counters().cycles != *cycles) return who + "cycles differ from lane 0's";
    if (cycles != nullptr) *cycles = core.counters().cycles;
  }
  return "";
}

std::vector<Registers32> random_registers(Rng rng) {
  std::vector<Registers32> x(kLanes);
  for (Registers32& lane : x)
    for (uint32_t& value : lane) value = uint32_t(rng.next_u64());
  return x;
}

// Every row that computes, loads or stores, in XpulpV2's and in all of MPIC's formats. Addresses are the same in all lanes, of any alignment.
TEST(Lockstep, EveryInstruction) {
  std::string data = "\n.data\n.org 0x1f00\n";
  for (uint32_t i = 0; i < 256; ++i) data += str(".word ", i * 0x9e3779b9, "\n");
  const uint32_t rounds = std::getenv("BITLOOM_FAST") ? 4 : 12;
  for (int i = 0; i < kOps; ++i) {
    const Row& r = row(Op(i));
    const bool is_memory = r.timing == Timing::kLoad || r.timing == Timing::kStore;
    if (r.timing > Timing::kStore || r.timing == Timing::kDiv) continue;
    int together = 0;
    for (uint32_t round = 0; round < rounds; ++round) {
      const Rng rng = Rng(uint64_t(i)).split("operands", round);
      const int same = round % 4 == 3 ? 9 : 0;  // one register for everything
      const auto insn = same ? with_operands(Op(i), {9, 9, 9, 9}, rng) : with_operands(Op(i), {13, 11, 12, 14}, rng);
      if (!insn) continue;
      const std::string word = str(r.length == 2 ? ".half " : ".word ", encode(*insn), "\n");
      const Image image =
          assemble(str("csrwi simd_legacy, ", round == 0, "\ncsrwi simd_format, ", round, "\ncsrwi simd_skip, ", round % 3,
                       "\ncsrwi simd_group, ", round % 2, "\n", word, word, "csrr t0, simd_group\nebreak\n", data),
                   "row", kTestEntry);
      std::vector<Registers32> x = random_registers(rng);
      for (Registers32& lane : x) {
        if (is_memory) lane[2] = lane[8] = lane[9] = lane[11] = kData + 0x100 + round;
        if (is_memory) lane[14] = round * 3, lane[12] = r.timing == Timing::kLoad ? round * 5 : lane[12];
      }
      bool went = false;
      EXPECT_EQ(difference(image, x, &went), "") << disassemble(encode(*insn)) << ", round " << round;
      together += went;
    }
    EXPECT_GT(together, 0) << r.mnemonic;
  }
}

const char* const kPrograms[] = {
    // Loops in loops, their counts from a0; data from a1, which differs by lane.
    "andi a0, a0, 7\n addi a0, a0, 1\n li a2, 0x2000\n lp.setup 1, a0, outer\n lp.setupi 0, 5, inner\n add a3, a3, a1\n"
    "inner: p.sw a3, 4(a2!)\n outer: xor a3, a3, a1\n ebreak\n",
    // Calls and branches.
    "andi a0, a0, 15\n again: call f\n addi a0, a0, -1\n bgez a0, again\n ebreak\n f: mul a1, a1, a1\n addi a1, a1, 3\n ret\n",
    // Misaligned halves and words, by a0.
    "andi a0, a0, 7\n li a2, 0x2000\n add a2, a2, a0\n sw a1, 0(a2)\n lh a3, 1(a2)\n sh a3, 5(a2)\n lw a4, 3(a2)\n lbu a5, "
    "2(a2)\n"
    "sb a5, 9(a2)\n ebreak\n",
    // Products in a format with sub-groups.
    "csrwi simd_legacy, 0\n csrwi simd_format, 6\n csrwi simd_skip, 2\n andi a0, a0, 31\n addi a0, a0, 2\n lp.setup 0, a0, "
    "last\n"
    "pv.sdotusp.b a3, a1, a4\n last: pv.sdotusp.sc.b a5, a1, a4\n csrr a6, simd_group\n ebreak\n"};

// Equal in what decides the way, different in data; what the cycles depend on shows in the path.
TEST(Lockstep, Programs) {
  for (const char* text : kPrograms) {
    const Image image = assemble(text, "program", kTestEntry);
    std::map<uint64_t, uint64_t> cycles_of_path;
    for (uint32_t a0 = 0; a0 < 24; ++a0) {
      std::vector<Registers32> x = random_registers(Rng(a0));
      for (Registers32& lane : x) lane[10] = a0;
      bool went = false;
      uint64_t cycles = 0, path = 0;
      ASSERT_EQ(difference(image, x, &went, &cycles, &path), "") << "a0 = " << a0 << "\n" << text;
      ASSERT_TRUE(went) << text;
      const auto [known, added] = cycles_of_path.emplace(path, cycles);
      EXPECT_EQ(known->second, cycles) << "a0 = " << a0 << "\n" << text;
    }
    EXPECT_GT(cycles_of_path.size(), 3u) << text;
  }
}

TEST(Lockstep, PartsWhereLanesDiffer) {
  for (const char* text : kPrograms) {
    std::vector<Registers32> x = random_registers(Rng(1));
    for (size_t lane = 0; lane < x.size(); ++lane) x[lane][10] = lane == 11 ? 3 : 2;
    bool went = true;
    EXPECT_EQ(difference(assemble(text, "program", kTestEntry), x, &went), "");
    EXPECT_FALSE(went) << text;
  }
}

TEST(Lockstep, LeavesToACoreWhatItDoesNotDo) {
  for (const char* text : {"div a0, a1, a2\n ebreak\n", "ecall\n", "csrr a0, mcycle\n ebreak\n", ".word 0\n",
                           "lw a0, -4(x0)\n ebreak\n", "li a2, 0x100\n sw a0, 0(a2)\n ebreak\n", "lui a0, 0x40\n jr a0\n",
                           "again: j again\n", "nop\n", "lp.setupi 0, 6, only\n only: addi t0, t0, 1\n ebreak\n"}) {
    Lockstep lockstep(assemble(text, "program", kTestEntry), 0, kMemory);
    EXPECT_FALSE(lockstep.run(1000)) << text;
  }
}

TEST(BatchSimulation, NetworksAsTheInterpreterHasThem) {
  std::vector<testing::ExportCase> cases = testing::model_cases(3);
  for (const testing::ExportCase& test : testing::random_graph_cases(10)) cases.push_back(test);
  for (const testing::ExportCase& test : cases) {
    CodegenOptions options;
    options.memory = 1 << 20;
    options.stop_after_layers = true;
    const CompiledNetwork network = compile(test.graph, options);
    const IntegerRunner runner(test.graph);
    BatchSimulation batch(network);
    Simulation single(network);
    const int64_t count = test.samples.shape()[0], size = test.samples.size() / count;
    std::vector<std::vector<int32_t>> inputs;
    std::vector<std::vector<std::vector<int32_t>>> expected;
    for (int64_t n = 0; n < count; ++n) {
      const int16_t* sample = test.samples.data() + n * size;
      inputs.emplace_back(sample, sample + size);
      expected.push_back(runner.run_layers(sample));
      if (reconstructs(test.graph))
        expected.back().push_back(
            {int32_t(anomaly_score(anomaly_rule(test.graph), sample, expected.back().back().data(), size))});
    }
    size_t calls = 0;
    batch.run(inputs, [&](size_t layer, size_t i) {
      EXPECT_EQ(batch.codes(layer, i), expected[i][layer]) << test.name << ", " << network.layers[layer].name;
      ++calls;
    });
    EXPECT_EQ(calls, network.layers.size() * inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      single.run(inputs[i].data());
      EXPECT_EQ(batch.counters(i), single.counters()) << test.name;
    }
  }
}

// A layer that takes another way for odd inputs: odd + 1, even * 2.
TEST(BatchSimulation, InputsThatPart) {
  CompiledNetwork network;
  network.image = assemble(
      "li a0, 0x2000\n ebreak\n lbu a1, 0(a0)\n andi a2, a1, 1\n beqz a2, even\n addi a1, a1, 1\n j done\n even: slli a1, a1, "
      "1\n"
      "done: sb a1, 1(a0)\n ebreak\n li a0, 0\n li a7, 93\n ecall\n",
      "network", kTestEntry);
  network.options.base = 0;
  network.options.memory = kMemory;
  network.options.stop_after_layers = true;
  network.layers.resize(2);
  for (uint32_t i = 0; i < 2; ++i) network.layers[i].output = {kData + i, 1, 1, 1, {8, false, 1}};
  BatchSimulation batch(network);
  Simulation single(network);
  for (const std::vector<std::vector<int32_t>>& inputs :
       {std::vector<std::vector<int32_t>>{{2}, {4}, {6}}, {{1}, {3}}, {{8}, {10}}, {{2}, {3}, {4}}, {{5}}, {{7}, {9}, {11}}}) {
    std::map<std::pair<size_t, size_t>, int32_t> found;
    batch.run(inputs, [&](size_t layer, size_t i) {
      EXPECT_TRUE(found.emplace(std::make_pair(layer, i), batch.codes(layer, i).at(0)).second);
    });
    EXPECT_EQ(found.size(), 2 * inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      const int32_t in = inputs[i][0];
      EXPECT_EQ((found[{0, i}]), in);
      EXPECT_EQ((found[{1, i}]), in % 2 != 0 ? in + 1 : 2 * in);
      single.run(inputs[i].data());
      EXPECT_EQ(batch.counters(i), single.counters()) << in;
    }
  }
}

}  // namespace
}  // namespace bitloom::mpic
