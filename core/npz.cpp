// numpy .npz archives: .npy arrays in a zip container.
#include "core/npz.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/ends_with.h"
#include "core/error.h"

namespace bitloom {
namespace {

// The element types that are stored; others (objects, records, big-endian) are refused with a reason.
struct ElementType {
  char kind = 0;      // numpy's: b i u f S U
  int64_t bytes = 0;  // of one element
};

ElementType parse_dtype(const std::string& dtype, const std::string& what) {
  BITLOOM_CHECK(dtype.size() >= 3 && dtype.size() <= 11 && std::strchr("<>|=", dtype[0]) && std::strchr("biufSU", dtype[1]) &&
                    std::all_of(dtype.begin() + 2, dtype.end(), [](char c) { return c >= '0' && c <= '9'; }),
                what, ": dtype ", quote(dtype), " is not supported; save numbers or byte strings");
  ElementType type{dtype[1], std::stoll(dtype.substr(2))};
  if (type.kind == 'U') type.bytes *= 4;
  const bool text = type.kind == 'S' || type.kind == 'U';
  // Elements without bytes would let a few bytes of header claim any number of them.
  BITLOOM_CHECK(type.bytes > 0 && (text || type.bytes == 1 || type.bytes == 2 || type.bytes == 4 || type.bytes == 8), what,
                ": dtype ", quote(dtype), " has an unsupported size");
  BITLOOM_CHECK(dtype[0] != '>' || type.bytes <= 1, what, ": dtype ", quote(dtype), " is big-endian; save it little-endian");
  return type;
}

// Parses the Python dictionary in an .npy header, e.g. {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
class HeaderParser {
 public:
  HeaderParser(const char* begin, const char* end, const std::string& what)
      : begin_(begin), p_(begin), end_(end), what_(what) {}

  // Returns whether the array is in Fortran order.
  bool parse(NpyArray& array) {
    bool descr = false, order = false, shape = false, fortran = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !descr) {
        array.dtype = quoted();
        descr = true;
      } else if (key == "fortran_order" && !order) {
        fortran = word("True");
        BITLOOM_CHECK(fortran || word("False"), where(), "fortran_order must be True or False");
        order = true;
      } else if (key == "shape" && !shape) {
        array.shape = extents();
        shape = true;
      } else {
        throw Error(str(where(), "unexpected or repeated key ", quote(key)));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    BITLOOM_CHECK(p_ == end_, where(), "unexpected text after the header");
    BITLOOM_CHECK(descr && order && shape, what_, ": the .npy header lacks descr, fortran_order or shape");
    return fortran;
  }

