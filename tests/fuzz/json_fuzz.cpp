// libFuzzer: any bytes as JSON are a bounded tree that can be walked, or one clear line.
#include "core/json.h"
#include "tests/fuzz/memory_file.h"

namespace {

using bitloom::Error;
using bitloom::JsonValue;

// Asks the value for everything, which is an Error for all but its own type.
void walk(const JsonValue& value, int depth) {
  if (depth > JsonValue::kMaxDepth) std::abort();
  const auto ask = [&](auto question) {
    try {
      question();
    } catch (const Error& error) {
      bitloom::testing::check_message(error, "fuzz.json");
    }
  };
  ask([&] { value.boolean(); });
  ask([&] { value.number(); });
  ask([&] { value.integer(-8, 8); });
  ask([&] { value.unsigned_integer(); });
  ask([&] { value.string(); });
  ask([&] { value.at("a"); });
  if (value.brief() != bitloom::printable(value.brief())) std::abort();
  if (!(value == value)) std::abort();
  ask([&] {
    for (const auto& [key, member] : value.members()) {
      if (!value.has(key) || !(value.at(key) == member)) std::abort();
      walk(member, depth + 1);
    }
  });
  ask([&] {
    for (const JsonValue& element : value.elements()) walk(element, depth + 1);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    walk(JsonValue::parse({data, data + size}, "fuzz.json"), 0);
  } catch (const Error& error) {
    bitloom::testing::check_message(error, "fuzz.json");
  }
  return 0;
}
