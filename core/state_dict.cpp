// State dictionaries.
#include "core/state_dict.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace bitloom {
namespace {

bool equal_but_for_ones(const Shape& a, const Shape& b) {
  const auto extents = [](const Shape& shape) {
    std::vector<int64_t> kept;
    for (int axis = 0; axis < shape.rank(); ++axis)
      if (shape[axis] != 1) kept.push_back(shape[axis]);
    return kept;
  };
  return extents(a) == extents(b);
}

}  // namespace

std::string StateDict::name(const std::string& key, const std::string& otherwise) const {
  std::string name;
  for (const std::string& part : {where_, otherwise}) name += part.empty() ? "" : part + ": ";
  return name + "array '" + prefix_ + key + "'";
}

void StateDict::insert(const std::string& key, NpyArray array) {
  BITLOOM_CHECK(arrays_.emplace(key, std::move(array)).second, name(key), " is put twice; names of what is saved must differ");
}

void StateDict::put(const std::string& key, const Tensor& values) { insert(key, NpyArray::from(values)); }
void StateDict::put(const std::string& key, const std::vector<int64_t>& values) { insert(key, NpyArray::from(values)); }
void StateDict::put(const std::string& key, const std::string& text) { insert(key, NpyArray::from_text(text)); }

void StateDict::put(const std::string& key, double value) {
  NpyArray array{"<f8", {1}, std::vector<uint8_t>(sizeof value)};
  std::memcpy(array.bytes.data(), &value, sizeof value);
  insert(key, std::move(array));
}

void StateDict::put(const std::string& prefix, StateDict part) {
  for (auto& [key, array] : part.arrays_) insert(prefix + key, std::move(array));
}

StateDict StateDict::part(const std::string& prefix) const {
  StateDict result({}, where_);
  result.prefix_ = prefix_ + prefix;
  for (auto it = arrays_.lower_bound(prefix); it != arrays_.end() && it->first.compare(0, prefix.size(), prefix) == 0; ++it)
    result.arrays_[it->first.substr(prefix.size())] = it->second;
  return result;
}

const NpyArray& StateDict::find(const std::string& key, const std::string& otherwise) const {
  const auto it = arrays_.find(key);
  BITLOOM_CHECK(it != arrays_.end(), name(key, otherwise), " is missing");
  return it->second;
}

Tensor StateDict::tensor(const std::string& key) const { return find(key, "").to_float(name(key)); }

Tensor StateDict::tensor(const std::string& key, const Shape& expected, const std::string& otherwise) const {
  const Tensor values = find(key, otherwise).to_float(name(key));
  BITLOOM_CHECK(equal_but_for_ones(values.shape(), expected), name(key, otherwise), " has shape ", values.shape(),
                ", expected ", expected);
  return values.reshape(expected);
}

Tensor StateDict::finite_tensor(const std::string& key, const Shape& expected, const std::string& otherwise) const {
  Tensor values = tensor(key, expected, otherwise);
  for (int64_t i = 0; i < values.size(); ++i)
    BITLOOM_CHECK(std::isfinite(values[i]), name(key), ": element ", i, " is not a finite number");
  return values;
}

std::vector<int64_t> StateDict::integers(const std::string& key, int64_t count, const std::string& otherwise) const {
  std::vector<int64_t> values = find(key, otherwise).to_int64(name(key));
  BITLOOM_CHECK(int64_t(values.size()) == count, name(key, otherwise), " has ", values.size(), " integers, expected ", count);
  return values;
}

double StateDict::number(const std::string& key, const std::string& otherwise) const {
  const NpyArray& array = find(key, otherwise);
  double value = 0;
  BITLOOM_CHECK(array.dtype == "<f8" && array.bytes.size() == sizeof value, name(key, otherwise), " has dtype '", array.dtype,
                "' and ", array.bytes.size(), " bytes, expected one float64");
  std::memcpy(&value, array.bytes.data(), sizeof value);
  return value;
}

std::string StateDict::text(const std::string& key, const std::string& otherwise) const {
  const NpyArray& array = find(key, otherwise);
  BITLOOM_CHECK(array.dtype.compare(0, 2, "|S") == 0, name(key, otherwise), " has dtype '", array.dtype, "', expected text");
  return array.to_text();
}

}  // namespace bitloom
