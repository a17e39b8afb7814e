// Exported C, compiled for a target and run there, against the interpreter.
#pragma once
#include <string>
#include <vector>

#include "core/tensor.h"
#include "quant/integer/graph.h"

namespace bitloom::testing {

// A network and the inputs to run it on, (N,H,W,C) in the range of its input.
struct ExportCase {
  std::string name;
  IntegerGraph graph;
  TensorT<int16_t> samples;
};

// Up to 256 networks become one program, built and run by tests/cross/run.sh. "" when every code of every layer is the
// interpreter's, else the first difference or what the compiler says; "skip: REASON" when a tool is missing.
std::string difference_of_exported(const std::vector<ExportCase>& cases, const std::string& target);

}  // namespace bitloom::testing

// Fails unless the exported cases agree with the interpreter on the target; skips the test when its tools are missing.
#define BITLOOM_EXPECT_EXPORTED_EQUAL(cases, target)                                          \
  do {                                                                                        \
    const std::string difference = ::bitloom::testing::difference_of_exported(cases, target); \
    if (difference.rfind("skip: ", 0) == 0) GTEST_SKIP() << difference.substr(6);             \
    EXPECT_EQ(difference, "");                                                                \
  } while (false)
