// JSON as this program writes it, and the one reader of what comes from files.
#include "core/json.h"

#include <array>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/io.h"

namespace bitloom {
namespace {

using Tree = nlohmann::ordered_json;

std::string step_of(const std::string& key) { return key.empty() ? "\"\"" : printable(key, 80); }

const char* type_of(const Tree& value) {
  switch (value.type()) {
    case Tree::value_t::null: return "null";
    case Tree::value_t::object: return "an object";
    case Tree::value_t::array: return "an array";
    case Tree::value_t::string: return "a string";
    case Tree::value_t::boolean: return "a boolean";
    default: return "a number";
  }
}

// Without the library's "[json.exception.parse_error.101] ".
std::string reason_of(const Tree::exception& e) {
  const std::string text = e.what();
  const size_t bracket = text.find("] ");
  return printable(bracket == text.npos ? text : text.substr(bracket + 2), 300);
}

}  // namespace

std::string json_text(const Tree& json) { return json.dump(2, ' ', false, Tree::error_handler_t::replace) + "\n"; }

JsonValue::JsonValue(std::shared_ptr<const Tree> value, std::string source, std::string path)
    : value_(std::move(value)), source_(std::move(source)), path_(std::move(path)) {}

JsonValue JsonValue::parse(const std::string& text, const std::string& source) {
  BITLOOM_CHECK(text.size() <= kMaxBytes, source, ": ", text.size(), " bytes of JSON are more than the ", kMaxBytes,
                " allowed");
  std::array<int, kMaxDepth + 1> keys{};  // of the object that is open at each depth
  const auto watch = [&](int depth, Tree::parse_event_t event, Tree&) {
    using Event = Tree::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) {
      BITLOOM_CHECK(depth < kMaxDepth, source, ": not JSON that bitloom reads: nested more than ", kMaxDepth, " levels deep");
      keys[size_t(depth) + 1] = 0;
    }
    if (event == Event::key)
      BITLOOM_CHECK(++keys[size_t(depth)] <= kMaxMembers, source, ": not JSON that bitloom reads: an object has more than ",
                    kMaxMembers, " keys");
    return true;
  };
  try {
    return JsonValue(std::make_shared<const Tree>(Tree::parse(text, watch)), source, "");
  } catch (const Tree::exception& e) {
    throw Error(str(source, ": not JSON: ", reason_of(e)));
  }
}

JsonValue JsonValue::child(const Tree& value, const std::string& step) const {
  const std::string dot = path_.empty() || step[0] == '[' ? "" : ".";
  return JsonValue(std::shared_ptr<const Tree>(value_, &value), source_, path_ + dot + step);
}

void JsonValue::fail(const std::string& reason) const {
  throw Error(str(source_, ": ", path_.empty() ? "" : "key ", printable(path_, 200), path_.empty() ? "" : " ", reason));
}

void JsonValue::fail_type(const char* expected) const { fail(str("is ", type_of(*value_), ", expected ", expected)); }

bool JsonValue::has(const std::string& key) const {
  if (!value_->is_object()) fail_type("an object");
  return value_->contains(key);
}

JsonValue JsonValue::at(const std::string& key) const {
  if (!has(key)) {
    const std::string path = path_.empty() ? step_of(key) : path_ + "." + step_of(key);
    throw Error(str(source_, ": key ", printable(path, 200), " is missing"));
  }
  return child(value_->at(key), step_of(key));
}

std::vector<std::pair<std::string, JsonValue>> JsonValue::members() const {
  if (!value_->is_object()) fail_type("an object");
  std::vector<std::pair<std::string, JsonValue>> all;
  for (const auto& [key, value] : value_->items()) all.emplace_back(key, child(value, step_of(key)));
  return all;
}

std::vector<JsonValue> JsonValue::elements() const {
  if (!value_->is_array()) fail_type("an array");
  std::vector<JsonValue> all;
  for (const Tree& value : *value_) all.push_back(child(value, str("[", all.size(), "]")));
  return all;
}

bool JsonValue::is_null() const { return value_->is_null(); }

bool JsonValue::boolean() const {
  if (!value_->is_boolean()) fail_type("true or false");
  return value_->get<bool>();
}

double JsonValue::number() const {
  if (!value_->is_number()) fail_type("a number");
  return value_->get<double>();
}

int64_t JsonValue::integer(int64_t least, int64_t most) const {
  if (!value_->is_number()) fail_type("an integer");
  const bool fits = value_->is_number_unsigned() ? value_->get<uint64_t>() <= uint64_t(std::numeric_limits<int64_t>::max())
                                                 : value_->is_number_integer();
  if (!fits || value_->get<int64_t>() < least || value_->get<int64_t>() > most)
    fail(str("is ", brief(), ", expected an integer from ", least, " to ", most));
  return value_->get<int64_t>();
}

uint64_t JsonValue::unsigned_integer() const {
  if (!value_->is_number_unsigned()) fail(str("is ", brief(), ", expected an integer of 0 or more"));
  return value_->get<uint64_t>();
}

std::string JsonValue::string() const {
  if (!value_->is_string()) fail_type("a string");
  return value_->get<std::string>();
}

std::string JsonValue::brief() const { return printable(value_->dump(-1, ' ', false, Tree::error_handler_t::replace), 80); }

bool JsonValue::operator==(const JsonValue& other) const { return *value_ == *other.value_; }

JsonValue read_json(const std::string& path) { return JsonValue::parse(read_text(path, JsonValue::kMaxBytes), path); }

}  // namespace bitloom
