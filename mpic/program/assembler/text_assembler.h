// The passes over assembly texts. The first expands macros and counts bytes, further ones do so again with the addresses that the one before
// found until nothing moves any more, and the last one emits.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "core/error.h"
#include "mpic/isa/isa.h"
#include "mpic/program/assembler.h"
#include "mpic/program/assembler/expression.h"
#include "mpic/program/assembler/macros.h"
#include "mpic/program/assembler/sources.h"
#include "mpic/program/image.h"

namespace bitloom::mpic {

// Of a program, with what alignment skips.
inline constexpr uint64_t kMaxProgramSize = 64 << 20;

class TextAssembler : Resolver {
 public:
  TextAssembler(const std::vector<SourceText>& sources, uint32_t base);
  Image run();

 private:
  enum class Phase : uint8_t { kExpand, kMeasure, kEmit };
  enum class SectionKind : uint8_t {
    kText,
    kData,
    kBss,
    kDropped
  };  // in the order of memory; dropped ones (debugging) are in no image
  struct Section {
    std::string name;
    SectionKind kind = SectionKind::kData;
    size_t unit = 0;
    int64_t subsection = 0;
    uint64_t base = 0, size = 0, alignment = 1;
    std::vector<uint8_t> bytes;  // in the last pass; .bss has none
  };
  struct SymbolState {
    Value value;             // of an address: its offset in the section
    Value first;             // of a variable, before the first assignment of a pass
    size_t assigned_in = 0;  // the last pass that came to an assignment
    bool is_label = false, is_variable = false, is_global = false, is_weak = false, is_local = false;
    bool is_common = false;
    SymbolKind kind = SymbolKind::kLabel;
    uint32_t size = 0;
    bool is_defined() const { return is_label || is_variable; }
  };
  struct Statement {
    Place place;
    std::vector<Token> tokens;
  };
  // One source text. Its symbols are its own, but for the global ones.
  struct Unit {
    std::string name;
    std::vector<Line> lines;  // before the first pass
    std::vector<Statement> statements;
    std::vector<Expansion> expansions;
    std::unordered_map<std::string, SymbolState> symbols;
    std::map<int64_t, std::vector<Value>> locals;  // places of every "1:", in order
  };
  // An operand of a row and what the text has for it.
  struct Binding {
    const Operand* operand;
    TokenRange text;
  };
  using Directive = void (TextAssembler::*)(const std::string& name, TokenRange operands);
  using Directives = std::unordered_map<std::string, Directive>;

  void begin_pass(Phase phase);
  void begin_unit(size_t unit);
  void expand_unit();
  void pass(Phase phase);
  [[noreturn]] void fail(const Place& place, const Error& error) const;
  void record(const Place& place, const std::string& text);
  void statement(const Statement& statement);
  bool are_places_known() const { return phase_ != Phase::kExpand; }
  bool is_last_pass() const { return phase_ == Phase::kEmit; }
  // How far the next place that can grow has grown: at least `needed`, never less than before, so that passes come to an end. To be asked in every
  // pass for every such place.
  size_t settle(size_t needed);

  // symbols.cpp
  void define_label(const Token& token);
  void define_variable(const std::string& name, TokenRange expression);
  void link_globals();
  bool provided(const std::string& name, Value* value) const;
  Value resolve(const Token& token) override;
  Value resolve_local(const Token& token) const;
  Value relocate(const std::string& function, const Value& of) override;
  Value value_of(TokenRange expression) { return evaluate(expression, *this); }
  // A number that the first pass needs already.
  int64_t number_now(TokenRange expression);
  Unit& unit() { return units_[unit_]; }
  const Unit& unit() const { return units_[unit_]; }

