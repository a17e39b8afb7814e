// Errors: one exception type whose message says what failed, where, and how to fix it.
#pragma once
#include <sstream>
#include <stdexcept>
#include <string>

#include "core/quote.h"

namespace bitloom {

// Thrown for every bad input. The message is one printable line, whatever foreign text it names; the program prints it after
// "error: ". A name inside it that is not ours is quoted with quote(), which bounds its length.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message) : std::runtime_error(printable(message)) {}
};

// Concatenates its arguments as operator<< prints them.
template <class... Parts>
std::string str(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

}  // namespace bitloom

// Throws bitloom::Error unless `condition` holds. The message parts are evaluated only on failure:
//   BITLOOM_CHECK(n > 0, "conv2d: batch must be positive, got ", n);
#define BITLOOM_CHECK(condition, ...)                                      \
  do {                                                                     \
    if (!(condition)) throw ::bitloom::Error(::bitloom::str(__VA_ARGS__)); \
  } while (false)
