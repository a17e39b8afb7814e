// config.json and result.json: what is written is read back, committed files still read, and what is damaged says where.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>

#include "core/io.h"
#include "core/rng.h"
#include "nas/run/result.h"
#include "tests/support/files.h"

namespace bitloom {
namespace {

using testing::error_of;

template <class E>
E any_of(Rng& rng) {
  return NamesOf<E>::kAll[size_t(rng.below(int64_t(std::size(NamesOf<E>::kAll))))].value;
}

std::string any_text(Rng& rng) {
  std::string text;
  for (int64_t n = rng.below(12); n > 0; --n) text += std::string("aZ9 \"\\/{}\n\t\x01")[size_t(rng.below(12))];
  return text;
}

double any_number(Rng& rng) { return (rng.uniform() - 0.5) * std::pow(10.0, double(rng.below(40) - 20)); }

std::vector<int> any_bits(Rng& rng) {
  std::vector<int> bits;
  for (int b : {0, 2, 4, 8})
    if (rng.below(2)) bits.push_back(b);
  return bits;
}

RunConfig any_config(Rng rng) {
  RunConfig c;
  c.task = any_of<Source>(rng);
  c.metric = any_text(rng);
  c.model = any_text(rng);
  c.command = any_text(rng);
  c.seed = rng.next_u64();
  c.batch = rng.below(1000);
  c.patience = rng.below(1000);
  c.optimizer = any_of<OptimizerOptions::Kind>(rng);
  c.schedule = any_of<Schedule::Kind>(rng);
  c.augment = any_text(rng);
  c.weight_decay = any_number(rng);
  for (StageConfig* stage : {&c.warmup, &c.search, &c.finetune}) *stage = {rng.below(1000000), any_number(rng)};
  c.warmup_file = any_text(rng);
  c.assignment_file = any_text(rng);
  c.quantize = rng.below(2) == 1;
  c.granularity = any_of<Granularity>(rng);
  c.weight_bits = any_bits(rng);
  c.act_bits = any_bits(rng);
  c.recipe = any_of<Recipe>(rng);
  c.distill = any_number(rng);
  c.shrink = any_number(rng);
  c.sensitivity = any_of<SensitivityKind>(rng);
  c.refresh_scales = rng.below(2) == 1;
  c.width = any_number(rng);
  c.image_size = rng.below(1000);
  c.skip_bad = rng.below(2) == 1;
  c.fold = rng.below(2) == 1 ? "2/5" : "";
  c.estimate_norms = rng.below(2) == 1;
  c.keep_best = rng.below(2) == 1;
  c.cost = any_of<CostKind>(rng);
  c.cost_table = any_of<CostTableKind>(rng);
  c.lambda = any_number(rng);
  c.budget = any_text(rng);
  c.sampling = any_of<Sampler>(rng);
  c.arch_lr = any_number(rng);
  c.arch_every = rng.below(1000);
  c.arch_optimizer = any_of<OptimizerOptions::Kind>(rng);
  c.weight_scale = any_of<WeightScale>(rng);
  c.code_range = any_of<CodeRange>(rng);
  for (std::string* part : {&c.identity.program, &c.identity.arithmetic, &c.identity.data, &c.identity.start})
    *part = any_text(rng);
  return c;
}

RunResult any_result(Rng rng) {
  RunResult r;
  r.task = any_text(rng);
  r.data = any_text(rng);
  r.model = any_text(rng);
  r.metric = "roc_auc";
  if (rng.below(2)) r.classes = {any_text(rng), any_text(rng)};
  r.width = any_number(rng);
  r.test_score_float = any_number(rng);
  r.seed = rng.next_u64();
  r.command = any_text(rng);
  r.test_accuracy_float = any_number(rng);
  for (std::optional<double>* figure :
       {&r.val_score_float, &r.val_score_fake_quant, &r.test_accuracy_fake_quant, &r.test_accuracy_integer,
        &r.test_score_fake_quant, &r.test_score_integer, &r.agreement})
    if (rng.below(2)) *figure = any_number(rng);
  if (rng.below(2)) {
    const RunConfig c = any_config(rng.split("precisions"));
    r.precisions = {c.granularity, c.weight_bits, c.act_bits, c.cost, c.lambda, {}};
    if (rng.below(2)) r.precisions->budget = any_text(rng);
  }
  if (rng.below(2)) {
    NetworkFigures& n = r.network.emplace();
    n = {
        rng.below(1 << 20), rng.below(1 << 20), rng.below(1 << 20), rng.below(1 << 20), any_number(rng), {}, any_text(rng), {}};
    if (rng.below(2)) n.flash_bytes = rng.below(1 << 20);
    for (int64_t layers = rng.below(4); layers > 0; --layers) {
      LayerFigures layer{any_text(rng), {}, 8, rng.below(99), rng.below(99), rng.below(99), rng.below(99)};
      for (int bits : any_bits(rng)) layer.channels[bits] = rng.below(512);
      n.layers.push_back(layer);
    }
  }
  if (rng.below(2)) r.architecture_steps = rng.below(1000);
  for (const char* stage : {"warmup", "search"})
    if (rng.below(2)) r.seconds.emplace_back(stage, any_number(rng));
  if (rng.below(2)) r.profile = {{"conv0", 1.5}, {"other", any_number(rng)}};
  return r;
}

TEST(RunJson, WhatIsWrittenIsReadBack) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const std::string config = to_json(any_config(Rng(seed))), result = to_json(any_result(Rng(seed)));
    const RunConfig read = config_from_json(config, "config.json");
    EXPECT_EQ(to_json(read), config);
    EXPECT_EQ(difference(read, any_config(Rng(seed))), "");
    EXPECT_EQ(to_json(result_from_json(result, "result.json")), result);
  }
}

