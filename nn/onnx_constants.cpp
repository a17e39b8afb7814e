// What an ONNX graph computes from constants alone.
#include "nn/onnx_constants.h"

#include <algorithm>
#include <cmath>

namespace bitloom {
namespace {

OnnxTensor whole(std::vector<int64_t> integers) {
  OnnxTensor t;
  t.dims = {int64_t(integers.size())};
  t.integers = std::move(integers);
  t.whole = true;
  return t;
}

OnnxTensor with_dims(OnnxTensor t, std::vector<int64_t> dims) {
  t.dims = std::move(dims);
  return t;
}

std::optional<OnnxTensor> cast(OnnxTensor t, int64_t to) {
  const bool whole_wanted = to == kOnnxInt32 || to == kOnnxInt64;
  if (!whole_wanted && to != kOnnxFloat && to != kOnnxDouble) return {};
  if (t.whole && !whole_wanted) t.values.assign(t.integers.begin(), t.integers.end()), t.integers.clear();
  if (!t.whole && whole_wanted) {
    for (const float v : t.values) {
      if (!(std::fabs(v) < 0x1p31f)) return {};
      t.integers.push_back(int64_t(v));
    }
    t.values.clear();
  }
  t.whole = whole_wanted;
  return t;
}

std::optional<OnnxTensor> concat(const OnnxNode& node, const std::function<const OnnxTensor*(size_t)>& at) {
  std::vector<int64_t> all;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (!at(i) || !at(i)->whole) return {};
    all.insert(all.end(), at(i)->integers.begin(), at(i)->integers.end());
  }
  return whole(std::move(all));
}

std::optional<OnnxTensor> gather(const OnnxTensor& from, const OnnxTensor& indices) {
  if (!from.whole || from.dims.size() != 1 || !indices.whole) return {};
  std::vector<int64_t> taken;
  const int64_t size = from.dims[0];
  for (const int64_t i : indices.integers) {
    if (i < -size || i >= size) return {};
    taken.push_back(from.integers[size_t(i < 0 ? i + size : i)]);
  }
  return with_dims(whole(std::move(taken)), indices.dims);
}

// Of the first axis, forwards or backwards: from the first to before the last.
std::optional<OnnxTensor> slice(const OnnxTensor& from, const OnnxTensor* start, const OnnxTensor* end, const OnnxTensor* axis,
                                const OnnxTensor* step) {
  const auto is_one_of = [](const OnnxTensor* t, const std::vector<int64_t>& known) {
    return !t || (t->integers.size() == 1 && std::count(known.begin(), known.end(), t->integers[0]));
  };
  if (!from.whole || from.dims.empty() || from.size() == 0 || !start || !end || start->integers.size() != 1 ||
      end->integers.size() != 1)
    return {};
  if (!is_one_of(axis, {0, -int64_t(from.dims.size())}) || !is_one_of(step, {1, -1})) return {};
  const int64_t size = from.dims[0], row = from.size() / size, by = step ? step->integers[0] : 1;
  const auto place = [&](int64_t i) {
    return by > 0 ? std::clamp<int64_t>(i < 0 ? std::max(i, -size) + size : i, 0, size)
                  : std::clamp<int64_t>(i < 0 ? std::max(i, -size - 1) + size : i, -1, size - 1);
  };
  OnnxTensor out = whole({});
  for (int64_t i = place(start->integers[0]), last = place(end->integers[0]); by > 0 ? i < last : i > last; i += by)
    out.integers.insert(out.integers.end(), from.integers.begin() + i * row, from.integers.begin() + (i + 1) * row);
  out.dims = from.dims;
  out.dims[0] = int64_t(out.integers.size()) / row;
  return out;
}

template <class T>
std::vector<T> turned(const std::vector<T>& from, int64_t rows, int64_t columns) {
  std::vector<T> to(from.size());
  for (size_t i = 0; i < from.size(); ++i) to[size_t(int64_t(i) % columns * rows + int64_t(i) / columns)] = from[i];
  return to;
}

std::optional<OnnxTensor> transpose(const OnnxTensor& t, const std::vector<int64_t>& perm) {
  if (t.dims.size() != 2) return {};
  if (perm == std::vector<int64_t>{0, 1}) return t;
  OnnxTensor out = with_dims(t, {t.dims[1], t.dims[0]});
  out.values = turned(t.values, t.dims[0], t.dims[1]);
  out.integers = turned(t.integers, t.dims[0], t.dims[1]);
  return out;
}

// Of two whole numbers, as lengths are computed of; small enough that nothing overflows.
std::optional<OnnxTensor> arithmetic(const std::string& op, const OnnxTensor& a, const OnnxTensor& b) {
  constexpr int64_t kMost = 1 << 30;
  if (a.integers.size() != 1 || b.integers.size() != 1) return {};
  const int64_t x = a.integers[0], y = b.integers[0];
  if (std::max(x, y) > kMost || std::min(x, y) < -kMost) return {};
  return with_dims(whole({op == "Mul" ? x * y : op == "Sub" ? x - y : x + y}), a.dims);
}

// Zeros, or the number that the node names.
std::optional<OnnxTensor> filled(const OnnxNode& node, const OnnxTensor& shape) {
  constexpr int64_t kMost = 64;
  const auto value = node.attributes.find("value");
  const bool given = value != node.attributes.end() && value->second.tensor && value->second.tensor->integers.size() == 1;
  if (shape.integers.size() != 1 || shape.integers[0] < 0 || shape.integers[0] > kMost || !given) return {};
  return whole(std::vector<int64_t>(size_t(shape.integers[0]), value->second.tensor->integers[0]));
}

std::optional<OnnxTensor> reshape(const OnnxTensor& t, const OnnxTensor& shape) {
  std::vector<int64_t> dims = shape.integers;
  if (std::count(dims.begin(), dims.end(), -1) > 1) return {};
  int64_t known = 1;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0 && i < t.dims.size()) dims[i] = t.dims[i];
    if (dims[i] < -1 || dims[i] > t.size()) return {};
    if (dims[i] >= 0) known = dims[i] == 0 || known > t.size() ? 0 : known * dims[i];
  }
  for (int64_t& d : dims)
    if (d == -1 && known > 0 && t.size() % known == 0) d = t.size() / known, known = t.size();
  if (known != t.size()) return {};
  return with_dims(t, dims);
}

}  // namespace

