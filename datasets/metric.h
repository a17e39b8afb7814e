// What a network is judged by.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "datasets/dataset.h"
#include "datasets/task_kind.h"

namespace bitloom {

struct Task;

// A score of what a network found for every sample of a split (see found_in() in task.h): the class it predicts, or the mean squared error
// of its reconstruction.
class Metric {
 public:
  virtual ~Metric() = default;
  // Error when the split lacks what the score needs. `found` has one entry for each sample.
  virtual double score(const std::vector<double>& found, const Dataset& data) const = 0;
  // What the score is a mean of, by name: the recall of every class, the score of every machine. Empty where there is nothing to name.
  virtual std::vector<std::pair<std::string, double>> parts(const std::vector<double>& found, const Dataset& data,
                                                            const Task& task) const;

  const std::string& name() const { return name_; }  // as in result.json: "accuracy"
  TaskKind kind() const { return kind_; }            // the tasks that it judges
  // The unit it is printed in: "%", or its name for a plain number.
  const std::string& unit() const { return percent_ ? kPercent : name_; }
  // 85.64, and as text, without the unit.
  double in_unit(double score) const { return percent_ ? 100 * score : score; }
  std::string number(double score) const;
  int decimals() const { return percent_ ? 2 : 4; }  // of a difference of scores, in the unit
  // "85.64 %", "roc_auc 0.8312"
  std::string text(double score) const;
  // The score, negated if lower is better: the greater of two is the better.
  double rank(double score) const { return higher_is_better_ ? score : -score; }

 protected:
  enum class Unit { kPercent, kNumber };
  enum class Better { kHigher, kLower };
  Metric(std::string name, TaskKind kind, Unit unit, Better better)
      : name_(std::move(name)), kind_(kind), percent_(unit == Unit::kPercent), higher_is_better_(better == Better::kHigher) {}

 private:
  static const std::string kPercent;
  const std::string name_;
  const TaskKind kind_;
  const bool percent_, higher_is_better_;
};

const Metric& accuracy();            // share of samples whose class is predicted
const Metric& balanced_accuracy();   // mean over the classes of the share of their samples that are predicted
const Metric& mean_squared_error();  // of the reconstruction, mean over the samples; lower is better
// Area under the receiver operating characteristic of the reconstruction's error as a sign of an anomaly (label not 0), i.e. the
// probability that an anomalous sample has the larger error, ties counted half (Hanley and McNeil, Radiology 143, 1982). By group where
// there are groups, as DCASE 2020 task 2 does by machine: the mean over those that have normal and anomalous samples.
const Metric& roc_auc();
// The same of the part where at most a tenth of the normal samples are taken for anomalous, scaled so that guessing has 0.5 and no error 1
// (D. McClish, Medical Decision Making 9, 1989): the pAUC of DCASE 2020 task 2.
const Metric& partial_roc_auc();

// All of the above.
const Metric& find_metric(const std::string& name);  // Error lists the known names
std::string metric_names();                          // "accuracy, balanced_accuracy, ..."

}  // namespace bitloom
