// The pages of mpic/ say what the code says.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "mpic/compile/codegen.h"
#include "mpic/program/disassembler.h"
#include "tests/support/program.h"

namespace bitloom::mpic {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Documentation, IsaPageIsWrittenByTheProgram) {
  const testing::Outcome outcome = testing::run_program(".", "isa");
  ASSERT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, read("mpic/ISA.md")) << "write it anew: build/bitloom isa > mpic/ISA.md";
}

// Every excerpt of the walk-through is consecutive code of the layer that it is about; the last one leaves lines out.
TEST(Documentation, WalkthroughShowsEmittedCode) {
  const IntegerGraph graph = load_graph("results/cifar10/channel-1/network.blig");
  const CompiledNetwork network = compile(graph);
  const Image::Segment& segment = network.image.segments[0];
  std::string code;
  for (uint32_t at = 0; at < network.code_bytes; at += 4) {
    uint32_t word;
    std::memcpy(&word, &segment.bytes[at], 4);
    code += disassemble(word) + "\n";
  }
  const std::string page = read("mpic/WALKTHROUGH.md");
  int excerpts = 0;
  for (size_t begin = 0; (begin = page.find("```asm\n", begin)) != std::string::npos; ++excerpts) {
    begin += 7;
    const std::string excerpt = page.substr(begin, page.find("```", begin) - begin);
    std::istringstream lines(excerpt);
    if (code.find(excerpt) != std::string::npos) continue;
    for (std::string line; std::getline(lines, line);) EXPECT_NE(code.find(line + "\n"), std::string::npos) << line;
    EXPECT_EQ(excerpts, 3) << "this excerpt is not consecutive code:\n" << excerpt;
  }
  EXPECT_EQ(excerpts, 4);
}

}  // namespace
}  // namespace bitloom::mpic
