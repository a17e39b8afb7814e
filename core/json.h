// JSON as this program writes it, and the one reader of what comes from files: bounded, every wrong type or missing key named.
#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

namespace bitloom {

// Indented, ending in a newline. Bytes that are not UTF-8, of a path for example, become U+FFFD.
std::string json_text(const nlohmann::ordered_json& json);

// A value inside a JSON document, which it keeps alive; cheap to copy. Errors read "run/config.json: key search.lr is a string,
// expected a number" and "...: key layers[2].name is missing".
class JsonValue {
 public:
  // Documents hold at most kMaxBytes bytes, kMaxDepth nested arrays and objects, and kMaxMembers keys of one object, whose order is
  // kept and costs quadratic time. `source` names the file in errors.
  static constexpr size_t kMaxBytes = size_t(16) << 20;
  static constexpr int kMaxDepth = 64, kMaxMembers = 1000;
  static JsonValue parse(const std::string& text, const std::string& source);

  // Of an object.
  bool has(const std::string& key) const;
  JsonValue at(const std::string& key) const;  // Error when it is missing
  std::vector<std::pair<std::string, JsonValue>> members() const;
  // Of an array.
  std::vector<JsonValue> elements() const;

  bool is_null() const;
  bool boolean() const;
  double number() const;
  // Within [least, most]; a number with a fraction is none.
  int64_t integer(int64_t least = std::numeric_limits<int64_t>::min(),
                  int64_t most = std::numeric_limits<int64_t>::max()) const;
  uint64_t unsigned_integer() const;
  std::string string() const;

  // The value on one line, shortened for a message.
  std::string brief() const;
  bool operator==(const JsonValue& other) const;

  // For what is wrong with a value beyond its type: Error "FILE: key PATH REASON".
  [[noreturn]] void fail(const std::string& reason) const;

 private:
  using Tree = nlohmann::ordered_json;
  JsonValue(std::shared_ptr<const Tree> value, std::string source, std::string path);
  JsonValue child(const Tree& value, const std::string& step) const;
  [[noreturn]] void fail_type(const char* expected) const;

  std::shared_ptr<const Tree> value_;  // owns the whole document
  std::string source_, path_;
};

// Errors also name what read_file finds.
JsonValue read_json(const std::string& path);

}  // namespace bitloom
