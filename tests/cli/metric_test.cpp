// Tasks and metrics on the command line: an anomaly detector from an .npz, and a chosen metric.
#include "datasets/metric.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/io.h"
#include "core/rng.h"
#include "tests/support/program.h"

namespace bitloom {
namespace {

using nlohmann::json;
using testing::Outcome;
using testing::run_program;

// Normal vectors lie on a line through a space of 24 features; anomalous ones of machine 1 off it, those of machine 0 on it.
Npz vectors_of_two_machines() {
  Rng rng(1);
  const auto part = [&](int64_t count, bool test, Npz& arrays) {
    Tensor x(Shape{count, 24});
    std::vector<int64_t> labels, machines;
    for (int64_t i = 0; i < count; ++i) {
      machines.push_back(i % 2);
      labels.push_back(test ? i / 2 % 2 : 0);
      const double t = rng.uniform(-1, 1), off = labels.back() && machines.back() ? 1.5 : 0;
      for (int64_t k = 0; k < 24; ++k) x[i * 24 + k] = float(t * std::sin(double(k)) + rng.uniform(-1, 1) * (0.05 + off));
    }
    const std::string name = test ? "test" : "train";
    arrays["x_" + name] = NpyArray::from(x);
    arrays["machine_id_" + name] = NpyArray::from(machines);
    if (test) arrays["y_test"] = NpyArray::from(labels);
  };
  Npz arrays;
  part(300, false, arrays);
  part(120, true, arrays);
  return arrays;
}

TEST(ProgramMetric, AnomalyDetectorIsJudgedByItsAucByMachine) {
  const testing::TempFolder folder;
  write_npz(folder / "vectors.npz", vectors_of_two_machines());
  const Outcome trained = run_program(folder.path(),
                                      "train --data vectors.npz --quant w8a8 --epochs 12 --finetune-epochs 2 "
                                      "--batch 30 --out run");
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_NE(trained.out.find("float roc_auc"), std::string::npos) << trained.out;
  EXPECT_EQ(trained.out.find("float %"), std::string::npos) << trained.out;
  EXPECT_EQ(trained.err.find("acc "), std::string::npos) << trained.err;
  const json result = json::parse(read_text(folder / "run/result.json"));
  EXPECT_EQ(result.at("metric"), "roc_auc");
  EXPECT_EQ(result.at("task"), "ad");
  EXPECT_EQ(result.at("model"), "autoencoder") << "of its own accord: there is no y_train";
  for (const char* form : {"float", "fake_quant", "integer"}) {
    // The mean of a machine whose anomalies are plain to see and of one whose are none.
    EXPECT_NEAR(result.at(std::string("test_score_") + form).get<double>(), 0.75, 0.15) << form;
    EXPECT_LT(result.at(std::string("test_accuracy_") + form), 0) << "as ever, minus the mean squared error";
  }
  EXPECT_LT(result.at("val_score_float"), 0) << "epochs are chosen without anomalies";

  const json figures = json::parse(run_program(folder.path(), "eval run --data vectors.npz --json").out);
  EXPECT_EQ(figures.at("test_score_integer"), result.at("test_score_integer"));
  EXPECT_GT(figures.at("roc_auc of group 1"), 0.95);
  EXPECT_NEAR(figures.at("roc_auc of group 0").get<double>(), 0.5, 0.25);
  EXPECT_GT(figures.at("partial_roc_auc of group 1"), 0.9);
  EXPECT_NEAR(
      (figures.at("partial_roc_auc of group 0").get<double>() + figures.at("partial_roc_auc of group 1").get<double>()) / 2,
      figures.at("partial_roc_auc").get<double>(), 1e-12);
  EXPECT_EQ(figures.at("test_accuracy_integer"), result.at("test_accuracy_integer"));

  const Outcome wrong =
      run_program(folder.path(), "train --data vectors.npz --model autoencoder --metric accuracy --out other");
  EXPECT_EQ(wrong.code, 1);
  EXPECT_EQ(wrong.err, "error: metric accuracy does not suit task npz, which is a reconstruction\n");
  EXPECT_FALSE(file_exists(folder / "other"));
}

TEST(ProgramMetric, ChosenMetricIsTheOneReported) {
  const testing::TempFolder folder;
  write_npz(folder / "task.npz", testing::striped_task());
  const Outcome trained =
      run_program(folder.path(), "train --data task.npz --metric balanced_accuracy --epochs 2 --batch 32 --out run");
  ASSERT_EQ(trained.code, 0) << trained.err;
  const json result = json::parse(read_text(folder / "run/result.json"));
  EXPECT_EQ(result.at("metric"), "balanced_accuracy");
  EXPECT_NEAR(result.at("test_score_float").get<double>(), result.at("test_accuracy_float").get<double>(), 0.1);
  const Outcome unknown = run_program(folder.path(), "train --data task.npz --metric f1 --out other");
  EXPECT_EQ(unknown.code, 1);
  EXPECT_EQ(unknown.err, "error: unknown metric 'f1'; known: " + metric_names() + "\n");
}

}  // namespace
}  // namespace bitloom
