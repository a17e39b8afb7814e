// What is told of a core instruction by instruction: trace, commit log and call graph, as the commands use them.
#include <gtest/gtest.h>

#include "cli/call_graph.h"
#include "cli/commit_log.h"
#include "cli/trace.h"
#include "core/io.h"
#include "tests/support/mpic.h"

namespace bitloom {
namespace {

using mpic::TestCore;

// Between instructions a debugger may write registers.
TEST(Observers, AccessesAreThoseOfTheInstruction) {
  const testing::TempFolder folder;
  TestCore core("nop\n sw a1, 4(a0)\n lw a2, 4(a0)\n");
  Trace trace(core, folder / "trace");
  CommitLog log(core, folder / "log");
  core.observe([&](const mpic::Core::Observed& o) {
    trace.add(o);
    log.add(o);
  });
  core.run(1);
  core.set_reg(10, 0x1000);
  core.set_reg(11, 0x1234);
  core.run(1);
  core.set_reg(10, 0x0ffe);
  core.writable_memory().store<uint32_t>(0x1002, 0x77);
  core.run(1);
  trace.finish();
  log.finish();
  const std::string traced = read_text(folder / "trace"), logged = read_text(folder / "log");
  EXPECT_NE(traced.find("| [00001004]=00001234\n"), std::string::npos) << traced;
  EXPECT_NE(traced.find("| a2=00000077 [00001002]\n"), std::string::npos) << traced;
  EXPECT_NE(logged.find(" mem 0x00001004 0x00001234\n"), std::string::npos) << logged;
  EXPECT_NE(logged.find(" x12 0x00000077 mem 0x00001002\n"), std::string::npos) << logged;
}

TEST(Observers, AnswersOfTheHostAreInA0) {
  const testing::TempFolder folder;
  TestCore core(
      "li a7, 172\n ecall\n li a0, 0x31\n .balign 4\n slli x0, x0, 31\n ebreak\n srai x0, x0, 7\n la t0, 1f\n"
      "csrw mtvec, t0\n ecall\n .balign 4\n1: nop\n");
  Trace trace(core, folder / "trace");
  CommitLog log(core, folder / "log");
  core.observe([&](const mpic::Core::Observed& o) {
    trace.add(o);
    log.add(o);
  });
  core.run(11);
  trace.finish();
  log.finish();
  const std::string traced = read_text(folder / "trace"), logged = read_text(folder / "log");
  EXPECT_NE(traced.find("ecall                        | a0=00000001\n"), std::string::npos) << traced;
  EXPECT_NE(traced.find("ebreak                       | a0=0ee6b280\n"), std::string::npos) << traced;
  EXPECT_NE(traced.find("ecall                        | mepc="), std::string::npos) << traced;
  EXPECT_NE(logged.find("(0x00000073) x10 0x00000001\n"), std::string::npos) << logged;
  EXPECT_NE(logged.find("(0x00100073) x10 0x0ee6b280\n"), std::string::npos) << logged;
}

// More ways than a graph keeps: what they take is the caller's, and nothing is lost.
TEST(CallGraph, WaysAreBounded) {
  const mpic::Image image;
  CallGraph calls(image, 0);
  const mpic::Insn call = mpic::decode(mpic::assemble_word("jal ra, 4")),
                   ret = mpic::decode(mpic::assemble_word("jalr zero, 0(ra)"));
  constexpr uint64_t kMost = 1 << 20, kCalls = kMost + 1000;
  for (uint32_t i = 1; i <= kCalls; ++i) {
    calls.add({0, 0, call, 0, 1, false, {}}, 4 * i);
    calls.add({4 * i, 0, ret, 0, 2, false, {}}, 4);
  }
  EXPECT_EQ(calls.nodes().size(), kMost);
  EXPECT_EQ(calls.inclusive()[0], 3 * kCalls);
  EXPECT_EQ(calls.nodes()[0].cycles, kCalls + 2 * (kCalls - (kMost - 1)));
  EXPECT_EQ(calls.nodes()[kMost - 1].cycles, 2u);
}

}  // namespace
}  // namespace bitloom