OnnxTensor shape_of(const OnnxNode& node, const std::vector<int64_t>& dims) {
  const int64_t rank = int64_t(dims.size());
  const auto place = [&](const char* key, int64_t otherwise) {
    const int64_t i = node.integer(key, otherwise);
    return std::clamp<int64_t>(i < 0 ? i + rank : i, 0, rank);
  };
  const int64_t first = place("start", 0), last = std::max(first, place("end", rank));
  return whole({dims.begin() + first, dims.begin() + last});
}

std::optional<OnnxTensor> constant_output(const OnnxNode& node, const std::function<const OnnxTensor*(size_t)>& at) {
  const OnnxTensor* first = at(0);
  if (node.op == "Constant") {
    const auto value = node.attributes.find("value");
    return value == node.attributes.end() ? std::nullopt : value->second.tensor;
  }
  if (!first) return {};
  if (node.op == "Identity") return *first;
  if (node.op == "Cast") return cast(*first, node.integer("to", 0));
  if (node.op == "Concat") return concat(node, at);
  if (node.op == "Gather" && at(1)) return gather(*first, *at(1));
  if (node.op == "Slice") return slice(*first, at(1), at(2), at(3), at(4));
  if (node.op == "Shape") return shape_of(node, first->dims);
  if (node.op == "ConstantOfShape") return filled(node, *first);
  if ((node.op == "Mul" || node.op == "Sub" || node.op == "Add") && at(1)) return arithmetic(node.op, *first, *at(1));
  if (node.op == "Transpose") return transpose(*first, node.integers("perm"));
  if (node.op == "Reshape" && at(1) && at(1)->whole) return reshape(*first, *at(1));
  if (node.op == "Squeeze" || node.op == "Unsqueeze") {  // of shapes, between a number and a vector of one
    if (!first->whole || first->integers.size() != 1) return {};
    return with_dims(*first, node.op == "Squeeze" ? std::vector<int64_t>() : std::vector<int64_t>{1});
  }
  return {};
}

}  // namespace bitloom
