// Symbols: labels, variables, and what the units of a program know of each other's.
#include <map>

#include "core/error.h"
#include "mpic/isa/names.h"
#include "mpic/program/assembler/text_assembler.h"

namespace bitloom::mpic {

void TextAssembler::define_label(const Token& token) {
  const Value here{int64_t(section().size), int(current_), false};
  if (token.kind == Token::kNumber) {
    std::vector<Value>& places = unit().locals[token.number];
    const size_t index = locals_seen_[token.number]++;
    if (index == places.size()) places.push_back(here);
    has_moved_ = has_moved_ || !(places[index] == here);
    places[index] = here;
    return;
  }
  BITLOOM_CHECK(token.kind == Token::kName, "'", token.text, "' cannot be a label");
  BITLOOM_CHECK(find_register(token.text) < 0, "'", token.text, "' is a register, not a label");
  SymbolState& state = unit().symbols[token.text];
  BITLOOM_CHECK(are_places_known() || !state.is_defined(), "symbol '", token.text, "' is defined twice");
  has_moved_ = has_moved_ || !(state.value == here);
  state.is_label = true;
  state.value = here;
}

void TextAssembler::define_variable(const std::string& name, TokenRange expression) {
  BITLOOM_CHECK(find_register(name) < 0, "'", name, "' is a register, not a symbol");
  SymbolState& state = unit().symbols[name];
  if (name == ".") {
    unit().symbols.erase(name);
    return org(".org", expression);
  }
  BITLOOM_CHECK(!state.is_label, "symbol '", name, "' is defined twice");
  Value value = value_of(expression);
  if (are_places_known() && value.is_address()) value.number -= int64_t(sections_[size_t(value.section)].base);
  state.value = value;
  if (state.assigned_in != pass_) state.first = value;
  state.assigned_in = pass_;
  state.is_variable = true;
  if (next_assigned_ == assigned_.size()) assigned_.push_back(value);
  Value& before = assigned_[next_assigned_++];
  has_moved_ = has_moved_ || !(before == value);
  before = value;
}

// Of several global definitions of a name an ordinary one wins over a common one and that over a weak one.
void TextAssembler::link_globals() {
  const auto rank = [](const SymbolState& s) { return s.is_weak ? 0 : s.is_common ? 1 : 2; };
  for (size_t u = 0; u < units_.size(); ++u)
    for (const auto& [name, state] : units_[u].symbols) {
      if (!state.is_defined() || !state.is_global || state.is_local) continue;
      const auto [found, is_new] = globals_.emplace(name, u);
      if (is_new) continue;
      const SymbolState& other = units_[found->second].symbols.at(name);
      BITLOOM_CHECK(rank(state) < 2 || rank(other) < 2, units_[u].name, ": symbol '", name, "' is also defined in ",
                    units_[found->second].name);
      if (rank(state) > rank(other) || (rank(state) == rank(other) && state.is_common && state.size > other.size))
        found->second = u;
    }
}

// The symbols of mpic/runtime/link.ld, where the texts do not define them: memory has kMemorySize bytes from the base.
bool TextAssembler::provided(const std::string& name, Value* value) const {
  constexpr uint64_t kStackSize = 16 << 10;
  const AddressRange &data = ranges_[size_t(SectionKind::kData)], &bss = ranges_[size_t(SectionKind::kBss)];
  const uint64_t end = (end_ + 3) / 4 * 4, top = base_ + kMemorySize, cleared = bss.end > 0 ? bss.begin : end;
  std::map<std::string, uint64_t> symbols = {
      {"__global_pointer$", data.begin + 0x800}, {"__bss_start", cleared},         {"__tls_start", cleared}, {"__bss_end", end},
      {"__heap_start", (end + 15) / 16 * 16},    {"__heap_end", top - kStackSize}, {"__stack_top", top}};
  for (const std::string array : {"preinit_array", "init_array", "fini_array"}) {
    if (name.compare(0, 2 + array.size(), "__" + array) != 0) continue;
    const auto range = named_ranges_.find("." + array), next = named_ranges_.lower_bound("." + array + ".");
    BITLOOM_CHECK(next == named_ranges_.end() || next->first.compare(0, array.size() + 2, "." + array + ".") != 0, "section ",
                  next->first, ": what is in .", array, " has no priorities here; leave the number out, or link with GNU ld");
    const AddressRange none, &whole = range == named_ranges_.end() ? none : range->second;
    symbols["__" + array + "_start"] = whole.begin, symbols["__" + array + "_end"] = whole.end;
  }
  const auto found = symbols.find(name);
  if (found == symbols.end()) return false;
  *value = {int64_t(uint32_t(found->second)), Value::kNumber, true};
  return true;
}

Value TextAssembler::resolve_local(const Token& token) const {
  const auto places = unit().locals.find(token.number);
  const auto seen = locals_seen_.find(token.number);
  const size_t above = seen == locals_seen_.end() ? 0 : seen->second;
  const size_t index = token.text == "b" ? above - 1 : above;  // wraps to a place that does not exist
  if (places != unit().locals.end() && index < places->second.size()) return places->second[index];
  BITLOOM_CHECK(!are_places_known(), "there is no label ", token.number, token.text == "b" ? " above" : " below");
  return {0, Value::kNumber, false};
}

Value TextAssembler::resolve(const Token& token) {
  Value value{0, Value::kNumber, false};
  if (token.kind == Token::kLocal) {
    value = resolve_local(token);
  } else if (token.is(".")) {
    value = {int64_t(section().size), int(current_), false};
  } else {
    BITLOOM_CHECK(find_register(token.text) < 0, "register ", token.text, " cannot be part of an expression");
    const auto own = unit().symbols.find(token.text);
    const auto global = globals_.find(token.text);
    const bool is_own = own != unit().symbols.end() && own->second.is_defined();
    if (global != globals_.end() && (!is_own || own->second.is_global)) {
      value = units_[global->second].symbols.at(token.text).value;
    } else if (is_own) {
      const SymbolState& state = own->second;
      value = state.is_variable && state.assigned_in != pass_ ? state.first : state.value;
    } else if (are_places_known() && !provided(token.text, &value)) {
      BITLOOM_CHECK(own != unit().symbols.end() && own->second.is_weak, "symbol '", token.text, "' is not defined");
      value.known = true;
    }
  }
  if (are_places_known() && value.is_address()) {
    value.number += int64_t(sections_[size_t(value.section)].base);
    value.known = true;
  }
  return value;
}

// %pcrel_hi is remembered by its place, because %pcrel_lo names that place and not the address.
Value TextAssembler::relocate(const std::string& function, const Value& of) {
  if (function == "%pcrel_hi") {
    const uint32_t distance = uint32_t(of.number) - address();
    if (are_places_known()) pcrel_distances_[{int(current_), int64_t(section().size)}] = distance;
    return {high_part(distance), Value::kNumber, of.known && are_places_known()};
  }
  if (function == "%pcrel_lo") {
    const int64_t base = of.is_address() && are_places_known() ? int64_t(sections_[size_t(of.section)].base) : 0;
    const auto found = pcrel_distances_.find({of.section, of.number - base});
    BITLOOM_CHECK(found != pcrel_distances_.end() || !is_last_pass(),
                  "%pcrel_lo wants the label of an instruction that has %pcrel_hi");
    return {found == pcrel_distances_.end() ? 0 : low_part(found->second), Value::kNumber, are_places_known()};
  }
  BITLOOM_CHECK(function.compare(0, 4, "%got") != 0, function,
                ": there is no global offset table; compile without position-independent code (-fno-pic)");
  BITLOOM_CHECK(function.compare(0, 4, "%tpr") != 0 && function.compare(0, 4, "%tls") != 0, function,
                ": there is no thread-local storage");
  throw Error("unknown function " + function + "()");
}

int64_t TextAssembler::number_now(TokenRange expression) {
  const Value value = value_of(expression);
  BITLOOM_CHECK(!value.is_address(), "a number is expected, not an address");
  BITLOOM_CHECK(value.known, "this must be known here: symbols in it have to be defined above");
  return value.number;
}

}  // namespace bitloom::mpic
