// Directives that give contents: data, texts, alignment.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "mpic/program/assembler/text_assembler.h"

namespace bitloom::mpic {
namespace {

constexpr struct {
  const char* name;
  int bytes;
} kDataDirectives[] = {{".byte", 1}, {".half", 2}, {".short", 2}, {".2byte", 2}, {".hword", 2}, {".word", 4},
                       {".int", 4},  {".long", 4}, {".4byte", 4}, {".dword", 8}, {".quad", 8},  {".8byte", 8},
                       {".dc", 2},   {".dc.b", 1}, {".dc.w", 2},  {".dc.l", 4}};

template <class T>
uint64_t bits_of(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

}  // namespace

void TextAssembler::directive(const std::string& name, TokenRange operands) {
  using T = TextAssembler;
  static const Directives contents = [] {
    Directives all = {
        {".ascii", &T::text},    {".asciz", &T::text},     {".string", &T::text},    {".string8", &T::text},
        {".string16", &T::text}, {".string32", &T::text},  {".string64", &T::text},  {".align", &T::align},
        {".p2align", &T::align}, {".p2alignw", &T::align}, {".p2alignl", &T::align}, {".balign", &T::align},
        {".balignw", &T::align}, {".balignl", &T::align},  {".space", &T::space},    {".skip", &T::space},
        {".zero", &T::space},    {".fill", &T::fill},      {".org", &T::org},        {".float", &T::reals},
        {".single", &T::reals},  {".double", &T::reals},   {".uleb128", &T::leb128}, {".sleb128", &T::leb128},
        {".insn", &T::insn},
    };
    for (const auto& d : kDataDirectives) all[d.name] = &T::data;
    return all;
  }();
  for (const Directives* table : {&symbol_directives(), &contents})
    if (const auto found = table->find(name); found != table->end()) return (this->*found->second)(name, operands);
  throw Error("unknown directive " + name);
}

void TextAssembler::put(uint64_t value, int bytes) {
  BITLOOM_CHECK(section().kind != SectionKind::kBss || value == 0, section().name, " has no contents, only zeros");
  pad(uint64_t(bytes), 0);
  if (!is_last_pass() || section().kind == SectionKind::kBss) return;
  for (int i = 0; i < bytes; ++i) section().bytes[section().size - size_t(bytes - i)] = uint8_t(i < 8 ? value >> 8 * i : 0);
}

void TextAssembler::pad(uint64_t bytes, uint8_t fill) {
  BITLOOM_CHECK(bytes <= kMaxProgramSize && total_size_ + bytes <= kMaxProgramSize, "the program grows beyond ",
                kMaxProgramSize >> 20, " MiB");
  BITLOOM_CHECK(section().kind != SectionKind::kBss || fill == 0, section().name, " has no contents, only zeros");
  section().size += bytes;
  total_size_ += bytes;
  if (is_last_pass() && section().kind != SectionKind::kBss) section().bytes.resize(section().size, fill);
}

void TextAssembler::data(const std::string& name, TokenRange operands) {
  const int bytes = std::find_if(std::begin(kDataDirectives), std::end(kDataDirectives), [&](const auto& d) {
                      return name == d.name;
                    })->bytes;
  const std::vector<TokenRange> values = split_operands(operands);
  for (const TokenRange& text : values) {
    const int64_t number = is_last_pass() ? value_of(text).number : 0;
    if (bytes < 8)
      BITLOOM_CHECK(number >= -(int64_t(1) << (8 * bytes - 1)) && number < int64_t(1) << 8 * bytes, name, ": ", number,
                    " does not fit into ", 8 * bytes, " bits");
    put(uint64_t(number), bytes);
  }
}

// IEEE 754 numbers, rounded as the C library rounds them.
void TextAssembler::reals(const std::string& name, TokenRange operands) {
  const std::vector<TokenRange> values = split_operands(operands);
  BITLOOM_CHECK(!values.empty(), name, " wants numbers");
  for (TokenRange text : values) {
    std::string number;
    if (text.begin->is("-") || text.begin->is("+")) number += (text.begin++)->text;
    BITLOOM_CHECK(text.size() == 1, name, " wants numbers");
    number += text.begin->text;
    char* end = nullptr;
    const double as_double = std::strtod(number.c_str(), &end);
    const bool is_number = end != number.c_str() && *end == 0 && text.begin->kind != Token::kString;
    BITLOOM_CHECK(is_number, name, ": '", number, "' is no number");
    if (name == ".double")
      put(bits_of(as_double), 8);
    else
      put(bits_of(std::strtof(number.c_str(), nullptr)), 4);
  }
}

// Groups of seven bits, low ones first. A value that depends on addresses gets as many as it needed in any pass.
void TextAssembler::leb128(const std::string& name, TokenRange operands) {
  const bool is_signed = name == ".sleb128";
  for (const TokenRange& text : split_operands(operands)) {
    const Value value = value_of(text);
    BITLOOM_CHECK(is_signed || value.number >= 0 || !are_places_known() || text.begin->kind == Token::kNumber, name, ": ",
                  value.number, " is negative");
    const auto rest = [&](size_t groups) -> int64_t {
      const size_t shift = std::min<size_t>(7 * groups, 63);
      return is_signed ? value.number >> shift : 7 * groups > 63 ? 0 : int64_t(uint64_t(value.number) >> shift);
    };
    const auto is_all = [&](size_t groups) {
      if (!is_signed) return rest(groups) == 0;
      const bool is_negative = (rest(groups - 1) & 0x40) != 0;
      return rest(groups) == (is_negative ? -1 : 0);
    };
    size_t groups = 1;
    while (groups < 10 && !is_all(groups)) ++groups;
    groups = settle(groups);
    for (size_t i = 0; i < groups; ++i) put(is_last_pass() ? uint64_t(rest(i) & 0x7f) | (i + 1 < groups ? 0x80 : 0) : 0, 1);
  }
}

// Texts without a comma between them are one.
void TextAssembler::text(const std::string& name, TokenRange operands) {
  const std::vector<TokenRange> texts = split_operands(operands);
  BITLOOM_CHECK(!texts.empty(), name, " wants a quoted text");
  const int width = name == ".string16" ? 2 : name == ".string32" ? 4 : name == ".string64" ? 8 : 1;
  for (const TokenRange& text : texts) {
    for (const Token* t = text.begin; t != text.end; ++t) {
      BITLOOM_CHECK(t->kind == Token::kString, name, " wants a quoted text");
      for (const char c : t->text) put(uint8_t(c), width);
    }
    if (name != ".ascii") put(0, width);
  }
}

// The gap gets `fill`, repeated, of that many bytes; if it is negative, nops in code and zeros elsewhere.
void TextAssembler::align_to(uint64_t alignment, int64_t fill, int fill_bytes) {
  Section& s = section();
  s.alignment = std::max(s.alignment, alignment);
  const uint64_t end = (s.size + alignment - 1) / alignment * alignment;
  if (fill >= 0 || s.kind != SectionKind::kText) {
    const uint64_t pattern = uint64_t(std::max<int64_t>(fill, 0));
    if (pattern == 0) return pad(end - s.size, 0);
    BITLOOM_CHECK((end - s.size) % uint64_t(fill_bytes) == 0, "a gap of ", end - s.size, " bytes is no multiple of ",
                  fill_bytes);
    while (s.size < end) put(pattern, fill_bytes);
    return;
  }
  constexpr uint32_t kNop = 0x00000013;
  constexpr uint32_t kShortNop = 0x0001;
  const bool behind_data = s.size % 2 != 0;
  while (behind_data && s.size % 4 != 0 && s.size < end) put(0, 1);
  if (s.size % 4 != 0 && s.size < end) put(kShortNop, 2);
  while (s.size < end) put(kNop, 4);
}

// ".p2align n, fill, most bytes to skip"; the middle one may be missing.
void TextAssembler::align(const std::string& name, TokenRange operands) {
  std::vector<TokenRange> values;
  for (const Token* t = operands.begin; t != operands.end;) {
    const Token* end = std::find_if(t, operands.end, [](const Token& x) { return x.is(","); });
    values.push_back({t, end});
    t = end == operands.end ? end : end + 1;
  }
  BITLOOM_CHECK(!values.empty() && values.size() <= 3, name,
                " wants an alignment, perhaps a fill value, and perhaps the most that it may skip");
  const int64_t number = number_now(values[0]);
  const bool in_bytes = name[1] == 'b';
  BITLOOM_CHECK(in_bytes ? number >= 0 && number <= 65536 && (number & (number - 1)) == 0 : number >= 0 && number <= 16, name,
                " ", number,
                in_bytes ? " is no power of two up to 65536" : " is no power of two: it wants the exponent, 0 to 16");
  const int fill_bytes = name.back() == 'w' ? 2 : name.back() == 'l' ? 4 : 1;
  const uint64_t mask = (uint64_t(1) << 8 * fill_bytes) - 1;
  const bool has_fill = values.size() >= 2 && !values[1].empty();
  const int64_t fill = has_fill ? int64_t(uint64_t(number_now(values[1])) & mask) : -1;
  const uint64_t alignment = in_bytes ? uint64_t(std::max<int64_t>(number, 1)) : uint64_t(1) << number;
  const uint64_t gap = (alignment - section().size % alignment) % alignment;
  if (values.size() == 3 && !values[2].empty())
    if (const int64_t most = number_now(values[2]); most > 0 && gap > uint64_t(most)) return;
  align_to(alignment, fill, fill_bytes);
}

void TextAssembler::space(const std::string& name, TokenRange operands) {
  const std::vector<TokenRange> values = split_operands(operands);
  BITLOOM_CHECK(values.size() == 1 || values.size() == 2, name, " wants a size and perhaps a fill byte");
  const int64_t size = number_now(values[0]);
  BITLOOM_CHECK(size >= 0, name, " of ", size, " bytes");
  pad(uint64_t(size), values.size() == 2 ? uint8_t(number_now(values[1])) : 0);
}

// ".fill repeat, size, value": of a size above four bytes the upper ones are 0.
void TextAssembler::fill(const std::string& name, TokenRange operands) {
  const std::vector<TokenRange> values = split_operands(operands);
  BITLOOM_CHECK(!values.empty() && values.size() <= 3, name, " wants a count, perhaps a size, and perhaps a value");
  const int64_t count = number_now(values[0]), size = values.size() > 1 ? number_now(values[1]) : 1;
  BITLOOM_CHECK(count >= 0 && size >= 0 && size <= 8, name, " of ", count, " times ", size, " bytes: a size is 0 to 8");
  const uint64_t value = values.size() > 2 ? uint32_t(value_of(values[2]).number) : 0;
  const uint64_t kept = size >= 4 ? value : value & ((uint64_t(1) << 8 * size) - 1);
  BITLOOM_CHECK(size == 0 || count <= int64_t(kMaxProgramSize), "the program grows beyond ", kMaxProgramSize >> 20, " MiB");
  if (kept == 0) return pad(uint64_t(size == 0 ? 0 : count * size), 0);
  for (int64_t i = 0; i < count; ++i) put(kept, int(size));
}

// Forward to an offset from the beginning of the section, or to an address in it.
void TextAssembler::org(const std::string& name, TokenRange operands) {
  const std::vector<TokenRange> values = split_operands(operands);
  BITLOOM_CHECK(values.size() == 1 || values.size() == 2, name, " wants an offset or place, and perhaps a fill byte");
  Value to = value_of(values[0]);
  BITLOOM_CHECK(to.is_address() ? size_t(to.section) == current_ : to.known, name,
                " wants a known offset or a place in this section");
  if (are_places_known() && to.is_address()) to.number -= int64_t(section().base);
  BITLOOM_CHECK(to.number >= int64_t(section().size), name, " to offset ", to.number, " goes back from ", section().size);
  pad(uint64_t(to.number) - section().size, values.size() == 2 ? uint8_t(number_now(values[1])) : 0);
}

}  // namespace bitloom::mpic
