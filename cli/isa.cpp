// bitloom isa: the instruction set of isa.inc and csr.inc as a page of documentation (mpic/ISA.md is its output).
#include "mpic/isa/isa.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>

#include "cli/commands.h"
#include "core/error.h"
#include "mpic/isa/csr.h"
#include "mpic/isa/names.h"
#include "mpic/program/disassembler.h"

namespace bitloom {
namespace {

using mpic::Op;

// The semantics as isa.inc writes them, by Op.
constexpr const char* kSemantics[] = {
#define INSN(id, mnemonic, picture, operands, timing, ...) #__VA_ARGS__,
#define EXPAND(...) "",
#define RESERVED(picture)
#include "mpic/isa/isa.inc"
};

// How csr.inc reads a register, by Csr; "" for those that are kept.
constexpr const char* kCsrReads[] = {
#define CSR(...) "",
#define COMPUTED(name, address, reset, mask, read, ...) #read,
#include "mpic/isa/csr.inc"
};

std::string picture(const mpic::Row& row) {
  std::string bits;
  for (int bit = row.length * 8 - 1; bit >= 0; --bit) bits += row.mask >> bit & 1 ? (row.match >> bit & 1 ? '1' : '0') : '-';
  return bits;
}

// In a cell of a Markdown table.
std::string cell(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, "\\");
  return text;
}

void print_page() {
  std::cout
      << "# Instructions of MPIC\n\nWritten by `bitloom isa` from `mpic/isa/isa.inc` and `mpic/isa/csr.inc`; a test compares. "
         "The macros of the semantics "
         "are explained in `isa.inc`.\n\n| instruction | encoding | timing | semantics |\n| --- | --- | --- | --- |\n";
  for (int i = 0; i < mpic::kOps; ++i) {
    const mpic::Row& row = mpic::row(Op(i));
    const std::string operands = mpic::describe_operands(row), meaning = kSemantics[i];
    std::cout << "| `" << row.mnemonic << (operands.empty() ? "" : " ") << operands << "` | `" << picture(row) << "` | "
              << to_string(row.timing) << " | "
              << (meaning.empty() ? str("as `", mpic::row(row.executes).mnemonic, "`") : "`" + cell(meaning) + "`") << " |\n";
  }
  std::cout << "\n| CSR | address | after reset | writable bits | reads as, where not as written |\n"
            << "| --- | --- | --- | --- | --- |\n";
  for (int i = 0; i < mpic::kCsrCount; ++i) {
    const mpic::CsrRow& csr = mpic::kCsrs[i];
    const std::string read = kCsrReads[i];
    std::cout << "| `" << csr.name << "` | " << mpic::hex(csr.address, 3) << " | " << mpic::hex(csr.reset) << " | "
              << mpic::hex(csr.writable) << " | " << (read.empty() ? "" : "`" + read + "`") << " |\n";
  }
}

}  // namespace

void add_isa(CLI::App& program, Chosen& chosen) {
  CLI::App* command = program.add_subcommand("isa", "Print the instruction set of the simulated core as a Markdown page");
  command->callback([&chosen] { chosen = [](const std::string&) { print_page(); }; });
}

}  // namespace bitloom
