// Foreign text as it may stand in a message.
#include "core/quote.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace bitloom {
namespace {

// The length of the well-formed UTF-8 sequence that `text` begins with (Unicode 15, table 3-7), its code point in `code`; 0: none.
size_t utf8_length(std::string_view text, uint32_t& code) {
  const auto byte = [&](size_t i) { return uint32_t(uint8_t(text[i])); };
  code = byte(0);
  if (code < 0x80) return 1;
  const size_t length = code >= 0xf0 ? 4 : code >= 0xe0 ? 3 : 2;
  if (code < 0xc2 || code > 0xf4 || text.size() < length) return 0;
  code &= 0xffu >> (length + 1);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  return code < kLeast[length] || surrogate || code > 0x10ffff ? 0 : length;
}

bool is_harmless(uint32_t code) {
  const auto within = [code](uint32_t first, uint32_t last) { return code >= first && code <= last; };
  return !within(0, 0x1f) && !within(0x7f, 0x9f) && !within(0x2028, 0x202e) && !within(0x2066, 0x2069) && code != 0x61c &&
         !within(0x200e, 0x200f) && code != 0xfeff;
}

std::string escaped(std::string_view bytes) {
  if (bytes == "\n") return "\\n";
  if (bytes == "\t") return "\\t";
  if (bytes == "\r") return "\\r";
  std::string out;
  for (const char c : bytes) {
    char text[8];
    std::snprintf(text, sizeof text, "\\x%02x", unsigned(uint8_t(c)));
    out += text;
  }
  return out;
}

// Not in the middle of a UTF-8 sequence.
bool is_boundary(const std::string& text, size_t at) { return at >= text.size() || (uint8_t(text[at]) & 0xc0) != 0x80; }

}  // namespace

std::string printable(std::string_view text, size_t limit) {
  constexpr std::string_view kGap = "...";
  limit = std::max(limit, kGap.size());
  // Of an endless text only what can stay is looked at; the gap falls between.
  std::string shortened;
  if (text.size() > 2 * limit) {
    shortened.append(text.substr(0, limit)).append(text.substr(text.size() - limit));
    text = shortened;
  }
  std::string out;
  for (size_t at = 0; at < text.size();) {
    uint32_t code = 0;
    const size_t length = utf8_length(text.substr(at), code);
    const std::string_view bytes = text.substr(at, std::max<size_t>(length, 1));
    out += length > 0 && is_harmless(code) ? std::string(bytes) : escaped(bytes);
    at += bytes.size();
  }
  if (out.size() <= limit) return out;
  size_t head = (limit - kGap.size()) / 2, tail = out.size() - (limit - kGap.size() - head);
  while (!is_boundary(out, head)) --head;
  while (!is_boundary(out, tail)) ++tail;
  return out.substr(0, head).append(kGap).append(out, tail);
}

std::string quote(std::string_view name) { return "'" + printable(name, 100) + "'"; }

}  // namespace bitloom
