// Assignments: kinds of activations, channels removed together, and the file form.
#include "quant/assignment.h"

#include <gtest/gtest.h>

#include "nn/models/models.h"
#include "tests/support/files.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::tiny_spec;

// Layers of tiny_spec().
enum { kInput, kConv0, kConv1, kConv2, kAdd1, kPool, kDense0 };

TEST(AssignmentTest, ActivationsAreSignedOnlyWithoutARelu) {
  const ModelSpec spec = tiny_spec();
  std::vector<ActKind> kinds;
  for (int i = 0; i <= spec.output(); ++i) kinds.push_back(act_kind(spec, i));
  EXPECT_EQ(kinds, (std::vector<ActKind>{ActKind::kNone, ActKind::kUnsigned, ActKind::kUnsigned, ActKind::kSigned,
                                         ActKind::kUnsigned, ActKind::kUnsigned, ActKind::kNone}));
  ModelSpec reconstructs = spec;
  reconstructs.kind = TaskKind::kReconstruction;
  EXPECT_EQ(act_kind(reconstructs, spec.output()), ActKind::kSigned);
}

TEST(AssignmentTest, UniformCoversWeightsAndSearchedActivations) {
  const Assignment a = Assignment::uniform(tiny_spec(), 4, 2);
  EXPECT_EQ(a.act_bits, (std::vector<int>{0, 2, 2, 0, 2, 2, 0}));
  for (int i : {kConv0, kConv1, kConv2}) EXPECT_EQ(a.weight_bits[size_t(i)], std::vector<int>(8, 4));
  EXPECT_EQ(a.weight_bits[kDense0], std::vector<int>(9, 4));
  for (int i : {kInput, kAdd1, kPool}) EXPECT_TRUE(a.weight_bits[size_t(i)].empty());
}

TEST(AssignmentTest, SurvivesItsFile) {
  const ModelSpec spec = tiny_spec();
  Assignment a = Assignment::uniform(spec, 8, 4);
  a.weight_bits[kConv2] = {0, 2, 4, 8, 8, 4, 2, 0};
  const Assignment b = assignment_from_json(spec, to_json(spec, a), "file");
  EXPECT_EQ(a.weight_bits, b.weight_bits);
  EXPECT_EQ(a.act_bits, b.act_bits);
}

TEST(AssignmentTest, FilesThatDoNotFitAreRefused) {
  const ModelSpec spec = tiny_spec();
  const std::string good = to_json(spec, Assignment::uniform(spec, 8, 8));
  const auto message = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return error_of([&] { assignment_from_json(spec, text, "a.json"); });
  };
  EXPECT_EQ(message("\"tiny\"", "\"huge\""), "a.json: is for model 'huge', not tiny");
  EXPECT_EQ(message("conv1", "conv9"), "a.json: model tiny has no layer 'conv9'");
  const std::string not_one = "a.json: not an assignment: key ";
  EXPECT_EQ(message("[8,8,", "[8,"), not_one + "layers[0].weight_bits has 7 channels: layer 'conv0' has 8");
  EXPECT_EQ(message("[8,8,8,", "[8,8,3,"),
            not_one + "layers[0].weight_bits[2] is 3: layer 'conv0', channel 2 can have 0, 2, 4, 8");
  EXPECT_EQ(message("\"act_bits\":8", "\"act_bits\":5"), not_one + "layers[0].act_bits is 5: layer 'conv0' can have 2, 4, 8");
  EXPECT_EQ(message("\"act_bits\":8", "\"act_bits\":0"), not_one + "layers[0].act_bits is 0: layer 'conv0' can have 2, 4, 8");
  EXPECT_EQ(message("\"act_bits\":0", "\"act_bits\":8"),
            not_one + "layers[2].act_bits is 8: layer 'conv2' has no choice, which 0 says");
  EXPECT_EQ(message("\"dense0\",\"weight_bits\":[8", "\"dense0\",\"weight_bits\":[0"),
            not_one + "layers[5].weight_bits[0] is 0: layer 'dense0', channel 0 can have 2, 4, 8");
  EXPECT_EQ(message("\"conv1\"", "\"conv0\""), "a.json: layer 'conv0' is there twice");
  EXPECT_EQ(message("[8,8,8,", "[8,8,0,"),
            "a.json: layer 'conv1', channel 2: a depthwise channel and the one it reads are removed together, or neither");
  EXPECT_NE(message("[8,", "[\"8\","), "");
  EXPECT_NE(message("{", "").find("a.json: not an assignment: "), std::string::npos);
  EXPECT_EQ(message("weight_bits", "bits"), not_one + "layers[0].weight_bits is missing");
  Assignment none = Assignment::uniform(spec, 8, 8);
  for (int i : {kConv0, kConv1, kConv2}) none.weight_bits[size_t(i)].assign(8, 0);
  EXPECT_EQ(error_of([&] { assignment_from_json(spec, to_json(spec, none), "a.json"); }),
            "a.json: layer 'conv0', channel 0: one channel of those that are added or read together must stay");
}

TEST(AssignmentTest, DepthwiseChannelsGoWithTheirInput) {
  const ModelSpec spec = tiny_spec();
  Assignment a = Assignment::uniform(spec, 8, 8);
  a.weight_bits[kConv0][1] = 0;
  a.weight_bits[kConv1][4] = 0;
  honour_ties(spec, a, 2);
  for (int i : {kConv0, kConv1}) EXPECT_EQ(a.weight_bits[size_t(i)], (std::vector<int>{8, 0, 8, 8, 0, 8, 8, 8}));
  EXPECT_EQ(a.weight_bits[kConv2], std::vector<int>(8, 8));
  // conv2 still writes both channels of the sum, so the group keeps them.
  EXPECT_EQ(kept_channels(spec, a)[kAdd1], std::vector<bool>(8, true));
  a.weight_bits[kConv2][4] = 0;
  for (int i : {kConv0, kConv1, kConv2, kAdd1, kPool})
    EXPECT_EQ(kept_channels(spec, a)[size_t(i)], (std::vector<bool>{true, true, true, true, false, true, true, true}));
  EXPECT_EQ(kept_channels(spec, a)[kInput], std::vector<bool>(3, true));
}

TEST(AssignmentTest, EveryGroupKeepsAChannel) {
  const ModelSpec spec = tiny_spec();
  Assignment a = Assignment::uniform(spec, 8, 8);
  for (int i : {kConv0, kConv1, kConv2}) a.weight_bits[size_t(i)].assign(8, 0);
  honour_ties(spec, a, 4);
  for (int i : {kConv0, kConv1, kConv2}) EXPECT_EQ(a.weight_bits[size_t(i)], (std::vector<int>{4, 0, 0, 0, 0, 0, 0, 0}));
  const Assignment before = a;
  honour_ties(spec, a, 2);
  EXPECT_EQ(a.weight_bits, before.weight_bits) << "nothing was left to do";
}

}  // namespace
}  // namespace bitloom
