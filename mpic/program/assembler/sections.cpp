// Sections: which there are, where they go, and the image that they make.
#include <algorithm>

#include "core/error.h"
#include "mpic/isa/names.h"
#include "mpic/program/assembler/text_assembler.h"

namespace bitloom::mpic {
namespace {

bool begins_with_any(const std::string& text, std::initializer_list<const char*> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](const std::string& b) { return text.compare(0, b.size(), b) == 0; });
}

// The text of a section's name, which may be quoted and have '-' in it.
std::string joined(TokenRange tokens) {
  std::string text;
  for (const Token* t = tokens.begin; t != tokens.end; ++t) text += t->text;
  return text;
}

}  // namespace

// By the name, where it is a usual one, else by the flags and the type.
TextAssembler::SectionKind TextAssembler::kind_of(const std::string& name, const std::string& flags, bool has_flags) {
  const bool is_nobits = flags.find("nobits") != std::string::npos;
  const std::string letters = flags.substr(0, flags.find(' '));
  if (begins_with_any(name, {".text", ".init.", ".fini."})) return SectionKind::kText;
  if (begins_with_any(name, {".bss", ".sbss"})) return SectionKind::kBss;
  if (begins_with_any(name, {".data", ".sdata", ".rodata", ".srodata"}))
    return is_nobits ? SectionKind::kBss : SectionKind::kData;
  const bool is_for_tools =
      begins_with_any(name, {".debug", ".comment", ".note", ".stab", ".line", ".riscv.attributes", ".gnu.lto"});
  if (has_flags ? letters.find('a') == std::string::npos : is_for_tools) return SectionKind::kDropped;
  if (is_nobits) return SectionKind::kBss;
  return has_flags && letters.find('x') != std::string::npos ? SectionKind::kText : SectionKind::kData;
}

void TextAssembler::enter_section(const std::string& name, int64_t subsection, const std::string& flags, bool has_flags) {
  const auto [found, is_new] = section_index_.emplace(std::make_tuple(unit_, name, subsection), sections_.size());
  if (is_new) {
    Section made;
    made.name = name;
    made.kind = kind_of(name, flags, has_flags);
    made.unit = unit_;
    made.subsection = subsection;
    sections_.push_back(std::move(made));
  }
  previous_ = current_;
  current_ = found->second;
}

// ".section name, "flags", @type", ".data 1", ".pushsection name, subsection, "flags"".
void TextAssembler::select_section(const std::string& name, TokenRange operands) {
  const std::vector<TokenRange> parts = split_operands(operands);
  if (name == ".section" || name == ".pushsection") {
    BITLOOM_CHECK(!parts.empty() && parts[0].begin->kind != Token::kPunctuation, name, " wants a name");
    size_t next = 1;
    const bool has_subsection = parts.size() > 1 && parts[1].begin->kind == Token::kNumber;
    const int64_t subsection = has_subsection ? number_now(parts[next++]) : 0;
    std::string flags;
    const bool has_flags = next < parts.size() && parts[next].begin->kind == Token::kString;
    for (; next < parts.size(); ++next) flags += joined(parts[next]) + " ";
    return enter_section(joined(parts[0]), subsection, flags, has_flags);
  }
  BITLOOM_CHECK(parts.size() <= 1, name, " takes at most the number of a subsection");
  enter_section(name, parts.empty() ? 0 : number_now(parts[0]), "", false);
}

void TextAssembler::push_section(const std::string& name, TokenRange operands) {
  BITLOOM_CHECK(section_stack_.size() < 1000, name, " 1000 times without .popsection");
  section_stack_.push_back({current_, previous_});
  select_section(name, operands);
}

void TextAssembler::pop_section(const std::string& name, TokenRange) {
  BITLOOM_CHECK(!section_stack_.empty(), name, " without .pushsection");
  std::tie(current_, previous_) = section_stack_.back();
  section_stack_.pop_back();
}

void TextAssembler::previous_section(const std::string&, TokenRange) { std::swap(current_, previous_); }

void TextAssembler::subsection(const std::string&, TokenRange operands) {
  const std::string name = section().name;
  enter_section(name, number_now(operands), "", false);
  sections_[current_].kind = sections_[previous_].kind;
}

