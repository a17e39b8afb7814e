// The two passes over an assembly text. Both read every statement; the first only counts bytes, the second knows all addresses.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "mpic/isa/isa.h"
#include "mpic/program/assembler/expression.h"
#include "mpic/program/image.h"

namespace bitloom::mpic {

class TextAssembler {
 public:
  TextAssembler(const std::string& text, const std::string& name, uint32_t base);
  Image run();

 private:
  enum SectionIndex { kText, kData, kBss, kSections };
  struct Section {
    uint64_t base = 0, size = 0, alignment = 1;
    std::vector<uint8_t> bytes;  // in the second pass; .bss has none
  };
  struct SymbolState {
    Value value;  // of an address: its offset in the section
    bool is_label = false, is_variable = false, is_global = false;
    SymbolKind kind = SymbolKind::kLabel;
    uint32_t size = 0;
  };
  // An operand of a row and what the text has for it.
  struct Binding {
    const Operand* operand;
    TokenRange text;
  };
  using Bindings = std::vector<Binding>;
  using Directive = void (TextAssembler::*)(const std::string& name, TokenRange operands);

  void pass();
  void place_sections();
  Image image() const;
  void statement(const Statement& statement);
  bool is_second_pass() const { return second_pass_; }

  // Symbols and expressions
  void define_label(const Token& token);
  void define_variable(const std::string& name, TokenRange expression);
  Value resolve(const Token& token) const;
  Value value_of(TokenRange expression) const;
  // A number that the first pass needs already.
  int64_t number_now(TokenRange expression) const;
  Section& section() { return sections_[current_]; }
  const Section& section() const { return sections_[current_]; }
  uint32_t address() const { return uint32_t(section().base + section().size); }

  // instructions.cpp
  void instruction(const std::string& mnemonic, TokenRange operands);
  bool emit_row(const std::string& mnemonic, const std::vector<TokenRange>& operands);
  bool emit_pseudo(const char* as, const std::vector<TokenRange>& operands);
  void emit(const std::vector<Insn>& insns);
  void set(Insn& insn, const Binding& binding) const;
  void load_immediate_or_address(const std::string& mnemonic, const std::vector<TokenRange>& texts);

  // directives.cpp
  void directive(const std::string& name, TokenRange operands);
  void data(const std::string& name, TokenRange operands);
  void text(const std::string& name, TokenRange operands);
  void align(const std::string& name, TokenRange operands);
  void space(const std::string& name, TokenRange operands);
  void org(const std::string& name, TokenRange operands);
  void equate(const std::string& name, TokenRange operands);
  void select_section(const std::string& name, TokenRange operands);
  void global(const std::string& name, TokenRange operands);
  void symbol_type(const std::string& name, TokenRange operands);
  void symbol_size(const std::string& name, TokenRange operands);
  void common(const std::string& name, TokenRange operands);
  void ignore(const std::string& name, TokenRange operands);
  void put(uint64_t value, int bytes);
  void pad(uint64_t bytes, uint8_t fill);
  void align_to(uint64_t alignment, int fill);

  std::string name_;
  std::vector<Statement> statements_;
  uint64_t base_;
  bool second_pass_ = false;
  int current_ = kText;
  Section sections_[kSections];
  std::unordered_map<std::string, SymbolState> symbols_;
  std::map<int64_t, std::vector<Value>> locals_;  // places of every "1:", in order
  std::map<int64_t, size_t> locals_seen_;         // how many of them are above
  std::vector<size_t> load_lengths_;              // instructions of every li: the first pass decides
  size_t loads_seen_ = 0;
  std::set<uint32_t> called_;
};

// The operands between the commas that no parenthesis encloses. Error for an empty one.
std::vector<TokenRange> split_operands(TokenRange tokens);
// The only token, a name; Error otherwise.
const std::string& single_name(TokenRange tokens, const char* what);

}  // namespace bitloom::mpic
