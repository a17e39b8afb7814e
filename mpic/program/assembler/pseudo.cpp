// What mnemonics mean.
#include "mpic/program/assembler/pseudo.h"

#include <string_view>
#include <unordered_map>

#include "core/ends_with.h"

namespace bitloom::mpic {
namespace {

using Rows = std::vector<Op>;

const Rows& rows_named(const std::string& mnemonic) {
  static const std::unordered_map<std::string, Rows> index = [] {
    std::unordered_map<std::string, Rows> rows;
    for (int i = 0; i < kOps; ++i) rows[row(Op(i)).mnemonic].push_back(Op(i));
    return rows;
  }();
  static const Rows none;
  const auto found = index.find(mnemonic);
  return found == index.end() ? none : found->second;
}

// With a number for the last register: "add a0, a1, 5" is addi.
const char* immediate_twin(const std::string& mnemonic) {
  static const std::unordered_map<std::string, const char*> twins = {
      {"add", "addi"}, {"and", "andi"}, {"or", "ori"},     {"xor", "xori"},     {"sll", "slli"},     {"srl", "srli"},
      {"sra", "srai"}, {"slt", "slti"}, {"sltu", "sltiu"}, {"csrrw", "csrrwi"}, {"csrrs", "csrrsi"}, {"csrrc", "csrrci"}};
  const auto found = twins.find(mnemonic);
  return found == twins.end() ? "" : found->second;
}

// Beyond the rows of its name: p.lw is also a spelling of lw (and so on); the .v forms of vector instructions, whose lanes CSR simd_format
// chooses, are encoded as .b (the MPIC tools are not public; the RTL looks at bits 14 and 13 only); gas also has a final i where an operand is a number.
Rows find_rows(const std::string& mnemonic) {
  Rows rows = rows_named(mnemonic);
  for (const Op op : rows_named(immediate_twin(mnemonic))) rows.push_back(op);
  if (mnemonic.compare(0, 2, "p.") == 0) {
    for (const Op op : rows_named(mnemonic.substr(2)))
      if (row(op).timing == Timing::kLoad || row(op).timing == Timing::kStore) rows.push_back(op);
    if (rows.empty() && ends_with(mnemonic, "i"))
      for (const Op op : rows_named(mnemonic.substr(0, mnemonic.size() - 1)))
        if ((row(op).access & kReadsRs2) == 0 || std::string_view(row(op).operands).find('n') != std::string_view::npos)
          rows.push_back(op);
  }
  if (mnemonic.compare(0, 3, "pv.") == 0 && ends_with(mnemonic, ".v")) {
    const std::string stem = mnemonic.substr(0, mnemonic.size() - 2);
    const std::string operation = stem.substr(0, stem.find('.', 3));
    if (!rows_named(operation + ".n").empty() || !rows_named(operation + ".sc.b").empty()) rows = rows_named(stem + ".b");
  }
  return rows;
}

}  // namespace

const std::vector<Op>& rows_of(const std::string& mnemonic) {
  static thread_local std::unordered_map<std::string, Rows> known;
  constexpr size_t kMostNames = 4096;  // of texts that have no end of made-up ones
  if (known.size() > kMostNames) known.clear();
  const auto [found, is_new] = known.try_emplace(mnemonic);
  if (is_new) found->second = find_rows(mnemonic);
  return found->second;
}

const std::vector<Pseudo>& pseudos() {
  static const std::vector<Pseudo> all = {
      {"nop", 0, "addi zero, zero, 0"},
      {"mv", 2, "addi @0, @1, 0"},
      {"move", 2, "addi @0, @1, 0"},
      {"not", 2, "xori @0, @1, -1"},
      {"neg", 2, "sub @0, zero, @1"},
      {"seqz", 2, "sltiu @0, @1, 1"},
      {"snez", 2, "sltu @0, zero, @1"},
      {"sltz", 2, "slt @0, @1, zero"},
      {"sgtz", 2, "slt @0, zero, @1"},
      {"sgt", 3, "slt @0, @2, @1"},
      {"sgtu", 3, "sltu @0, @2, @1"},
      {"zext.b", 2, "andi @0, @1, 255"},
      {"zext.h", 2, "slli @0, @1, 16; srli @0, @0, 16"},
      {"sext.b", 2, "slli @0, @1, 24; srai @0, @0, 24"},
      {"sext.h", 2, "slli @0, @1, 16; srai @0, @0, 16"},
      {"beqz", 2, "beq @0, zero, @1"},
      {"bnez", 2, "bne @0, zero, @1"},
      {"blez", 2, "bge zero, @0, @1"},
      {"bgez", 2, "bge @0, zero, @1"},
      {"bltz", 2, "blt @0, zero, @1"},
      {"bgtz", 2, "blt zero, @0, @1"},
      {"bgt", 3, "blt @1, @0, @2"},
      {"ble", 3, "bge @1, @0, @2"},
      {"bgtu", 3, "bltu @1, @0, @2"},
      {"bleu", 3, "bgeu @1, @0, @2"},
      {"j", 1, "jal zero, @0"},
      {"jal", 1, "jal ra, @0"},
      {"ret", 0, "jalr zero, 0(ra)"},
      {"jr", 1, "jalr zero, 0(@0)"},
      {"jr", 1, "jalr zero, @0"},
      {"jr", 2, "jalr zero, @1(@0)"},
      {"jalr", 1, "jalr ra, 0(@0)"},
      {"jalr", 1, "jalr ra, @0"},
      {"jalr", 2, "jalr @0, 0(@1)"},
      {"jalr", 3, "jalr @0, @2(@1)"},
      {"scall", 0, "ecall"},
      {"sbreak", 0, "ebreak"},
      {"fence", 0, "fence iorw, iorw"},
      {"pause", 0, "fence w, 0"},
      {"rdcycle", 1, "csrrs @0, cycle, zero"},
      {"rdcycleh", 1, "csrrs @0, cycleh, zero"},
      {"rdtime", 1, "csrrs @0, time, zero"},
      {"rdtimeh", 1, "csrrs @0, timeh, zero"},
      {"rdinstret", 1, "csrrs @0, instret, zero"},
      {"rdinstreth", 1, "csrrs @0, instreth, zero"},
      {"csrr", 2, "csrrs @0, @1, zero"},
      {"csrw", 2, "csrrw zero, @0, @1"},
      {"csrs", 2, "csrrs zero, @0, @1"},
      {"csrc", 2, "csrrc zero, @0, @1"},
      {"csrwi", 2, "csrrwi zero, @0, @1"},
      {"csrsi", 2, "csrrsi zero, @0, @1"},
      {"csrci", 2, "csrrci zero, @0, @1"},
  };
  return all;
}

}  // namespace bitloom::mpic