// Every key is there: leaving any of them out of the file, or out of what differs, shows.
TEST(RunJson, EveryKeyOfAConfigCounts) {
  const RunConfig a = any_config(Rng(1));
  const nlohmann::ordered_json whole = nlohmann::ordered_json::parse(to_json(a));
  EXPECT_GE(whole.size(), 37u);
  int found = 0;
  for (uint64_t seed = 2; seed < 40; ++seed) {
    const nlohmann::ordered_json other = nlohmann::ordered_json::parse(to_json(any_config(Rng(seed))));
    for (const auto& [key, value] : other.items()) {
      if (value == whole.at(key) || key == "command") continue;
      // The identity has the content of files, which may lie elsewhere.
      if ((key == "warmup_file" || key == "assignment_file") && value != "" && whole.at(key) != "") continue;
      nlohmann::ordered_json changed = whole;
      changed[key] = value;
      if (key == "strength" || key == "lambda") changed["strength"] = changed["lambda"] = value;
      const std::string text = difference(config_from_json(changed.dump(), "config.json"), a);
      EXPECT_NE(text, "") << key;
      found += text.rfind(key + (value.is_object() ? "." : " is "), 0) == 0 || key == "identity";
    }
  }
  EXPECT_GT(found, 300);
}

TEST(RunJson, CommittedRunsStillRead) {
  int configs = 0, results = 0;
  const auto images = [](const std::string& file) { return file.rfind("results/cifar10", 0) == 0; };
  for (const auto& entry : std::filesystem::recursive_directory_iterator("results")) {
    const std::string file = entry.path().string(), name = entry.path().filename().string();
    if (name == "config.json") {
      const RunConfig c = config_from_json(read_text(file), file);
      EXPECT_EQ(c.task, images(file) ? Source::kCifar10 : Source::kMachineSounds) << file;
      EXPECT_EQ(c.batch, 128) << file;
      ++configs;
    } else if (name == "result.json") {
      const RunResult r = result_from_json(read_text(file), file);
      if (images(file)) {
        EXPECT_GT(r.test_accuracy_float, r.width == 1 ? 0.85 : 0.8) << file;
      }
      EXPECT_EQ(r.network ? r.network->layers.size() : 10u, 10u) << file;
      EXPECT_EQ(r.network.has_value(), r.precisions.has_value()) << file;
      ++results;
    }
  }
  EXPECT_GE(configs, 12);
  EXPECT_GE(results, 12);
}