 private:
  std::string where() const { return str(what_, ": .npy header, character ", p_ - begin_, ": "); }
  void skip_spaces() {
    while (p_ < end_ && (*p_ == ' ' || *p_ == '\n')) ++p_;
  }
  bool accept(char c) {
    skip_spaces();
    if (p_ == end_ || *p_ != c) return false;
    ++p_;
    return true;
  }
  void expect(char c) { BITLOOM_CHECK(accept(c), where(), "expected '", c, "'"); }
  bool word(const char* text) {
    skip_spaces();
    const size_t n = std::strlen(text);
    if (size_t(end_ - p_) < n || std::memcmp(p_, text, n) != 0) return false;
    p_ += n;
    return true;
  }
  std::string quoted() {
    const char quote = accept('"') ? '"' : '\'';
    if (quote == '\'') BITLOOM_CHECK(accept('\''), where(), "expected a quoted string (records and objects are not supported)");
    const char* close = std::find(p_, end_, quote);
    BITLOOM_CHECK(close != end_, where(), "unterminated string");
    std::string text(p_, close);
    p_ = close + 1;
    return text;
  }
  std::vector<int64_t> extents() {
    std::vector<int64_t> shape;
    expect('(');
    while (!accept(')')) {
      shape.push_back(number());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return shape;
  }
  int64_t number() {
    skip_spaces();
    BITLOOM_CHECK(p_ < end_ && *p_ >= '0' && *p_ <= '9', where(), "expected an extent");
    int64_t value = 0;
    for (; p_ < end_ && *p_ >= '0' && *p_ <= '9'; ++p_)
      BITLOOM_CHECK(
          !__builtin_mul_overflow(value, int64_t(10), &value) && !__builtin_add_overflow(value, int64_t(*p_ - '0'), &value),
          where(), "extent is too large");
    if (p_ < end_ && *p_ == 'L') ++p_;  // Python 2's long integers
    return value;
  }

  const char *begin_, *p_, *end_;
  const std::string& what_;
};

// The bytes must be what shape and dtype need.
void check_size(const NpyArray& array, const std::string& what) {
  constexpr size_t kMaxRank = 32;  // numpy's
  BITLOOM_CHECK(array.shape.size() <= kMaxRank, what, ": rank ", array.shape.size(), " is above ", kMaxRank);
  int64_t bytes = parse_dtype(array.dtype, what).bytes;
  for (int64_t extent : array.shape)
    BITLOOM_CHECK(extent >= 0 && !__builtin_mul_overflow(bytes, extent, &bytes), what, ": extent ", extent, " is out of range");
  BITLOOM_CHECK(uint64_t(bytes) == array.bytes.size(), what, ": shape and dtype ", quote(array.dtype), " need ", bytes,
                " bytes, there are ", array.bytes.size());
}

// The bytes of an array in Fortran order, in C order: the last index varies fastest instead of the first.
std::vector<uint8_t> transposed(const NpyArray& array, size_t element) {
  const size_t rank = array.shape.size();
  std::vector<size_t> index(rank), stride(rank);  // strides in the stored order
  size_t step = element;
  for (size_t axis = 0; axis < rank; ++axis) {
    stride[axis] = step;
    step *= size_t(array.shape[axis]);
  }
  std::vector<uint8_t> out(array.bytes.size());
  const uint8_t* from = array.bytes.data();
  for (size_t at = 0; at < out.size(); at += element) {
    std::memcpy(out.data() + at, from, element);
    for (size_t axis = rank; axis-- > 0;) {
      from += stride[axis];
      if (++index[axis] < size_t(array.shape[axis])) break;
      from -= stride[axis] * index[axis];
      index[axis] = 0;
    }
  }
  return out;
}

NpyArray parse_npy(std::vector<uint8_t> content, const std::string& what) {
  constexpr size_t kMagicSize = 6;
  BITLOOM_CHECK(content.size() >= 10 && std::memcmp(content.data(), "\x93NUMPY", kMagicSize) == 0, what, ": not an .npy array");
  const int major = content[6], minor = content[7];
  // Version 3 differs from 2 in that the header is UTF-8, for names of fields.
  BITLOOM_CHECK(major >= 1 && major <= 3 && minor == 0, what, ": .npy version ", major, ".", minor,
                " is not supported, 1.0 to 3.0 are");
  const int length_bytes = major == 1 ? 2 : 4;
  const size_t prefix = kMagicSize + 2 + size_t(length_bytes);
  BITLOOM_CHECK(content.size() >= prefix, what, ": truncated .npy header");
  size_t header = 0;  // little-endian
  for (size_t i = prefix; i-- > kMagicSize + 2;) header = header << 8 | content[i];
  BITLOOM_CHECK(header <= content.size() - prefix, what, ": the .npy header claims ", header, " bytes, the entry has ",
                content.size() - prefix);
  NpyArray array;
  const char* text = reinterpret_cast<const char*>(content.data() + prefix);
  const bool fortran = HeaderParser(text, text + header, what).parse(array);

  content.erase(content.begin(), content.begin() + int64_t(prefix + header));
  array.bytes = std::move(content);
  check_size(array, what);
  if (fortran && array.shape.size() > 1) array.bytes = transposed(array, size_t(parse_dtype(array.dtype, what).bytes));
  return array;
}

std::vector<uint8_t> format_npy(const NpyArray& array, const std::string& what) {
  check_size(array, what);
  std::string shape;
  for (int64_t extent : array.shape) shape += std::to_string(extent) + (array.shape.size() == 1 ? "," : ", ");
  if (array.shape.size() > 1) shape.resize(shape.size() - 2);
  std::string header = "{'descr': '" + array.dtype + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  constexpr size_t kPrefix = 10, kAlign = 64;
  header.append(kAlign - 1 - (kPrefix + header.size()) % kAlign, ' ').push_back('\n');
  const char prefix[kPrefix] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, char(header.size() & 0xff), char(header.size() >> 8)};
  std::vector<uint8_t> out(prefix, prefix + kPrefix);
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), array.bytes.begin(), array.bytes.end());
  return out;
}

template <class From, class To>
void convert(const std::vector<uint8_t>& bytes, To* out) {
  for (size_t i = 0; i < bytes.size() / sizeof(From); ++i) {
    From value;
    std::memcpy(&value, bytes.data() + i * sizeof(From), sizeof(From));
    out[i] = To(value);
  }
}

// Converts integers; false when the element type is not an integer one that fits int64_t.
template <class To>
bool convert_integers(const NpyArray& array, const ElementType& type, To* out) {
  const bool is_signed = type.kind == 'i';
  if (!std::strchr("biu", type.kind)) return false;
  switch (type.bytes) {
    case 1: is_signed ? convert<int8_t>(array.bytes, out) : convert<uint8_t>(array.bytes, out); return true;
    case 2: is_signed ? convert<int16_t>(array.bytes, out) : convert<uint16_t>(array.bytes, out); return true;
    case 4: is_signed ? convert<int32_t>(array.bytes, out) : convert<uint32_t>(array.bytes, out); return true;
    default:
      if (is_signed) convert<int64_t>(array.bytes, out);
      return is_signed;
  }
}

