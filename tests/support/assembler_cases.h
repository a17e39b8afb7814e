// Texts, and the bytes or the message that the assembler makes of them.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "mpic/isa/names.h"
#include "mpic/program/assembler.h"
#include "tests/support/files.h"

namespace bitloom::testing {

// What is in memory, two digits a byte.
inline std::string hex_of(const std::string& text) {
  const mpic::Image image = mpic::assemble(text, "t.s");
  std::string bytes;
  if (!image.segments.empty())
    for (const uint8_t byte : image.segments[0].bytes) bytes += mpic::hex(byte, 2).substr(2);
  return bytes;
}

struct AssemblerCase {
  const char *text, *bytes;
};
inline void expect_bytes(const std::vector<AssemblerCase>& cases) {
  for (const AssemblerCase& c : cases) {
    std::string got;
    EXPECT_EQ(error_of([&] { got = hex_of(c.text); }), "") << c.text;
    EXPECT_EQ(got, c.bytes) << c.text;
  }
}

inline void expect_errors(const std::vector<AssemblerCase>& cases) {
  for (const auto& [text, message] : cases) {
    const std::string got = error_of([text = text] { mpic::assemble(text, "t.s"); });
    EXPECT_NE(got.find(message), std::string::npos) << text << "\n  got: " << got;
    EXPECT_EQ(got.find('\n'), std::string::npos) << got;
  }
}

}  // namespace bitloom::testing
