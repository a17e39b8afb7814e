// Errors: one exception type whose message says what failed, where, and how to fix it.
#pragma once
#include <sstream>
#include <stdexcept>
#include <string>

namespace bitloom {

// Thrown for every bad input. The message is one line; the program prints it after "error: ".
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
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
