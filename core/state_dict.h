// State dictionaries: named arrays, as which modules hand over and take back what they have learned.
#pragma once
#include <string>
#include <vector>

#include "core/npz.h"

namespace bitloom {

// A module puts and reads its arrays under keys of its own; whoever owns it stores its dictionary under a prefix and hands back the part with
// that prefix. So a module's keys never depend on where it is stored, and errors still name the full key.
class StateDict {
 public:
  StateDict() = default;
  // `where` opens every error message: the file the arrays came from.
  explicit StateDict(Npz arrays, std::string where = "") : arrays_(std::move(arrays)), where_(std::move(where)) {}

  // Error when the key is taken: nothing is overwritten.
  void put(const std::string& key, const Tensor& values);                // <f4
  void put(const std::string& key, const std::vector<int64_t>& values);  // <i8
  void put(const std::string& key, double value);                        // <f8
  void put(const std::string& key, const std::string& text);             // |S
  // Every array of `part` under prefix + its key.
  void put(const std::string& prefix, StateDict part);

  // The arrays whose keys begin with `prefix`, under the rest of their keys.
  StateDict part(const std::string& prefix) const;

  const Npz& arrays() const { return arrays_; }
  bool empty() const { return arrays_.empty(); }
  bool has(const std::string& key) const { return arrays_.count(key) > 0; }

  // Values under `key`. Errors name file and key, what was expected and what was found; when an array is missing or has another shape, also
  // what that means, for which the caller gives `otherwise`: "these weights are not for model resnet8".
  // Numbers of any type as floats. Extents of 1 may be missing from the stored shape; the result has the expected one.
  Tensor tensor(const std::string& key) const;  // of any shape
  Tensor tensor(const std::string& key, const Shape& expected, const std::string& otherwise = "") const;
  // The same, and no element is infinite or not a number.
  Tensor finite_tensor(const std::string& key, const Shape& expected, const std::string& otherwise = "") const;
  std::vector<int64_t> integers(const std::string& key, int64_t count, const std::string& otherwise = "") const;
  double number(const std::string& key, const std::string& otherwise = "") const;  // of put(double), every bit
  std::string text(const std::string& key, const std::string& otherwise = "") const;

 private:
  void insert(const std::string& key, NpyArray array);
  const NpyArray& find(const std::string& key, const std::string& otherwise) const;
  std::string name(const std::string& key, const std::string& otherwise = "") const;

  Npz arrays_;
  std::string where_, prefix_;  // of this part in the whole, for messages
};

}  // namespace bitloom