// In the order of memory: by kind, by the first appearance of the name with contents, by unit, by subsection.
std::vector<const TextAssembler::Section*> TextAssembler::placed() const {
  std::map<std::string, size_t> rank;
  std::vector<const Section*> all;
  for (const Section& s : sections_)
    if (s.size > 0) rank.emplace(s.name, rank.size());
  for (const Section& s : sections_) {
    rank.emplace(s.name, rank.size());
    if (s.kind != SectionKind::kDropped) all.push_back(&s);
  }
  std::stable_sort(all.begin(), all.end(), [&](const Section* a, const Section* b) {
    const auto key = [&](const Section* s) { return std::make_tuple(s->kind, rank.at(s->name), s->unit, s->subsection); };
    return key(a) < key(b);
  });
  return all;
}

void TextAssembler::place_sections() {
  uint64_t at = base_;
  std::fill(std::begin(ranges_), std::end(ranges_), AddressRange{});
  named_ranges_.clear();
  for (const Section* placed_section : placed()) {
    Section& s = sections_[size_t(placed_section - sections_.data())];
    if (s.size == 0) s.alignment = 1;
    // The run-time system clears .bss by words.
    if (s.kind == SectionKind::kBss && s.size > 0) s.alignment = std::max<uint64_t>(s.alignment, 4);
    const uint64_t begin = (at + s.alignment - 1) / s.alignment * s.alignment;
    BITLOOM_CHECK(begin == at || at != base_, units_[s.unit].name, ": ", s.name, " is aligned to ", s.alignment,
                  " bytes, but begins at ", hex(at), "; choose another base");
    s.base = begin;
    at = begin + s.size;
    BITLOOM_CHECK(at - base_ <= kMaxProgramSize, units_[s.unit].name, ": ", s.name, ": the program grows beyond ",
                  kMaxProgramSize >> 20, " MiB, with the gaps that alignment leaves");
    AddressRange& range = ranges_[size_t(s.kind)];
    if (s.size == 0) continue;
    range = {range.end == 0 ? begin : range.begin, at};
    named_ranges_.emplace(s.name, AddressRange{begin, at}).first->second.end = at;
  }
  end_ = at;
  BITLOOM_CHECK(at <= uint64_t(1) << 32, units_.front().name, ": the program ends at ", hex(at), ", above 4 GiB");
}

Image TextAssembler::image() const {
  Image image;
  Image::Segment all;
  all.address = uint32_t(base_);
  for (const Section* s : placed()) {
    if (s->kind == SectionKind::kBss || s->size == 0) continue;
    all.bytes.resize(s->base - base_);
    all.bytes.insert(all.bytes.end(), s->bytes.begin(), s->bytes.end());
  }
  all.size = end_ - base_;
  if (all.size > 0) image.segments.push_back(std::move(all));
  if (const AddressRange& code = ranges_[size_t(SectionKind::kText)]; code.end > 0) image.code.push_back(code);

  image.entry = uint32_t(base_);
  for (const Unit& unit : units_)
    for (const auto& [name, state] : unit.symbols) {
      if (!state.is_label) continue;
      const Section& s = sections_[size_t(state.value.section)];
      if (s.kind == SectionKind::kDropped) continue;
      Symbol symbol{name, uint32_t(state.value.number + int64_t(s.base)), state.size, state.kind};
      if (name == "_start" && (units_.size() == 1 || state.is_global)) image.entry = symbol.address;
      if (name.rfind(".L", 0) == 0) continue;
      const bool is_code = s.kind == SectionKind::kText;
      if (symbol.kind == SymbolKind::kLabel && is_code && (state.is_global || called_.count(symbol.address) != 0))
        symbol.kind = SymbolKind::kFunction;
      if (symbol.kind == SymbolKind::kLabel && !is_code) symbol.kind = SymbolKind::kObject;
      image.symbols.push_back(std::move(symbol));
    }
  std::sort(image.symbols.begin(), image.symbols.end(),
            [](const Symbol& a, const Symbol& b) { return a.address != b.address ? a.address < b.address : a.name < b.name; });
  return image;
}

}  // namespace bitloom::mpic
