// A task: what is asked of a network, and the data to learn and to show it on.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "datasets/metric.h"

namespace bitloom {

struct Task {
  std::string name;  // "cifar10", "synthetic", "npz"
  TaskKind kind = TaskKind::kClassification;
  const Metric* metric = &accuracy();    // of the test split
  int64_t classes = 0;                   // of a classification
  std::vector<std::string> label_names;  // of class 0, 1, ...; empty: they have numbers only
  Augment augment;                       // the random changes of training samples that suit the task
  bool test_only = false;                // a test set: the other splits are it again, and nothing can be trained

  // By which epochs are chosen: the metric, or the reconstruction's error where the metric needs anomalies, which training has none of.
  const Metric& validation_metric() const { return kind == TaskKind::kReconstruction ? mean_squared_error() : *metric; }
  std::string label_name(int64_t label) const {
    return label < int64_t(label_names.size()) ? label_names[size_t(label)] : std::to_string(label);
  }
};

// The three parts of a task's data. `val` decides, `test` is read once for the final figure.
struct TaskData {
  Task task;
  std::shared_ptr<Dataset> train, val, test;
  std::vector<std::string> skipped = {};  // of files that were left out: which, and why
};

// Splits in memory, with the task's augmentation in training; validated.
TaskData make_task(Task task, Samples train, Samples val, Samples test);
// Error naming a split that differs from the training split in format, or whose labels do not suit the task (of a classification all, in
// 0 .. classes-1), or a metric that this task or its test split cannot have: before training, not after.
void validate(const TaskData& data);

// Of data that nothing was trained on: all samples of all splits are for testing.
TaskData whole(const TaskData& data);

// 16 hexadecimal digits that change with any bit of any split's samples, labels, groups, shape or scale, and with the kind of task; not with
// names, the path, or the augmentation. The same on every machine (core/hash.h); a tenth of a second for CIFAR-10.
std::string digest(const TaskData& data);
// Likewise of one split's samples, labels, groups, shape and scale.
std::string digest(const Dataset& split);

// What the network found for one sample, from which metrics are computed: the class of the largest output (the first of equals), or the mean
// squared error of the reconstruction. T: floats with scale 1, or the integer network's codes with the scale of its output.
template <class T>
double found_in(TaskKind kind, const T* output, int64_t n, double scale, const float* sample) {
  if (kind == TaskKind::kClassification) return double(std::max_element(output, output + n) - output);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double error = scale * double(output[i]) - double(sample[i]);
    sum += error * error;
  }
  return sum / double(n);
}

}  // namespace bitloom
