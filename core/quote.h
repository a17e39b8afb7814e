// Foreign text (names in archives, symbols, keys, what was typed) as it may stand in a message: printable and bounded.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace bitloom {

// One line that no terminal takes for a command: control characters (C0, DEL, C1), line and paragraph separators, the marks that
// reorder text (Unicode 15, PropList Bidi_Control) and bytes that are not UTF-8 become \n, \t, \x1b ... What is longer than
// `limit` bytes keeps its beginning and its end around "...". Applying it again changes nothing.
std::string printable(std::string_view text, size_t limit = 4096);

// A foreign name for a message: printable, at most some 100 bytes, between single quotes.
std::string quote(std::string_view name);

}  // namespace bitloom
