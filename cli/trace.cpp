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
    "A trace line: cycle of issue, pc, word, instruction, '|', registers and CSRs written, memory accessed (stored values "
    "behind '='), the next pc "
    "where it is not the next instruction's; a0 is that of an ecall or a semihosting request too, the answer of the host:\n"
    "         7 80000008 0045a28b p.lw t0, 4(a1!)              | t0=0000002a a1=80001004 [80001000]\n"
    "        18 80000010 00542023 sw t0, 0(s0)                 | [80001010]=0000002a\n"
    "        19 80000014 ff5ff06f j -12                        | ->80000008";

Trace::Trace(mpic::Core& core, const std::string& path)
    : core_(core), path_(path), out_(path == "-" ? static_cast<std::ostream&>(std::cerr) : file_) {
  if (path != "-") file_.open(path, std::ios::trunc);
  BITLOOM_CHECK(path == "-" || file_.is_open(), "cannot write the trace to ", path, ": ", std::strerror(errno));
}

void Trace::finish() {
  out_.flush();
  BITLOOM_CHECK(out_.good(), "cannot write the trace to ", path_, ": ", std::strerror(errno));
}

const std::string& Trace::text_of(const mpic::Core::Observed& o) {
  std::string& text = texts_[o.insn.length == 2 ? o.word & 0xffff : o.word];
  if (text.empty()) text = disassemble(o.insn, o.word, mpic::Spelling::kPlain);
  return text;
}

void Trace::add(const mpic::Core::Observed& o) {
  char buffer[256];
  const int digits = o.insn.length * 2;
  const uint32_t word = o.insn.length == 2 ? o.word & 0xffff : o.word;
  int used = std::snprintf(buffer, sizeof buffer, "%10llu %08x %*s%0*x %-28.80s |", static_cast<unsigned long long>(o.issued),
                           o.pc, 8 - digits, "", digits, word, text_of(o).c_str());
  const auto print = [&](const char* format, auto... values) {
    used += std::snprintf(buffer + used, sizeof buffer - size_t(used), format, values...);
  };
  const mpic::State& now = core_.state();
  if (o.insn.op != mpic::Op::illegal) {
    const uint8_t access = row(o.insn.op).access;
    const auto show = [&](int index) {
      if (index != 0) print(" %s=%08x", mpic::register_name(index), now.x[index]);
    };
    if ((access & mpic::kWritesRd) != 0) show(o.insn.rd);
    if ((access & mpic::kWritesRs1) != 0 && o.insn.rs1 != o.insn.rd) show(o.insn.rs1);
    if (mpic::writes_csr(o.insn))
      print(" %s=%08x", mpic::csr_name(uint32_t(o.insn.imm)).c_str(), core_.read_csr(uint32_t(o.insn.imm)));
    if (o.is_served()) show(10);
    if (o.access.bytes != 0) print(" [%08x]", o.access.address);
    if (o.access.is_store) print("=%0*x", 2 * o.access.bytes, o.access.stored);
  }
  if (o.trapped) print(" mepc=%08x mcause=%08x", core_.read_csr(mpic::Csr::mepc), core_.read_csr(mpic::Csr::mcause));
  if (now.pc != o.pc + o.insn.length) print(" ->%08x", now.pc);
  buffer[used++] = '\n';
  out_.write(buffer, used);
}

}  // namespace bitloom
