// Protocol Buffers as bytes.
#include "core/protobuf.h"

#include <cstring>

#include "core/error.h"

namespace bitloom {

void ProtoReader::fail(const char* problem) const { throw Error(str(where_, ": field ", field_, " ", problem)); }

void ProtoReader::expect(Type type, const char* what) const {
  if (type_ != type) fail(what);
}

uint64_t ProtoReader::take_varint(std::string_view& from) const {
  uint64_t value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (from.empty()) fail("ends inside a number");
    const uint8_t byte = uint8_t(from.front());
    from.remove_prefix(1);
    if (shift == 63 && byte > 1) break;
    value |= uint64_t(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  fail("is a number of more than 64 bits");
}

std::string_view ProtoReader::take(size_t size) {
  if (size > rest_.size()) fail("ends behind the end of its message");
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

bool ProtoReader::next() {
  if (rest_.empty()) return false;
  const uint64_t tag = take_varint(rest_);
  field_ = uint32_t(tag >> 3), type_ = uint32_t(tag & 7);
  if (tag >> 32 != 0 || field_ == 0) fail("does not exist");
  bytes_ = {};
  switch (type_) {
    case kVarint: number_ = take_varint(rest_); break;
    case kI64: bytes_ = take(8); break;
    case kI32: bytes_ = take(4); break;
    case kLength: bytes_ = take(size_t(take_varint(rest_))); break;
    default: fail("has a wire type that is not in use");
  }
  return true;
}

uint64_t ProtoReader::number() const {
  expect(kVarint, "is no number");
  return number_;
}

float ProtoReader::real() const {
  expect(kI32, "is no float");
  float value;
  std::memcpy(&value, bytes_.data(), sizeof value);
  return value;
}

std::string_view ProtoReader::bytes() const {
  expect(kLength, "is no text or message");
  return bytes_;
}

void ProtoReader::append_to(std::vector<int64_t>& numbers) const {
  if (type_ == kVarint) return numbers.push_back(integer());
  std::string_view packed = bytes();
  while (!packed.empty()) numbers.push_back(int64_t(take_varint(packed)));
}

void ProtoReader::append_to(std::vector<float>& numbers) const {
  if (type_ == kI32) return numbers.push_back(real());
  const std::string_view packed = bytes();
  if (packed.size() % sizeof(float) != 0) fail("ends inside a float");
  const size_t before = numbers.size();
  numbers.resize(before + packed.size() / sizeof(float));
  if (!packed.empty()) std::memcpy(numbers.data() + before, packed.data(), packed.size());
}

}  // namespace bitloom