  // sections.cpp
  static SectionKind kind_of(const std::string& name, const std::string& flags, bool has_flags);
  void enter_section(const std::string& name, int64_t subsection, const std::string& flags, bool has_flags);
  void place_sections();
  std::vector<const Section*> placed() const;
  Image image() const;
  void select_section(const std::string& name, TokenRange operands);
  void push_section(const std::string& name, TokenRange operands);
  void pop_section(const std::string& name, TokenRange operands);
  void previous_section(const std::string& name, TokenRange operands);
  void subsection(const std::string& name, TokenRange operands);
  Section& section() { return sections_[current_]; }
  const Section& section() const { return sections_[current_]; }
  uint32_t address() const { return uint32_t(section().base + section().size); }

  // instructions.cpp, jumps.cpp, insn.cpp
  void instruction(const std::string& mnemonic, TokenRange operands);
  bool emit_row(const std::string& mnemonic, const std::vector<TokenRange>& operands);
  bool emit_pseudo(const char* as, const std::vector<TokenRange>& operands);
  void emit(const std::vector<Insn>& insns);
  void emit_word(uint64_t word, int bytes);
  void set(Insn& insn, const Binding& binding);
  void load_immediate_or_address(const std::string& mnemonic, const std::vector<TokenRange>& texts);
  bool access_symbol(const std::string& mnemonic, const std::vector<TokenRange>& texts);
  void jump(Insn insn, TokenRange target, int scratch);
  bool jump_far(const std::string& mnemonic, const std::vector<TokenRange>& texts);
  void insn(const std::string& name, TokenRange operands);
  uint64_t insn_field(char letter, TokenRange text);

  // directives.cpp: contents
  void directive(const std::string& name, TokenRange operands);
  void data(const std::string& name, TokenRange operands);
  void reals(const std::string& name, TokenRange operands);
  void leb128(const std::string& name, TokenRange operands);
  void text(const std::string& name, TokenRange operands);
  void align(const std::string& name, TokenRange operands);
  void space(const std::string& name, TokenRange operands);
  void fill(const std::string& name, TokenRange operands);
  void org(const std::string& name, TokenRange operands);
  void put(uint64_t value, int bytes);
  void pad(uint64_t bytes, uint8_t fill);
  void align_to(uint64_t alignment, int64_t fill, int fill_bytes);

  // symbol_directives.cpp
  static const Directives& symbol_directives();
  void equate(const std::string& name, TokenRange operands);
  void binding(const std::string& name, TokenRange operands);
  void symbol_type(const std::string& name, TokenRange operands);
  void symbol_size(const std::string& name, TokenRange operands);
  void common(const std::string& name, TokenRange operands);
  void refuse(const std::string& name, TokenRange operands);

  uint64_t base_;
  std::vector<Unit> units_;
  size_t unit_ = 0;
  Phase phase_ = Phase::kExpand;
  size_t pass_ = 0;
  bool has_moved_ = false;

  std::vector<Section> sections_;
  std::map<std::tuple<size_t, std::string, int64_t>, size_t> section_index_;
  size_t current_ = 0, previous_ = 0;
  std::vector<std::pair<size_t, size_t>> section_stack_;
  AddressRange ranges_[size_t(SectionKind::kDropped)];  // where the sections of a kind are
  std::map<std::string, AddressRange> named_ranges_;    // likewise, of the sections of one name
  uint64_t end_ = 0;                                    // of the program
  uint64_t total_size_ = 0;                             // of all sections, in this pass

  std::unordered_map<std::string, size_t> globals_;  // the unit of each
  std::map<int64_t, size_t> locals_seen_;            // how many "1:" are above
  std::vector<size_t> grown_;                        // what settle() said, in the order of the text
  size_t next_grown_ = 0;
  std::vector<Value> assigned_;  // the value of every assignment
  size_t next_assigned_ = 0;
  std::map<std::pair<int, int64_t>, uint32_t> pcrel_distances_;  // of every %pcrel_hi, by section and offset
  std::set<uint32_t> called_;
};

// The operands between the commas that no parenthesis encloses. Error for an empty one.
std::vector<TokenRange> split_operands(TokenRange tokens);
// The only token, a name; Error otherwise.
const std::string& single_name(TokenRange tokens, const char* what);
bool is_register(TokenRange text);

}  // namespace bitloom::mpic
