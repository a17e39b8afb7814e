// Protocol Buffers as bytes: the fields of a message, one after the other (protobuf.dev, "Encoding"). What they mean, who reads them knows.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bitloom {

// Reads a message from first field to last; nothing is copied. Errors name `where` and the field: a length beyond the end, a number too long, a wire type
// that does not exist or, on asking for a value, another one than that value has.
class ProtoReader {
 public:
  ProtoReader(std::string_view message, std::string where) : rest_(message), where_(std::move(where)) {}

  // Goes to the next field; false at the end.
  bool next();
  uint32_t field() const { return field_; }

  uint64_t number() const;  // VARINT: integers, flags, enums
  int64_t integer() const { return int64_t(number()); }
  float real() const;              // I32
  std::string_view bytes() const;  // LEN: strings, bytes, messages
  std::string text() const { return std::string(bytes()); }
  ProtoReader message() const { return {bytes(), where_}; }
  // A repeated number, which may stand alone or packed into one field: appends what there is.
  void append_to(std::vector<int64_t>& numbers) const;
  void append_to(std::vector<float>& numbers) const;

 private:
  enum Type : uint32_t { kVarint = 0, kI64 = 1, kLength = 2, kI32 = 5 };
  uint64_t take_varint(std::string_view& from) const;
  std::string_view take(size_t size);
  void expect(Type type, const char* what) const;
  [[noreturn]] void fail(const char* problem) const;

  std::string_view rest_, bytes_;
  std::string where_;
  uint32_t field_ = 0, type_ = 0;
  uint64_t number_ = 0;
};

}  // namespace bitloom