template <class T>
NpyArray make_array(const char* dtype, std::vector<int64_t> shape, const T* values, size_t count) {
  NpyArray array{dtype, std::move(shape), std::vector<uint8_t>(count * sizeof(T))};
  if (count > 0) std::memcpy(array.bytes.data(), values, array.bytes.size());
  return array;
}

}  // namespace

int64_t NpyArray::size() const {
  int64_t n = 1;
  for (int64_t extent : shape) n *= extent;
  return n;
}

Tensor NpyArray::to_float(const std::string& what) const {
  check_size(*this, what);
  BITLOOM_CHECK(shape.size() <= size_t(Shape::kMaxRank), what, ": rank ", shape.size(), " is above ", Shape::kMaxRank);
  const ElementType type = parse_dtype(dtype, what);
  Tensor values{Shape(shape)};
  if (type.kind == 'f' && type.bytes == 4) {
    convert<float>(bytes, values.data());
  } else if (type.kind == 'f' && type.bytes == 8) {
    convert<double>(bytes, values.data());
  } else {
    BITLOOM_CHECK(convert_integers(*this, type, values.data()), what, ": expected numbers, got dtype ", quote(dtype));
  }
  return values;
}

std::vector<int64_t> NpyArray::to_int64(const std::string& what) const {
  check_size(*this, what);
  std::vector<int64_t> values(static_cast<size_t>(size()));
  BITLOOM_CHECK(convert_integers(*this, parse_dtype(dtype, what), values.data()), what, ": expected integers, got dtype ",
                quote(dtype));
  return values;
}

std::string NpyArray::to_text() const {
  std::string text(bytes.begin(), bytes.end());
  text.resize(text.find_last_not_of('\0') + 1);
  return text;
}

NpyArray NpyArray::from(const Tensor& values) {
  std::vector<int64_t> shape;
  for (int axis = 0; axis < values.shape().rank(); ++axis) shape.push_back(values.shape()[axis]);
  return make_array("<f4", std::move(shape), values.data(), size_t(values.size()));
}

NpyArray NpyArray::from(const std::vector<int64_t>& values) {
  return make_array("<i8", {int64_t(values.size())}, values.data(), values.size());
}

NpyArray NpyArray::from_text(const std::string& text) {
  // numpy has no empty byte string: '|S1' holding a NUL reads as "".
  const std::string stored = text.empty() ? std::string(1, '\0') : text;
  return make_array(("|S" + std::to_string(stored.size())).c_str(), {}, stored.data(), stored.size());
}

NpzFile::NpzFile(const std::string& path) : path_(path), zip_(path) {
  constexpr std::string_view kSuffix = ".npy", kMacFolder = "__MACOSX/";
  for (const std::string& name : zip_.names()) {
    if (!ends_with(name, kSuffix)) continue;
    if (name.compare(0, kMacFolder.size(), kMacFolder) == 0) continue;
    entries_[name.substr(0, name.size() - kSuffix.size())] = name;
  }
}

std::vector<std::string> NpzFile::keys() const {
  std::vector<std::string> all;
  for (const auto& [key, name] : entries_) all.push_back(key);
  return all;
}

std::vector<std::string> NpzFile::find(const std::string& key) const {
  if (entries_.count(key) > 0) return {key};
  std::vector<std::string> found;
  const std::string tail = "/" + key;
  for (const auto& [full, name] : entries_)
    if (ends_with(full, tail)) found.push_back(full);
  return found;
}

bool NpzFile::has(const std::string& key) const { return !find(key).empty(); }

NpyArray NpzFile::read(const std::string& key) const {
  const std::vector<std::string> found = find(key);
  if (found.size() != 1) {
    std::string there;
    for (const std::string& full : found.empty() ? keys() : found) there += (there.empty() ? "" : ", ") + printable(full, 60);
    throw Error(str(path_, found.empty() ? ": no array " : ": more than one array ", quote(key), "; the file holds ",
                    there.empty() ? "none" : printable(there, 400)));
  }
  const std::string& name = entries_.at(found.front());
  return parse_npy(zip_.read(name), str(path_, ": entry ", quote(name)));
}

Npz read_npz(const std::string& path) {
  const NpzFile file(path);
  Npz arrays;
  for (const std::string& key : file.keys()) arrays[key] = file.read(key);
  return arrays;
}

void write_npz(const std::string& path, const Npz& arrays, Compression compression) {
  ZipContents contents;
  for (const auto& [name, array] : arrays) contents[name + ".npy"] = format_npy(array, str(path, ": array ", quote(name)));
  write_zip(path, contents, compression);
}

}  // namespace bitloom
