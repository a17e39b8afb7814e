// profile as a user meets it.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/io.h"
#include "tests/support/hello.h"
#include "tests/support/program.h"
#include "tests/support/xml.h"

namespace bitloom {
namespace {

using testing::kHello;
using testing::run_program;
using testing::TempFolder;

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

TEST(ProfileCommand, CyclesByFunctionClassAndInstruction) {
  const TempFolder folder;
  write(folder / "hello.s", kHello);
  const auto text = run_program(folder.path(), "profile hello.s");
  EXPECT_EQ(text.code, 0) << "the profile succeeded, whatever the program's exit code";
  EXPECT_EQ(text.err, "hello\n");
  EXPECT_NE(text.out.find("finish"), std::string::npos) << text.out;
  const auto json = nlohmann::json::parse(run_program(folder.path(), "profile hello.s --format json --top 3").out);
  for (const char* part : {"functions", "classes"}) {
    int64_t cycles = 0, instructions = 0;
    for (const auto& entry : json.at(part)) {
      cycles += entry.at("cycles").get<int64_t>();
      instructions += entry.at("instructions").get<int64_t>();
    }
    EXPECT_EQ(cycles, json.at("cycles")) << part;
    EXPECT_EQ(instructions, json.at("instructions")) << part;
  }
  EXPECT_EQ(json.at("functions").size(), 2u);
  EXPECT_EQ(json.at("hottest").size(), 3u);
  EXPECT_EQ(json.at("hottest")[0].at("instruction"), "addi a1, a1, 1");
  EXPECT_EQ(json.at("hottest")[0].at("cycles"), 10);
}

TEST(ProfileCommand, CallsAndTheirCycles) {
  const TempFolder folder;
  write(folder / "calls.s", R"(
        .type   h, @function
        .type   handler, @function
_start: call    f
        call    f
        la      t0, handler
        csrw    mtvec, t0
        ecall
        li      a0, 4
        call    count
        li      t0, 0x20000004
        sw      zero, 0(t0)
f:      mv      s0, ra
        call    g
        mv      ra, s0
        j       h                       # a tail call: h returns to the caller of f
g:      ret
h:      ret
count:  addi    sp, sp, -4
        sw      ra, 0(sp)
        addi    a0, a0, -1
        beqz    a0, 1f
        call    count
1:      lw      ra, 0(sp)
        addi    sp, sp, 4
        ret
handler: csrr   t1, mepc
        addi    t1, t1, 4
        csrw    mepc, t1
        mret
)");
  const auto o = run_program(folder.path(), "profile calls.s --format json --flame flame.svg");
  ASSERT_EQ(o.code, 0) << o.err;
  const auto json = nlohmann::json::parse(o.out);
  std::map<std::string, int64_t> calls, cycles, own, inclusive;
  for (const auto& edge : json.at("calls")) {
    const std::string key = edge.at("caller").get<std::string>() + ">" + edge.at("callee").get<std::string>();
    calls[key] = edge.at("calls");
    cycles[key] = edge.at("cycles_with_callees");
  }
  for (const auto& f : json.at("functions")) {
    own[f.at("function")] = f.at("cycles");
    inclusive[f.at("function")] = f.at("cycles_with_callees");
  }
  const std::map<std::string, int64_t> expected = {{"_start>f", 2},     {"f>g", 2},         {"_start>h", 2},
                                                   {"_start>count", 1}, {"count>count", 3}, {"_start>handler", 1}};
  EXPECT_EQ(calls, expected) << o.out;
  EXPECT_EQ(inclusive["_start"], json.at("cycles"));
  EXPECT_EQ(inclusive["f"], own["f"] + own["g"]);
  EXPECT_EQ(inclusive["h"], own["h"]);
  EXPECT_EQ(inclusive["count"], own["count"]) << "recursion counts once";
  EXPECT_EQ(cycles["_start>count"], own["count"]);
  EXPECT_EQ(own["_start"] + cycles["_start>f"] + cycles["_start>h"] + cycles["_start>count"] + cycles["_start>handler"],
            json.at("cycles"));
  const std::string svg = read_text(folder / "flame.svg");
  EXPECT_EQ(testing::xml_fault(svg), "");
  EXPECT_NE(svg.find(str("<title>_start: ", json.at("cycles").get<int64_t>(), " cycles, 100.00%, 1 calls</title>")),
            std::string::npos)
      << svg;
  EXPECT_NE(svg.find("<title>f: "), std::string::npos);
  const std::string text = run_program(folder.path(), "profile calls.s").out;
  EXPECT_NE(text.find("caller"), std::string::npos) << text;
  EXPECT_NE(run_program(folder.path(), "profile calls.s --flame /nowhere/flame.svg").code, 0);
}

TEST(ProfileCommand, FunctionsOfOneNameCountTogether) {
  const TempFolder folder;
  write(folder / "a.s",
        "_start: call f\n call g\n li t0, 0x20000004\n sw zero, 0(t0)\n .type f, @function\nf: nop\n nop\n ret\n");
  write(
      folder / "b.s",
      " .globl g\n .type g, @function\ng: mv s0, ra\n call f\n jr s0\n .type f, @function\nf: .rept 20\n nop\n .endr\n ret\n");
  const auto o = run_program(folder.path(), "profile a.s b.s --format json");
  ASSERT_EQ(o.code, 0) << o.err;
  const auto json = nlohmann::json::parse(o.out);
  std::map<std::string, int64_t> own, inclusive;
  for (const auto& f : json.at("functions")) {
    own[f.at("function")] = f.at("cycles");
    inclusive[f.at("function")] = f.at("cycles_with_callees");
  }
  EXPECT_GT(own["f"], 22);
  EXPECT_EQ(inclusive["f"], own["f"]) << o.out;
}
}  // namespace
}  // namespace bitloom
