// Tests of datasets/task: what splits must have in common, the digest, and what a network found.
#include "datasets/task.h"

#include <gtest/gtest.h>

#include "tests/support/files.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::tiny_split;

Task nine_classes() {
  Task task;
  task.classes = 9;
  return task;
}

TEST(Task, SplitsMustFitTogether) {
  const std::pair<const char*, void (*)(Task&, Samples&)> damages[] = {
      {"test: samples differ from those of train in shape or scale", [](Task&, Samples& d) { std::swap(d.h, d.c); }},
      {"test: samples differ from those of train in shape or scale", [](Task&, Samples& d) { d.scale = 1; }},
      {"test: samples differ from those of train in shape or scale",
       [](Task&, Samples& d) { d.values.assign(d.codes.begin(), d.codes.end()), d.codes.clear(); }},
      {"test: 0 labels for 45 samples of 9 classes", [](Task&, Samples& d) { d.labels.clear(); }},
      {"test: label 9 of sample 2 is outside 0 .. 8", [](Task&, Samples& d) { d.labels[2] = 9; }},
      {"test: label -1 of sample 44 is outside 0 .. 8", [](Task&, Samples& d) { d.labels[44] = -1; }},
      {"train: a classification needs two classes at least, not 1", [](Task& t, Samples&) { t.classes = 1; }},
      {"metric roc_auc does not suit task , which is a classification", [](Task& t, Samples&) { t.metric = &roc_auc(); }},
      {"test: roc_auc needs normal (0) and anomalous (1) samples", [](Task& t, Samples& d) {
         t.kind = TaskKind::kReconstruction, t.metric = &roc_auc();
         d.labels.assign(45, 0);
       }}};
  for (const auto& [reason, damage] : damages) {
    Task task = nine_classes();
    Samples test = tiny_split("test", 45);
    damage(task, test);
    EXPECT_EQ(error_of([&] { make_task(task, tiny_split("train", 90), tiny_split("val", 45), test); }), reason);
  }
}

TEST(Task, DigestChangesWithTheDataAndNothingElse) {
  const auto of = [](void (*change)(Task&, Samples&, Samples&, Samples&)) {
    Task task = nine_classes();
    Samples train = tiny_split("train", 90), val = tiny_split("val", 45), test = tiny_split("test", 36);
    change(task, train, val, test);
    return digest(make_task(task, train, val, test));
  };
  const std::string stored = of([](Task&, Samples&, Samples&, Samples&) {});
  EXPECT_EQ(stored.size(), 16u);
  EXPECT_EQ(stored, of([](Task& t, Samples& a, Samples&, Samples&) {
              t.name = a.name = "elsewhere";
              t.augment.flip = true;
            }));
  const std::pair<const char*, void (*)(Task&, Samples&, Samples&, Samples&)> changes[] = {
      {"a pixel", [](Task&, Samples& a, Samples&, Samples&) { a.codes[50] ^= 1; }},
      {"the last pixel", [](Task&, Samples&, Samples&, Samples& c) { c.codes.back() ^= 128; }},
      {"a label of the test set", [](Task&, Samples&, Samples&, Samples& c) { c.labels[6] ^= 1; }},
      {"another shape",
       [](Task&, Samples& a, Samples& b, Samples& c) {
         for (Samples* s : {&a, &b, &c}) s->h = 8, s->w = 32;
       }},
      {"another scale",
       [](Task&, Samples& a, Samples& b, Samples& c) {
         for (Samples* s : {&a, &b, &c}) s->scale = 1;
       }},
      {"swapped splits", [](Task&, Samples&, Samples& b, Samples& c) { std::swap(b, c); }},
      {"groups", [](Task&, Samples&, Samples&, Samples& c) { c.groups.assign(36, 0); }},
      {"a class more", [](Task& t, Samples&, Samples&, Samples&) { t.classes = 10; }}};
  for (const auto& [what, change] : changes) EXPECT_NE(of(change), stored) << what;
}

TEST(Task, FoundIsTheFirstOfTheLargestOrTheSquaredError) {
  const float scores[] = {0, 3, 3, -1}, sample[] = {0, 1, 2, 3};
  EXPECT_EQ(found_in(TaskKind::kClassification, scores, 4, 1, nullptr), 1);
  EXPECT_DOUBLE_EQ(found_in(TaskKind::kReconstruction, scores, 4, 1, sample), (0 + 4 + 1 + 16) / 4.0);
  const int32_t codes[] = {0, 6, 6, -2};
  EXPECT_DOUBLE_EQ(found_in(TaskKind::kReconstruction, codes, 4, 0.5, sample), (0 + 4 + 1 + 16) / 4.0);
}

TEST(Task, LabelsHaveNamesOrNumbers) {
  Task task;
  task.label_names = {"cat", "dog"};
  EXPECT_EQ(task.label_name(1), "dog");
  EXPECT_EQ(task.label_name(2), "2");
  EXPECT_EQ(&task.validation_metric(), &accuracy());
  task.kind = TaskKind::kReconstruction;
  task.metric = &roc_auc();
  EXPECT_EQ(&task.validation_metric(), &mean_squared_error()) << "training has no anomalies to choose by";
}

}  // namespace
}  // namespace bitloom
