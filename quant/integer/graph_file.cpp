// Integer graph files: "BLIG", version, the fields of graph.h in order, CRC-32 of all bytes before it; little-endian.
#include <zlib.h>

#include <cstring>
#include <tuple>
#include <type_traits>

#include "core/error.h"
#include "core/io.h"
#include "quant/integer/graph.h"

namespace bitloom {
namespace {

constexpr uint32_t kMagic = 0x47494c42;  // "BLIG"
constexpr uint32_t kVersion = 1;

template <class T>
constexpr bool kIsInteger = std::is_integral_v<T> || std::is_enum_v<T>;
template <class T, class = void>
constexpr bool kIsSequence = false;
template <class T>
constexpr bool kIsSequence<T, std::void_t<typename T::value_type>> = true;

// What a file stores of each type, in order: the writer and the reader both follow it.
template <class T>
auto fields(T& x) {
  using Type = std::remove_const_t<T>;
  if constexpr (std::is_same_v<Type, QuantScheme>) return std::tie(x.bits, x.is_signed, x.scale);
  if constexpr (std::is_same_v<Type, ChannelGroup>) return std::tie(x.bits, x.channels);
  if constexpr (std::is_same_v<Type, IntegerGraph>) return std::tie(x.model, x.task, x.layers);
  if constexpr (std::is_same_v<Type, IntegerLayer>) {
    return std::tie(x.name, x.op, x.inputs, x.h, x.w, x.c, x.kh, x.kw, x.sh, x.sw, x.pt, x.pb, x.pl, x.pr, x.out, x.groups,
                    x.weights, x.multiplier, x.offset, x.shift);
  }
}

uint32_t checksum(const std::vector<uint8_t>& bytes, size_t size) { return uint32_t(crc32_z(0, bytes.data(), size)); }

class Writer {
 public:
  template <class T>
  void put(const T& value) {
    if constexpr (kIsInteger<T>) {
      for (size_t i = 0; i < sizeof(T); ++i) bytes_.push_back(uint8_t(uint64_t(value) >> (8 * i)));
    } else if constexpr (std::is_same_v<T, double>) {
      uint64_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      put(bits);
    } else if constexpr (kIsSequence<T>) {
      put(uint64_t(value.size()));
      for (const auto& element : value) put(element);
    } else {
      std::apply([this](const auto&... field) { (this->put(field), ...); }, fields(value));
    }
  }
  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path), bytes_(read_file(path)), end_(bytes_.size()) {
    check(end_ >= 12, "is too short for an integer graph");
    uint32_t magic = 0, version = 0, crc = 0;
    get(magic);
    check(magic == kMagic, "is not an integer graph: the magic is not BLIG");
    get(version);
    check(version == kVersion, str("has version ", version, ", this program reads ", kVersion));
    const size_t body = at_;
    at_ = end_ - sizeof crc;
    get(crc);
    end_ -= sizeof crc;
    at_ = end_;
    check(crc == checksum(bytes_, end_), "is damaged: the CRC-32 does not match");
    at_ = body;
  }

  // Sequences grow with the bytes that are really there, so a false count cannot ask for memory.
  template <class T>
  void get(T& value) {
    if constexpr (kIsInteger<T>) {
      check(end_ - at_ >= sizeof(T), "ends too early");
      uint64_t bits = 0;
      for (size_t i = 0; i < sizeof(T); ++i) bits |= uint64_t(bytes_[at_++]) << (8 * i);
      if constexpr (std::is_same_v<T, bool>) check(bits <= 1, "has a flag that is neither 0 nor 1");
      value = T(bits);
    } else if constexpr (std::is_same_v<T, double>) {
      uint64_t bits = 0;
      get(bits);
      std::memcpy(&value, &bits, sizeof bits);
    } else if constexpr (kIsSequence<T>) {
      uint64_t count = 0;
      get(count);
      for (uint64_t i = 0; i < count; ++i) {
        value.push_back({});
        get(value.back());
      }
    } else {
      std::apply([this](auto&... field) { (this->get(field), ...); }, fields(value));
    }
  }

  void finish() const { check(at_ == end_, "has bytes after the graph"); }

 private:
  void check(bool ok, const std::string& problem) const { BITLOOM_CHECK(ok, path_, ": offset ", at_, ": the file ", problem); }

  std::string path_;
  std::vector<uint8_t> bytes_;
  size_t at_ = 0, end_;
};

}  // namespace

void save_graph(const IntegerGraph& graph, const std::string& path) {
  graph.validate();
  Writer file;
  file.put(kMagic);
  file.put(kVersion);
  file.put(graph);
  file.put(checksum(file.bytes(), file.bytes().size()));
  write_file_atomic(path, file.bytes().data(), file.bytes().size());
}

IntegerGraph load_graph(const std::string& path) {
  Reader file(path);
  IntegerGraph graph;
  file.get(graph);
  file.finish();
  try {
    graph.validate();
  } catch (const Error& error) {
    throw Error(path + ": " + error.what());
  }
  return graph;
}

}  // namespace bitloom
