// The metrics.
#include "datasets/metric.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <numeric>

#include "core/error.h"
#include "datasets/task.h"

namespace bitloom {
namespace {

using Parts = std::vector<std::pair<std::string, double>>;

double mean(const std::map<int32_t, double>& parts) {
  double sum = 0;
  for (const auto& [key, value] : parts) sum += value;
  return sum / double(parts.size());
}

void check_found(const Metric& metric, const std::vector<double>& found, const Dataset& data) {
  BITLOOM_CHECK(int64_t(found.size()) == data.size() && data.size() > 0, data.name(), ": ", metric.name(), " of ", found.size(),
                " results for ", data.size(), " samples");
}

void check_labelled(const Metric& metric, const std::vector<double>& found, const Dataset& data) {
  check_found(metric, found, data);
  BITLOOM_CHECK(!data.labels().empty(), data.name(), ": ", metric.name(), " needs labels");
}

class Accuracy : public Metric {
 public:
  Accuracy() : Metric("accuracy", TaskKind::kClassification, Unit::kPercent, Better::kHigher) {}
  double score(const std::vector<double>& found, const Dataset& data) const override {
    check_labelled(*this, found, data);
    int64_t right = 0;
    for (size_t i = 0; i < found.size(); ++i) right += found[i] == data.labels()[i];
    return double(right) / double(found.size());
  }
};

class BalancedAccuracy : public Metric {
 public:
  BalancedAccuracy() : Metric("balanced_accuracy", TaskKind::kClassification, Unit::kPercent, Better::kHigher) {}
  double score(const std::vector<double>& found, const Dataset& data) const override { return mean(recalls(found, data)); }
  Parts parts(const std::vector<double>& found, const Dataset& data, const Task& task) const override {
    Parts parts;
    for (const auto& [label, recall] : recalls(found, data)) parts.emplace_back("recall " + task.label_name(label), recall);
    return parts;
  }

