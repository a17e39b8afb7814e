// One line for every instruction that a core executes.
#include "cli/trace.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>

#include "core/error.h"
#include "mpic/isa/names.h"
#include "mpic/program/disassembler.h"

namespace bitloom {

const char* const Trace::kFormat =
    "A trace line: cycle of issue, pc, word, instruction, '|', registers written, memory accessed (stored values behind '='):\n"
    "         7 80000008 0045a28b p.lw t0, 4(a1!)              | t0=0000002a a1=80001004 [80001000]\n"
    "        18 80000010 00542023 sw t0, 0(s0)                 | [80001010]=0000002a";

namespace {

struct MemoryAccess {
  bool exists = false;
  uint32_t address = 0;
};

// From the operand string: the base in parentheses, plus the offset in front unless it is added afterwards ('!').
MemoryAccess access_of(const mpic::Insn& insn, const mpic::State& before) {
  const char* open = std::strchr(row(insn.op).operands, '(');
  const mpic::Timing timing = row(insn.op).timing;
  if (open == nullptr || (timing != mpic::Timing::kLoad && timing != mpic::Timing::kStore)) return {};
  const mpic::Operand &offset = *mpic::operand(open[-1]), &base = *mpic::operand(open[1]);
  const uint32_t at = before.x[value(insn, base)];
  if (open[2] == '!') return {true, at};
  const int32_t distance = value(insn, offset);
  return {true, at + (offset.is_register() ? before.x[distance] : uint32_t(distance))};
}

}  // namespace

Trace::Trace(mpic::Core& core, const std::string& path)
    : core_(core), path_(path), out_(path == "-" ? static_cast<std::ostream&>(std::cerr) : file_), before_(core.state()) {
  if (path != "-") file_.open(path, std::ios::trunc);
  BITLOOM_CHECK(path == "-" || file_.is_open(), "cannot write the trace to ", path, ": ", std::strerror(errno));
  core.observe([this](const mpic::Core::Observed& o) { line(o); });
}

void Trace::finish() {
  out_.flush();
  BITLOOM_CHECK(out_.good(), "cannot write the trace to ", path_, ": ", std::strerror(errno));
}

const std::string& Trace::text_of(const mpic::Core::Observed& o) {
  std::string& text = texts_[o.insn.length == 2 ? o.word & 0xffff : o.word];
  if (text.empty()) text = disassemble(o.insn, o.word);
  return text;
}

void Trace::line(const mpic::Core::Observed& o) {
  char buffer[256];
  const int digits = o.insn.length * 2;
  const uint32_t word = o.insn.length == 2 ? o.word & 0xffff : o.word;
  int used = std::snprintf(buffer, sizeof buffer, "%10llu %08x %*s%0*x %-28.80s |", static_cast<unsigned long long>(o.issued),
                           o.pc, 8 - digits, "", digits, word, text_of(o).c_str());
  const auto add = [&](const char* format, auto... values) {
    used += std::snprintf(buffer + used, sizeof buffer - size_t(used), format, values...);
  };
  const mpic::State& now = core_.state();
  if (o.insn.op != mpic::Op::illegal) {
    const uint8_t access = row(o.insn.op).access;
    const auto show = [&](int index) {
      if (index != 0) add(" %s=%08x", mpic::register_name(index), now.x[index]);
    };
    if ((access & mpic::kWritesRd) != 0) show(o.insn.rd);
    if ((access & mpic::kWritesRs1) != 0 && o.insn.rs1 != o.insn.rd) show(o.insn.rs1);
    const MemoryAccess memory = access_of(o.insn, before_);
    if (memory.exists) add(" [%08x]", memory.address);
    if (memory.exists && row(o.insn.op).timing == mpic::Timing::kStore) add("=%08x", before_.x[o.insn.rs2]);
  }
  buffer[used++] = '\n';
  out_.write(buffer, used);
  before_ = now;
}

}  // namespace bitloom