// No key was renamed or dropped: they are an interface.
TEST(RunJson, KeysOfCommittedResultsAreStillWritten) {
  const nlohmann::json old = nlohmann::json::parse(read_text("results/cifar10/energy-2/result.json"));
  const nlohmann::json now = nlohmann::json::parse(to_json(result_from_json(old.dump(), "result.json")));
  for (const auto& [key, value] : old.items()) EXPECT_EQ(now.value(key, nlohmann::json()), value) << key;
  EXPECT_EQ(now.at("lambda"), now.at("strength"));
}

TEST(RunJson, WhatIsWrongIsNamed) {
  const nlohmann::ordered_json good = nlohmann::ordered_json::parse(to_json(RunConfig()));
  const auto error_with = [&](const char* key, const nlohmann::ordered_json& value) {
    nlohmann::ordered_json bad = good;
    bad[key] = value;
    return error_of([&] { config_from_json(bad.dump(), "o/config.json"); });
  };
  const std::string prefix = "o/config.json: not a run's config.json: ", range = " from -2147483648 to 2147483647";
  EXPECT_EQ(error_with("seed", -1), prefix + "key seed is -1, expected an integer of 0 or more");
  EXPECT_EQ(error_with("seed", 1.5), prefix + "key seed is 1.5, expected an integer of 0 or more");
  EXPECT_EQ(error_with("weight_bits", {2, "4"}), prefix + "key weight_bits[1] is a string, expected an integer");
  EXPECT_EQ(error_with("weight_bits", {2, 1e30}), prefix + "key weight_bits[1] is 1e+30, expected an integer" + range);
  EXPECT_EQ(error_with("weight_bits", {2, 5000000000}),
            prefix + "key weight_bits[1] is 5000000000, expected an integer" + range);
  EXPECT_EQ(error_with("schedule", "warp"),
            prefix + "key schedule has an unknown schedule 'warp'; known: constant, step, exponential, cosine, one-cycle");
  EXPECT_EQ(error_with("search", {{"epochs", 3}}), prefix + "key search.lr is missing");
  const std::pair<const char*, const char*> no_objects[] = {
      {"[1,2,3]", "an array"}, {"null", "null"}, {"5", "a number"}, {"[]", "an array"}, {"\"a\"", "a string"}};
  for (const auto& [text, kind] : no_objects)
    EXPECT_EQ(error_of([&, json = text] { config_from_json(json, "o/config.json"); }),
              str(prefix, "is ", kind, ", expected an object"));
  EXPECT_EQ(error_of([&] { config_from_json("{}", "o/config.json"); }), prefix + "key command is missing");
  nlohmann::ordered_json result = nlohmann::ordered_json::parse(read_text("results/cifar10/channel-1/result.json"));
  result["layers"][0]["channels"] = {{"abc", 3}};
  EXPECT_EQ(error_of([&] { result_from_json(result.dump(), "r"); }),
            "r: not a run's result: key layers[0].channels has a key that is no bit-width");
}

TEST(EnumNames, EveryValueHasOneAndIsFoundByIt) {
  const auto check = [](auto sample) {
    using E = decltype(sample);
    for (const Named<E>& each : NamesOf<E>::kAll) {
      EXPECT_EQ(named<E>(each.name), each.value);
      EXPECT_EQ(name_of(each.value), std::string(each.name));
    }
    EXPECT_NE(error_of([] { named<E>("nonsense"); }).find(std::string("unknown ") + NamesOf<E>::kWhat + " 'nonsense'; known: "),
              std::string::npos);
    EXPECT_NE(error_of([] { name_of(E(99)); }), "");
  };
  check(Source::kNpz);
  check(CostKind::kSize);
  check(CostTableKind::kMeasured);
  check(Granularity::kLayer);
  check(Sampler::kSoftmax);
  check(WeightScale::kMse);
  check(SensitivityKind::kStart);
  check(CodeRange::kFull);
  check(Schedule::kStep);
  check(OptimizerOptions::kAdam);
}

}  // namespace
}  // namespace bitloom
