// What a debugger asks, packet by packet.
#include "mpic/sim/gdb_stub.h"

#include <gtest/gtest.h>

#include "core/rng.h"
#include "tests/support/mpic.h"

namespace bitloom::mpic {
namespace {

constexpr const char* kSum =
    "li a0, 0\n li a1, 3\n loop: add a0, a0, a1\n addi a1, a1, -1\n bnez a1, loop\n lui t0, 1\n sw a0, 0(t0)\n li a7, 93\n "
    "ecall\n";

struct Session {
  explicit Session(const char* program) : core(program), stub(core, [this] { return stop; }) {}
  std::string ask(const std::string& packet) { return stub.answer(packet); }
  TestCore core;
  bool stop = false;
  GdbStub stub;
};

TEST(GdbStub, RegistersMemoryAndCsrsAreReadAndWritten) {
  Session s(kSum);
  EXPECT_EQ(s.ask("?"), "S05");
  EXPECT_EQ(s.ask("p20"), "00010000");  // pc, little endian
  EXPECT_EQ(s.ask("Pa=78563412"), "OK");
  EXPECT_EQ(s.core.x("a0"), 0x12345678u);
  EXPECT_EQ(s.ask("pa"), "78563412");
  EXPECT_EQ(s.ask("P0=01000000"), "OK");
  EXPECT_EQ(s.ask("p0"), "00000000");
  std::string all = s.ask("g");
  ASSERT_EQ(all.size(), 33u * 8);
  EXPECT_EQ(all.substr(80, 8), "78563412");
  all.replace(88, 8, "0100adde");
  EXPECT_EQ(s.ask("G" + all), "OK");
  EXPECT_EQ(s.core.x("a1"), 0xdead0001u);
  EXPECT_EQ(s.ask("M2000,3:0a0B0c"), "OK");
  EXPECT_EQ(s.ask("m1fff,5"), "000a0b0c00");
  const int mscratch = GdbStub::kFirstCsr + int(Csr::mscratch);
  EXPECT_EQ(s.ask(str("P", hex(uint32_t(mscratch)).substr(2), "=efbeadde")), "OK");
  EXPECT_EQ(s.core.read_csr(Csr::mscratch), 0xdeadbeefu);
}

// The description names every register that there is, in pieces as large as asked for.
TEST(GdbStub, DescribesItsRegisters) {
  Session s(kSum);
  EXPECT_NE(s.ask("qSupported:multiprocess+").find("qXfer:features:read+"), std::string::npos);
  std::string xml;
  for (std::string part = "m"; part[0] == 'm';) {
    part = s.ask(str("qXfer:features:read:target.xml:", hex(xml.size()).substr(2), ",100"));
    ASSERT_LE(part.size(), 0x101u);
    xml += part.substr(1);
  }
  EXPECT_NE(xml.find("<architecture>riscv:rv32</architecture>"), std::string::npos);
  EXPECT_NE(xml.find("<reg name=\"zero\" bitsize=\"32\" type=\"int\" regnum=\"0\"/>"), std::string::npos);
  for (int i = 0; i < kCsrCount; ++i)
    EXPECT_NE(xml.find(str("<reg name=\"", kCsrs[i].name, "\" bitsize=\"32\" type=\"int\" regnum=\"", GdbStub::kFirstCsr + i,
                           "\"/>")),
              std::string::npos);
  EXPECT_EQ(xml.substr(xml.size() - 9), "</target>");
}

TEST(GdbStub, BreakpointsStepsAndTheEnd) {
  Session s(kSum);
  EXPECT_EQ(s.ask("Z0,108,4"), "OK");
  for (const uint32_t sum : {0u, 3u, 5u}) {
    EXPECT_EQ(s.ask("c"), "S05");
    EXPECT_EQ(s.core.state().pc, 0x108u);
    EXPECT_EQ(s.core.x("a0"), sum);
  }
  EXPECT_EQ(s.ask("s"), "S05");
  EXPECT_EQ(s.core.state().pc, 0x10cu);
  EXPECT_EQ(s.ask("vCont;s:1"), "S05");
  EXPECT_EQ(s.core.state().pc, 0x110u);
  EXPECT_EQ(s.ask("z0,108,4"), "OK");
  EXPECT_EQ(s.ask("vCont;c"), "W06");
  EXPECT_TRUE(s.stub.ended());
  EXPECT_EQ(s.ask("c"), "W06");
  EXPECT_EQ(s.stub.result().exit_code, 6);
}

TEST(GdbStub, WatchpointsStopAfterTheWrite) {
  Session s(kSum);
  EXPECT_EQ(s.ask("Z2,1002,2"), "OK");
  EXPECT_EQ(s.ask("Z2,1000,1"), "OK");
  EXPECT_EQ(s.ask("Z2,1004,4"), "OK");
  EXPECT_EQ(s.ask("c"), "T05watch:1000;");
  EXPECT_EQ(s.core.memory().load<uint32_t>(0x1000), 6u);
  EXPECT_EQ(s.ask("z2,1000,1"), "OK");
  EXPECT_EQ(s.ask("c"), "W06");
}

TEST(GdbStub, WatchpointsOfReadsStopAfterTheLoad) {
  constexpr const char* kLoads =
      "lui t0, 1\n sb t0, 2(t0)\n lhu a0, 0(t0)\n p.lw a1, 4(t0!)\n lb a2, -1(t0)\n addi a3, a3, 1\n sw a3, -4(t0)\n li a7, "
      "93\n ecall\n";
  const struct {
    const char *watch, *reply;
    std::vector<uint32_t> stops;  // pc behind what hits
  } cases[] = {{"Z3,1002,1", "T05rwatch:1002;", {0x110}},
               {"Z3,1000,4", "T05rwatch:1000;", {0x10c, 0x110, 0x114}},
               {"Z4,1000,1", "T05awatch:1000;", {0x10c, 0x110, 0x11c}},
               {"Z2,1000,1", "T05watch:1000;", {0x11c}},
               {"Z3,1004,4", "", {}}};
  for (const auto& c : cases) {
    Session s(kLoads);
    EXPECT_EQ(s.ask(c.watch), "OK");
    for (const uint32_t stop : c.stops) {
      EXPECT_EQ(s.ask("c"), c.reply) << c.watch;
      EXPECT_EQ(hex(s.core.state().pc), hex(stop)) << c.watch;
    }
    EXPECT_EQ(s.ask("c").substr(0, 1), "W") << c.watch;
  }
}

// Stopping at every instruction changes neither results nor counters.
TEST(GdbStub, AStoppedProgramCostsNothing) {
  Session s(kSum);
  TestCore undisturbed(kSum);
  undisturbed.run();
  while (!s.stub.ended()) s.ask("s");
  EXPECT_EQ(difference(s.core, undisturbed), "");
  const std::string counters = s.ask("qRcmd,636f756e74657273");  // "counters"
  const std::string expected =
      str(undisturbed.counters().instructions, " instructions, ", undisturbed.counters().cycles, " cycles\n");
  EXPECT_EQ(counters.size(), 2 * expected.size());
  EXPECT_EQ(counters.substr(0, 4), str("3", expected[0], "3", expected[1]));
}

TEST(GdbStub, FaultsAndCtrlCAreSignals) {
  EXPECT_EQ(Session("lw a0, -4(zero)\n").ask("c"), "S0b");
  EXPECT_EQ(Session(".word 0xffffffff\n").ask("c"), "S04");
  EXPECT_EQ(Session("nop\n ebreak\n").ask("c"), "S05");
  Session s("loop: j loop\n");
  s.stop = true;
  EXPECT_EQ(s.ask("c"), "S02");
  EXPECT_EQ(s.ask("Z0,0,4"), "OK");  // with something to look for, too
  EXPECT_EQ(s.ask("c"), "S02");
}

TEST(GdbStub, WhatIsWrongIsAnErrorAndWhatIsUnknownIsEmpty) {
  Session s(kSum);
  for (const char* packet : {"p",          "pzz",
                             "p21",        "pffffffff",
                             "p123456789", "P1",
                             "P1=12",      "P1=0102030x",
                             "G00",        "m",
                             "m0",         "m0,",
                             "m0,g",       "m0,ffff",
                             "M0,2:00",    "M0,1:0",
                             "M0,1:xx",    "cxyz",
                             "Z0",         "Z0,1",
                             "qRcmd,1",    "qXfer:features:read:target.xml:1"})
    EXPECT_EQ(s.ask(packet), "E16") << packet;
  for (const char* packet :
       {"m10000,1", "mffff,2", "mffffffff,2", "M10000,1:00", "Z0,20000,4", "Z2,20000,4", "Z2,0,0", "Z2,ffff,ffffffff"})
    EXPECT_EQ(s.ask(packet), "E0e") << packet;
  for (const char* packet : {"", "X0,1:a", "Z9,0,4", "bs", "vCont;r1,2", "vFile:open:00", "qNoSuch", "QPassSignals:00", "\xff"})
    EXPECT_EQ(s.ask(packet), "") << packet;
  EXPECT_EQ(s.core.state().pc, kTestEntry);
}

TEST(GdbStub, NoPacketDoesHarm) {
  Session s("loop: j loop\n");
  s.stop = true;
  Rng rng(5);
  const std::string letters = "?gGpPmMcszZHTqQvDX0123456789abcdef,:;=+";
  for (int i = 0; i < 20000; ++i) {
    std::string packet;
    for (int64_t length = rng.below(24); length >= 0; --length)
      packet += rng.below(50) == 0 ? char(rng.below(256)) : letters[size_t(rng.below(int64_t(letters.size())))];
    EXPECT_LE(s.ask(packet).size(), GdbStub::kMaxPacket);
  }
}

}  // namespace
}  // namespace bitloom::mpic
