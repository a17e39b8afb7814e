// Directives: data, alignment, sections, symbols.
#include <algorithm>
#include <string_view>

#include "core/error.h"
#include "mpic/program/assembler/text_assembler.h"

namespace bitloom::mpic {
namespace {

constexpr uint64_t kMaxSectionSize = 64 << 20;

constexpr struct {
  const char* name;
  int bytes;
} kDataDirectives[] = {{".byte", 1}, {".half", 2},  {".short", 2}, {".2byte", 2}, {".word", 4}, {".int", 4},
                       {".long", 4}, {".4byte", 4}, {".dword", 8}, {".quad", 8},  {".8byte", 8}};

bool begins_with(const std::string& text, std::string_view begin) { return text.compare(0, begin.size(), begin) == 0; }

}  // namespace

void TextAssembler::directive(const std::string& name, TokenRange operands) {
  using T = TextAssembler;
  static const std::unordered_map<std::string, Directive> directives = [] {
    std::unordered_map<std::string, Directive> all = {
        {".ascii", &T::text},
        {".asciz", &T::text},
        {".string", &T::text},
        {".align", &T::align},
        {".p2align", &T::align},
        {".balign", &T::align},
        {".space", &T::space},
        {".skip", &T::space},
        {".zero", &T::space},
        {".org", &T::org},
        {".equ", &T::equate},
        {".set", &T::equate},
        {".text", &T::select_section},
        {".data", &T::select_section},
        {".bss", &T::select_section},
        {".section", &T::select_section},
        {".rodata", &T::select_section},
        {".globl", &T::global},
        {".global", &T::global},
        {".weak", &T::global},
        {".type", &T::symbol_type},
        {".size", &T::symbol_size},
        {".comm", &T::common},
        {".option", &T::ignore},
        {".file", &T::ignore},
        {".ident", &T::ignore},
        {".attribute", &T::ignore},
        {".local", &T::ignore},
        {".end", &T::ignore},
    };
    for (const auto& d : kDataDirectives) all[d.name] = &T::data;
    return all;
  }();
  const auto found = directives.find(name);
  if (found == directives.end() && begins_with(name, ".cfi_")) return;
  BITLOOM_CHECK(found != directives.end(), "unknown directive ", name);
  (this->*found->second)(name, operands);
}

void TextAssembler::put(uint64_t value, int bytes) {
  BITLOOM_CHECK(current_ != kBss, ".bss has no contents");
  BITLOOM_CHECK(section().size + uint64_t(bytes) <= kMaxSectionSize, "a section grows beyond 64 MiB");
  section().size += uint64_t(bytes);
  for (int i = 0; is_second_pass() && i < bytes; ++i) section().bytes.push_back(uint8_t(value >> 8 * i));
}

void TextAssembler::pad(uint64_t bytes, uint8_t fill) {
  BITLOOM_CHECK(bytes <= kMaxSectionSize && section().size + bytes <= kMaxSectionSize, "a section grows beyond 64 MiB");
  BITLOOM_CHECK(current_ != kBss || fill == 0, ".bss has no contents");
  section().size += bytes;
  if (is_second_pass() && current_ != kBss) section().bytes.resize(section().size, fill);
}

void TextAssembler::data(const std::string& name, TokenRange operands) {
  const int bytes = std::find_if(std::begin(kDataDirectives), std::end(kDataDirectives), [&](const auto& d) {
                      return name == d.name;
                    })->bytes;
  const std::vector<TokenRange> values = split_operands(operands);
  BITLOOM_CHECK(!values.empty(), name, " wants values");
  for (const TokenRange& text : values) {
    const int64_t number = is_second_pass() ? value_of(text).number : 0;
    if (bytes < 8)
      BITLOOM_CHECK(number >= -(int64_t(1) << (8 * bytes - 1)) && number < int64_t(1) << 8 * bytes, name, ": ", number,
                    " does not fit into ", 8 * bytes, " bits");
    put(uint64_t(number), bytes);
  }
}

void TextAssembler::text(const std::string& name, TokenRange operands) {
  const std::vector<TokenRange> texts = split_operands(operands);
  BITLOOM_CHECK(!texts.empty(), name, " wants a quoted text");
  for (const TokenRange& t : texts) {
    BITLOOM_CHECK(t.size() == 1 && t.begin->kind == Token::kString, name, " wants a quoted text");
    for (const char c : t.begin->text) put(uint8_t(c), 1);
    if (name != ".ascii") put(0, 1);
  }
}

void TextAssembler::align_to(uint64_t alignment, int fill) {
  Section& s = section();
  s.alignment = std::max(s.alignment, alignment);
  const uint64_t end = (s.size + alignment - 1) / alignment * alignment;
  if (current_ != kText || fill >= 0) return pad(end - s.size, uint8_t(std::max(fill, 0)));
  constexpr uint32_t kNop = 0x00000013;
  constexpr uint32_t kShortNop = 0x0001;
  const bool behind_data = s.size % 2 != 0;
  while (behind_data && s.size % 4 != 0 && s.size < end) put(0, 1);
  if (s.size % 4 != 0 && s.size < end) put(kShortNop, 2);
  while (s.size < end) put(kNop, 4);
}

void TextAssembler::align(const std::string& name, TokenRange operands) {
  const std::vector<TokenRange> values = split_operands(operands);
  BITLOOM_CHECK(values.size() == 1 || values.size() == 2, name, " wants an alignment and perhaps a fill byte");
  const int64_t number = number_now(values[0]);
  const bool in_bytes = name == ".balign";
  BITLOOM_CHECK(in_bytes ? number > 0 && number <= 65536 && (number & (number - 1)) == 0 : number >= 0 && number <= 16, name,
                " ", number,
                in_bytes ? " is no power of two up to 65536" : " is no power of two: it wants the exponent, 0 to 16");
  const int64_t fill = values.size() == 2 ? number_now(values[1]) : -1;
  align_to(in_bytes ? uint64_t(number) : uint64_t(1) << number, fill < 0 ? -1 : int(fill & 0xff));
}

void TextAssembler::space(const std::string& name, TokenRange operands) {
  const std::vector<TokenRange> values = split_operands(operands);
  BITLOOM_CHECK(values.size() == 1 || values.size() == 2, name, " wants a size and perhaps a fill byte");
  const int64_t size = number_now(values[0]);
  BITLOOM_CHECK(size >= 0, name, " of ", size, " bytes");
  pad(uint64_t(size), values.size() == 2 ? uint8_t(number_now(values[1])) : 0);
}

// Forward to an offset from the beginning of the section, or to an address in it.
void TextAssembler::org(const std::string& name, TokenRange operands) {
  Value to = value_of(operands);
  BITLOOM_CHECK(to.is_address() ? to.section == current_ : to.known, name, " wants a known offset or a place in this section");
  if (is_second_pass() && to.is_address()) to.number -= int64_t(section().base);
  BITLOOM_CHECK(to.number >= int64_t(section().size), name, " to offset ", to.number, " goes back from ", section().size);
  pad(uint64_t(to.number) - section().size, 0);
}

void TextAssembler::equate(const std::string& name, TokenRange operands) {
  const std::vector<TokenRange> parts = split_operands(operands);
  BITLOOM_CHECK(parts.size() == 2, name, " wants a name and a value");
  define_variable(single_name(parts[0], "the symbol"), parts[1]);
}

// Every section becomes part of .text, .data or .bss, by its name, else by its flags and type.
void TextAssembler::select_section(const std::string& name, TokenRange operands) {
  std::string section = name, flags;
  if (name == ".section") {
    const std::vector<TokenRange> parts = split_operands(operands);
    BITLOOM_CHECK(!parts.empty() && parts[0].begin->kind != Token::kPunctuation, ".section wants a name");
    section = parts[0].begin->text;
    for (size_t i = 1; i < parts.size(); ++i) flags += " " + parts[i].begin->text;
  }
  if (begins_with(section, ".text"))
    current_ = kText;
  else if (begins_with(section, ".bss") || begins_with(section, ".sbss") || flags.find("@nobits") != std::string::npos)
    current_ = kBss;
  else if (begins_with(section, ".data") || begins_with(section, ".rodata"))
    current_ = kData;
  else
    current_ = flags.substr(0, flags.find('@')).find('x') != std::string::npos ? kText : kData;
}

void TextAssembler::global(const std::string& name, TokenRange operands) {
  const std::vector<TokenRange> names = split_operands(operands);
  BITLOOM_CHECK(!names.empty(), name, " wants a name");
  for (const TokenRange& n : names) symbols_[single_name(n, "a symbol")].is_global = true;
}

void TextAssembler::symbol_type(const std::string& name, TokenRange operands) {
  const std::vector<TokenRange> parts = split_operands(operands);
  BITLOOM_CHECK(parts.size() == 2, name, " wants a name and a type");
  const std::string& type = parts[1].begin->text;
  if (type == "@function" || type == "%function") symbols_[single_name(parts[0], "the symbol")].kind = SymbolKind::kFunction;
  if (type == "@object" || type == "%object") symbols_[single_name(parts[0], "the symbol")].kind = SymbolKind::kObject;
}

void TextAssembler::symbol_size(const std::string& name, TokenRange operands) {
  const std::vector<TokenRange> parts = split_operands(operands);
  BITLOOM_CHECK(parts.size() == 2, name, " wants a name and a size");
  if (is_second_pass()) symbols_[single_name(parts[0], "the symbol")].size = uint32_t(value_of(parts[1]).number);
}

void TextAssembler::common(const std::string& name, TokenRange operands) {
  const std::vector<TokenRange> parts = split_operands(operands);
  BITLOOM_CHECK(parts.size() == 2 || parts.size() == 3, name, " wants a name, a size and perhaps an alignment");
  const int64_t size = number_now(parts[1]), alignment = parts.size() == 3 ? number_now(parts[2]) : 4;
  BITLOOM_CHECK(size >= 0 && alignment > 0 && alignment <= 65536 && (alignment & (alignment - 1)) == 0, name, " of ", size,
                " bytes aligned to ", alignment);
  single_name(parts[0], "the symbol");
  const int before = current_;
  current_ = kBss;
  align_to(uint64_t(alignment), -1);
  define_label(*parts[0].begin);
  pad(uint64_t(size), 0);
  current_ = before;
}

void TextAssembler::ignore(const std::string&, TokenRange) {}

}  // namespace bitloom::mpic
