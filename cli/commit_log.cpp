// What every instruction changed. The format is that of riscv-software-src/riscv-isa-sim, riscv/execute.cc, commit_log_print_insn(): privilege (3, machine
// mode), pc, instruction, then registers and CSRs by number, addresses loaded from, addresses stored to with what was stored. What traps does
// not commit and has no line.
#include "cli/commit_log.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/error.h"
#include "mpic/isa/names.h"

namespace bitloom {

CommitLog::CommitLog(mpic::Core& core, const std::string& path) : core_(core), path_(path), file_(path, std::ios::trunc) {
  BITLOOM_CHECK(file_.is_open(), "cannot write the commit log to ", path, ": ", std::strerror(errno));
}

void CommitLog::finish() {
  file_.flush();
  BITLOOM_CHECK(file_.good(), "cannot write the commit log to ", path_, ": ", std::strerror(errno));
}

void CommitLog::add(const mpic::Core::Observed& o) {
  if (o.trapped || o.insn.op == mpic::Op::illegal) return;
  char buffer[256];
  int used = 0;
  const auto print = [&](const char* format, auto... values) {
    used += std::snprintf(buffer + used, sizeof buffer - size_t(used), format, values...);
  };
  const bool is_short = o.insn.length == 2;
  print("core   0: 3 0x%08x (0x%0*x)", o.pc, 2 * o.insn.length, is_short ? o.word & 0xffff : o.word);
  const uint8_t access = row(o.insn.op).access;
  uint64_t written = (access & mpic::kWritesRd) != 0 ? uint64_t(1) << o.insn.rd : 0;
  if ((access & mpic::kWritesRs1) != 0) written |= uint64_t(1) << o.insn.rs1;
  if (o.is_served()) written |= uint64_t(1) << 10;  // a0, the answer
  for (int i = 1; i < 32; ++i)
    if ((written >> i & 1) != 0) print(" x%-2d 0x%08x", i, core_.state().x[i]);
  const auto print_csr = [&](uint32_t address) {
    print(" c%u_%s 0x%08x", address, mpic::csr_name(address).c_str(), core_.read_csr(address));
  };
  if (mpic::writes_csr(o.insn)) print_csr(uint32_t(o.insn.imm));
  if (o.insn.executes == mpic::Op::mret) {  // riscv/insns/mret.h writes both halves
    print_csr(address_of(mpic::Csr::mstatus));
    print(" c784_mstatush 0x%08x", 0u);
  }
  if (o.access.bytes != 0) print(" mem 0x%08x", o.access.address);
  if (o.access.is_store) print(" 0x%0*x", 2 * o.access.bytes, o.access.stored);
  buffer[used++] = '\n';
  file_.write(buffer, used);
}

}  // namespace bitloom