 private:
  std::map<int32_t, double> recalls(const std::vector<double>& found, const Dataset& data) const {
    check_labelled(*this, found, data);
    std::map<int32_t, double> right, all;
    for (size_t i = 0; i < found.size(); ++i) {
      const int32_t label = data.labels()[i];
      right[label] += found[i] == label;
      all[label] += 1;
    }
    for (auto& [label, count] : right) count /= all[label];
    return right;
  }
};

class MeanError : public Metric {
 public:
  MeanError() : Metric("mean_squared_error", TaskKind::kReconstruction, Unit::kNumber, Better::kLower) {}
  double score(const std::vector<double>& found, const Dataset& data) const override {
    check_found(*this, found, data);
    return std::accumulate(found.begin(), found.end(), 0.0) / double(found.size());
  }
};

// The share of (normal, anomalous) pairs whose errors are in this order: the rank sum of the anomalous ones, ties at their mean rank.
double area(std::vector<std::pair<double, bool>> errors) {
  std::sort(errors.begin(), errors.end());
  double rank_sum = 0, anomalous = 0;
  for (size_t begin = 0, end; begin < errors.size(); begin = end) {
    for (end = begin + 1; end < errors.size() && errors[end].first == errors[begin].first;) ++end;
    const double rank = double(begin + 1 + end) / 2;
    for (size_t i = begin; i < end; ++i)
      if (errors[i].second) rank_sum += rank, anomalous += 1;
  }
  const double normal = double(errors.size()) - anomalous;
  return (rank_sum - anomalous * (anomalous + 1) / 2) / (anomalous * normal);
}

// The area below the curve of true against false positives up to a tenth of the latter, scaled. Equal errors are one step of the curve, a line.
double partial_area(std::vector<std::pair<double, bool>> errors) {
  constexpr double kMost = 0.1;
  std::sort(errors.begin(), errors.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  const double anomalous = double(std::count_if(errors.begin(), errors.end(), [](const auto&e) { return e.second; })),
               normal = double(errors.size()) - anomalous;
  double x = 0, y = 0, sum = 0;
  for (size_t begin = 0, end; begin < errors.size() && x < kMost; begin = end) {
    double dx = 0, dy = 0;
    for (end = begin; end < errors.size() && errors[end].first == errors[begin].first; ++end)
      (errors[end].second ? dy : dx) += 1 / (errors[end].second ? anomalous : normal);
    const double part = dx > 0 ? std::min(1.0, (kMost - x) / dx) : 1;
    sum += part * dx * (y + part * dy / 2);
    x += dx, y += dy;
  }
  constexpr double kGuessing = kMost * kMost / 2;
  return (1 + (sum - kGuessing) / (kMost - kGuessing)) / 2;
}

class RocAuc : public Metric {
 public:
  using Area = double (*)(std::vector<std::pair<double, bool>>);
  RocAuc(const char* name, Area of) : Metric(name, TaskKind::kReconstruction, Unit::kNumber, Better::kHigher), area_(of) {}
  double score(const std::vector<double>& found, const Dataset& data) const override { return mean(areas(found, data)); }
  Parts parts(const std::vector<double>& found, const Dataset& data, const Task&) const override {
    Parts parts;
    if (!data.groups().empty())
      for (const auto& [group, value] : areas(found, data)) parts.emplace_back(str(name(), " of group ", group), value);
    return parts;
  }

 private:
  std::map<int32_t, double> areas(const std::vector<double>& found, const Dataset& data) const {
    check_labelled(*this, found, data);
    std::map<int32_t, std::vector<std::pair<double, bool>>> groups;
    const size_t together = size_t(data.scored_together());
    for (size_t i = 0; i + together <= found.size(); i += together) {
      const auto first = found.begin() + std::ptrdiff_t(i);
      const double error = std::accumulate(first, first + std::ptrdiff_t(together), 0.0) / double(together);
      groups[data.groups().empty() ? 0 : data.groups()[i]].emplace_back(error, data.labels()[i] != 0);
    }
    std::map<int32_t, double> areas;
    for (const auto& [group, errors] : groups) {
      const auto anomalous = std::count_if(errors.begin(), errors.end(), [](const auto& e) { return e.second; });
      if (anomalous > 0 && anomalous < int64_t(errors.size())) areas[group] = area_(errors);
    }
    BITLOOM_CHECK(!areas.empty(), data.name(), ": ", name(), " needs normal (0) and anomalous (1) samples",
                  data.groups().empty() ? "" : " in one group at least");
    return areas;
  }

  const Area area_;
};

const std::vector<const Metric*>& all_metrics() {
  static const std::vector<const Metric*> all = {&accuracy(), &balanced_accuracy(), &mean_squared_error(), &roc_auc(),
                                                 &partial_roc_auc()};
  return all;
}

}  // namespace

const std::string Metric::kPercent = "%";

Parts Metric::parts(const std::vector<double>&, const Dataset&, const Task&) const { return {}; }

std::string Metric::number(double score) const {
  char text[64];
  std::snprintf(text, sizeof text, percent_ ? "%.2f" : "%#.4g", in_unit(score));
  return text;
}

std::string Metric::text(double score) const { return percent_ ? number(score) + " %" : name_ + " " + number(score); }

const Metric& accuracy() {
  static const Accuracy metric;
  return metric;
}
const Metric& balanced_accuracy() {
  static const BalancedAccuracy metric;
  return metric;
}
const Metric& mean_squared_error() {
  static const MeanError metric;
  return metric;
}
const Metric& roc_auc() {
  static const RocAuc metric("roc_auc", area);
  return metric;
}
const Metric& partial_roc_auc() {
  static const RocAuc metric("partial_roc_auc", partial_area);
  return metric;
}

const Metric& find_metric(const std::string& name) {
  for (const Metric* metric : all_metrics())
    if (metric->name() == name) return *metric;
  throw Error("unknown metric '" + name + "'; known: " + metric_names());
}

std::string metric_names() {
  std::string names;
  for (const Metric* metric : all_metrics()) names += (names.empty() ? "" : ", ") + metric->name();
  return names;
}

}  // namespace bitloom
