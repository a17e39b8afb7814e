// The end of a text, as of a file's name.
#pragma once
#include <string_view>

namespace bitloom {

// Whether `text` is `ending`, or something and it (C++20's std::string_view has that).
inline bool ends_with(std::string_view text, std::string_view ending) {
  return text.size() >= ending.size() && text.substr(text.size() - ending.size()) == ending;
}

}  // namespace bitloom
