// What a deployed network says of every test sample; what predictions.npz holds.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "datasets/task.h"

namespace bitloom {

// Of a classification. In the file: "class" and "label" (an integer a sample), "test" (text).
struct Predictions {
  std::vector<int64_t> found, labels;  // the class predicted, and the sample's own
  std::string test;                    // digest() of the test split

  bool right(size_t sample) const { return found[sample] == labels[sample]; }
};

// `found` as metrics have it: see found_in(). Error for a task without classes.
Predictions predictions_of(const std::vector<double>& found, const TaskData& data);
void write_predictions(const std::string& path, const Predictions& predictions);
// Error names the file and what is wrong with it.
Predictions read_predictions(const std::string& path);

}  // namespace bitloom
