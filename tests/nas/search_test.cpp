// The search: what its two kinds of step may touch, that it prices what it runs, and where it ends up.
#include "nas/search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "nn/trainer.h"
#include "tests/support/files.h"
#include "tests/support/gradcheck.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::quant_options;
using testing::same_bits;
using testing::tiny_spec;

// The shares that the forward pass uses, made visible.
class OpenNetwork : public SearchNetwork {
 public:
  using SearchNetwork::act_theta;
  using SearchNetwork::SearchNetwork;
  using SearchNetwork::weight_theta;
};

struct Tiny : testing::TinySearch<OpenNetwork> {
  using TinySearch::TinySearch;
  void randomize_architecture(uint64_t seed) {
    for (Parameter& p : search.architecture()) {
      Tensor t = p.value.value();
      const Tensor values = random_tensor(t.shape(), seed++, -2, 2);
      for (int64_t k = 0; k < t.size(); ++k) t[k] = values[k];
    }
  }
  Batch batch(int64_t n) const {
    std::vector<int64_t> indices;
    for (int64_t i = 0; i < n; ++i) indices.push_back(i);
    return gather(*data.train, indices.data(), n, nullptr);
  }
};

// Keys whose arrays differ.
std::set<std::string> changes(const StateDict& before, const StateDict& after) {
  std::set<std::string> keys;
  for (const auto& [key, array] : after.arrays())
    if (before.arrays().at(key).bytes != array.bytes) keys.insert(key);
  return keys;
}

TEST(SearchTest, ArchitectureParametersAreNotAmongTheWeights) {
  Tiny t;
  EXPECT_EQ(t.search.architecture().size(), 4u + 4u);  // conv0, conv1, conv2, dense0; conv0, conv1, add1, pool
  for (const Parameter& p : t.search.architecture()) EXPECT_EQ(p.role, ParamRole::kArch) << p.name;
  for (const Parameter& p : t.search.parameters()) EXPECT_NE(p.role, ParamRole::kArch) << p.name;
  for (const Parameter& p : t.network.parameters()) EXPECT_NE(p.role, ParamRole::kArch) << p.name;
  EXPECT_EQ(t.search.gamma(1).shape(), (Shape{8, 4}));
  EXPECT_EQ(t.search.gamma(6).shape(), (Shape{9, 3})) << "no class can be removed";
  EXPECT_FALSE(t.search.gamma(4).defined());
}

// Every fifth step updates gamma and delta and nothing else, not even the running statistics; the others leave them alone.
TEST(SearchTest, StepsTouchOnlyWhatTheyAreFor) {
  for (Sampler sampler : {Sampler::kSoftmax, Sampler::kGumbel, Sampler::kGumbelHard, Sampler::kArgmax}) {
    Tiny t;
    SearchOptions options;
    options.sampler = sampler;
    options.weights.weight_decay = 0.1;
    options.architecture.weight_decay = 0.1;
    SearchLearner learner(t.search, options);
    const Batch batch = t.batch(16);
    const auto state = [&] {
      StateDict all = learner.model();
      all.put("progress.", learner.progress());
      return all;
    };
    for (int64_t step = 0; step < 10; ++step) {
      const StateDict before = state();
      const StepResult result = learner.step(batch, 0, step, 0.3);
      EXPECT_GT(result.loss, 0);
      const std::set<std::string> changed = changes(before, state());
      const bool architecture_step = step % 5 == 4;
      for (const std::string& key : changed) {
        const bool arch = key.rfind("arch.", 0) == 0 || key.rfind("progress.architecture.", 0) == 0;
        EXPECT_TRUE(arch == architecture_step || key == "progress.search" || key == "progress.steps")
            << key << " changed in step " << step;
      }
      EXPECT_EQ(changed.count("arch.conv0.gamma"), architecture_step ? 1u : 0u) << "step " << step;
      EXPECT_EQ(changed.count("conv0.weight"), architecture_step ? 0u : 1u) << "step " << step;
      EXPECT_EQ(changed.count("bn0.mean"), architecture_step ? 0u : 1u) << "step " << step;
    }
  }
}

// One draw a step: the convolution and the cost see the same shares, at the same temperature, with the same noise.
TEST(SearchTest, LossAndCostSeeTheSameShares) {
  for (Sampler sampler : {Sampler::kSoftmax, Sampler::kGumbel, Sampler::kGumbelHard, Sampler::kArgmax})
    for (double temperature : {5.0, 0.2}) {
      Tiny t;
      t.randomize_architecture(1);
      const ModelSpec& spec = t.network.spec();
      const CostModel model(spec, CostKind::kCycles);
      Tape tape;
      t.search.sample(tape, {sampler, temperature}, Rng(5));
      Shares shares;
      for (int i = 0; i <= spec.output(); ++i) {
        const bool weighted = !t.search.weight_bits(i).empty(), quantized = !t.search.act_bits(i).empty();
        shares.weight_bits.push_back(t.search.weight_bits(i));
        shares.act_bits.push_back(quantized ? t.search.act_bits(i) : std::vector<int>{8});
        shares.weight.push_back(weighted ? testing::to_double(t.search.weight_theta(i).value()) : TensorD());
        shares.act.push_back(quantized ? testing::to_double(t.search.act_theta(i).value()) : TensorD(Shape{1}, 1.0));
      }
      const Variable cost = t.search.cost(tape, model, 1000);
      EXPECT_FLOAT_EQ(cost.value()[0], float(model.cost(shares, nullptr) / 1000));
      const Tensor theta = t.search.weight_theta(1).value();
      MixWeights direct(t.search.weight_bits(1));
      EXPECT_TRUE(same_bits(t.search.weight(tape, 1, t.network.weight(1)).value(),
                            direct.forward({t.network.weight(1).value(), theta, t.search.log_scales(1)})));
      t.search.forget();
      EXPECT_FALSE(same_bits(t.search.weight_theta(1).value(), theta)) << "back to the assigned precisions";
    }
}

TEST(SearchTest, CostFollowsTheTemperature) {
  Tiny t;
  t.randomize_architecture(2);
  const CostModel model(t.network.spec(), CostKind::kSize);
  const auto cost_at = [&](double temperature) {
    Tape tape;
    t.search.sample(tape, {Sampler::kSoftmax, temperature}, Rng(1));
    const double cost = double(t.search.cost(tape, model, 1).value()[0]);
    t.search.forget();
    return cost;
  };
  Assignment likeliest = t.search.assignment();  // before the ties are honoured
  for (size_t i = 1; i < likeliest.weight_bits.size(); ++i)
    for (size_t c = 0; c < likeliest.weight_bits[i].size(); ++c) {
      const float* row = t.search.gamma(int(i)).data() + c * t.search.weight_bits(int(i)).size();
      likeliest.weight_bits[i][c] =
          t.search.weight_bits(int(i))[size_t(std::max_element(row, row + t.search.weight_bits(int(i)).size()) - row)];
    }
  EXPECT_NEAR(cost_at(0.001), model.cost(likeliest), 0.02 * model.cost(likeliest));
  EXPECT_GT(std::fabs(cost_at(5) / cost_at(0.001) - 1), 0.05) << "the mixture is another network than its argmax";
  EXPECT_EQ(error_of([&] {
              Tape tape;
              t.search.cost(tape, model, 1);
            }),
            "search: the cost is of drawn shares; call sample() first");
}

TEST(SearchTest, DiscretizationHonoursTies) {
  Tiny t;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    t.randomize_architecture(10 * seed);
    const Assignment a = t.search.discretize();
    for (size_t c = 0; c < 8; ++c) EXPECT_EQ(a.weight_bits[1][c] == 0, a.weight_bits[2][c] == 0) << "channel " << c;
    for (int bits : a.weight_bits[6]) EXPECT_GT(bits, 0);
    t.search.assign(a);
  }
  for (Parameter& p : t.search.architecture())  // everything wants to be removed
    for (int64_t k = 0; k < p.value.value().size(); ++k)
      if (p.name == "conv0.gamma" || p.name == "conv1.gamma" || p.name == "conv2.gamma") p.value.value()[k] = k % 4 ? 0 : 1;
  const Assignment a = t.search.discretize();
  EXPECT_EQ(a.weight_bits[1], (std::vector<int>{2, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(SearchTest, LayerGranularityGivesAllChannelsOnePrecision) {
  Tiny t(quant_options({2, 4, 8}, {8}), Granularity::kLayer);
  t.randomize_architecture(3);
  EXPECT_EQ(t.search.gamma(1).shape(), (Shape{1, 3}));
  const Assignment a = t.search.discretize();
  for (const std::vector<int>& bits : a.weight_bits)
    EXPECT_TRUE(std::all_of(bits.begin(), bits.end(), [&](int b) { return b == bits[0]; }));
}

TEST(SearchTest, ValidationIsOfTheDiscretizedNetworkAndLeavesTheMixtureAlone) {
  Tiny t;
  t.randomize_architecture(4);
  SearchLearner learner(t.search, {});
  const StateDict before = t.network.state();
  const EvalResult result = learner.validate(t.data);
  EXPECT_TRUE(changes(before, t.network.state()).empty());
  t.search.assign(t.search.discretize());
  NetworkLearner direct(t.network, &t.search, {}, {});
  EXPECT_EQ(direct.validate(t.data).loss, result.loss);
}

struct Found {
  Assignment assignment;
  double cost = 0, score = 0;
};

Found run_search(const SearchOptions& options, QuantOptions quant, Granularity granularity = Granularity::kChannel) {
  Tiny t(std::move(quant), granularity);
  SearchLearner learner(t.search, options);
  TrainerOptions training;
  training.stage = "search";
  training.epochs = 4;
  training.batch_size = 16;
  training.seed = options.seed;
  training.keep_best = false;
  train(learner, t.data, training, {});
  const Assignment a = learner.result();
  return {a, CostModel(t.network.spec(), options.cost).cost(a), learner.validate(t.data).score};
}

SearchOptions quick(CostKind cost) {
  SearchOptions options;
  options.cost = cost;
  options.architecture.lr = 0.2;
  options.weights.lr = 0.02;
  return options;
}

TEST(SearchTest, PressureDrivesTheCostDown) {
  for (Sampler sampler : {Sampler::kSoftmax, Sampler::kGumbel, Sampler::kArgmax}) {
    SearchOptions options = quick(CostKind::kSize);
    options.sampler = sampler;
    std::vector<Found> found;
    for (double lambda : {0.0, 0.5, 50.0}) {
      options.lambda = lambda;
      found.push_back(run_search(options, quant_options({2, 4, 8}, {8})));
      EXPECT_GT(found.back().score, 0.3) << "the weights learn meanwhile; a guess has 1 / 9";
    }
    EXPECT_GT(found[0].cost, found[2].cost) << int(sampler);
    EXPECT_GE(found[1].cost, found[2].cost) << int(sampler);
    EXPECT_EQ(found[2].cost, CostModel(tiny_spec(), CostKind::kSize).cost(Assignment::uniform(tiny_spec(), 2, 8)))
        << "under any pressure only the smallest weights are left";
  }
}

// Nothing is decided at the start: a hard choice among equals must not remove channels, whose gradient would be lost for good.
TEST(SearchTest, UndecidedChannelsKeepTheirBits) {
  Tiny t;
  EXPECT_EQ(t.search.discretize().weight_bits, Assignment::uniform(tiny_spec(), 8, 8).weight_bits);
  EXPECT_EQ(t.search.discretize().act_bits, Assignment::uniform(tiny_spec(), 8, 8).act_bits);
  SearchOptions options = quick(CostKind::kSize);
  options.sampler = Sampler::kArgmax;
  options.lambda = 0;
  // One run on 45 validation samples scores 0.2 to 0.8 depending on how a build rounds, so learning is judged by the median of five.
  std::vector<double> scores;
  for (options.seed = 0; options.seed < 5; ++options.seed) {
    const Found found = run_search(options, quant_options({0, 2, 4, 8}, {8}));
    for (int i : {1, 2, 3}) {
      const std::vector<int>& bits = found.assignment.weight_bits[size_t(i)];
      EXPECT_LT(std::count(bits.begin(), bits.end(), 0), 8) << "layer " << i << ", seed " << options.seed;
    }
    scores.push_back(found.score);
  }
  std::sort(scores.begin(), scores.end());
  EXPECT_GT(scores[2], 0.3) << "a guess has 1 / 9";
}

TEST(SearchTest, BudgetsAreMet) {
  struct Case {
    CostKind kind;
    double share;  // of w8a8
    Granularity granularity;
  };
  const ModelSpec spec = tiny_spec();
  for (const Case& c :
       {Case{CostKind::kSize, 0.5, Granularity::kChannel}, Case{CostKind::kSize, 0.4, Granularity::kLayer},
        Case{CostKind::kCycles, 0.9, Granularity::kChannel}, Case{CostKind::kEnergy, 0.9, Granularity::kChannel},
        Case{CostKind::kFlash, 0.99, Granularity::kChannel}}) {
    const double reference = CostModel(spec, c.kind).cost(Assignment::uniform(spec, 8, 8));
    SearchOptions options = quick(c.kind);
    options.budget = c.share * reference;
    const Found found = run_search(options, quant_options({2, 4, 8}, {8}), c.granularity);
    EXPECT_LE(found.cost, options.budget);
    EXPECT_GE(found.cost, 0.4 * options.budget) << "the budget is there to be used";
  }
}

// Steps are counted over the run: epochs of one batch move the precisions all the same, also across a checkpoint.
TEST(SearchTest, ShortEpochsStillSearch) {
  const auto gamma_after = [](int64_t epochs, int64_t stop_at, int64_t arch_every) {
    Tiny t;
    SearchOptions options = quick(CostKind::kSize);
    options.arch_every = arch_every;
    auto learner = std::make_unique<SearchLearner>(t.search, options);
    for (int64_t epoch = 0; epoch < epochs; ++epoch) {
      if (epoch == stop_at) {
        const StateDict progress = learner->progress();
        learner = std::make_unique<SearchLearner>(t.search, options);
        learner->load_progress(progress);
      }
      learner->step(t.batch(16), epoch, 0, double(epoch) / double(epochs));
    }
    EXPECT_EQ(learner->architecture_steps(), epochs / arch_every);
    return t.search.gamma(1);
  };
  const Tensor still = gamma_after(4, -1, 5), moved = gamma_after(12, -1, 5);
  EXPECT_EQ(*std::max_element(still.data(), still.data() + still.size()), 0);
  EXPECT_GT(*std::max_element(moved.data(), moved.data() + moved.size()), 0);
  EXPECT_TRUE(same_bits(moved, gamma_after(12, 7, 5)));
  EXPECT_FALSE(same_bits(moved, gamma_after(12, -1, 2)));
}

TEST(SearchTest, ReportTellsTemperatureAndPressure) {
  Tiny t;
  SearchOptions options;
  options.budget = 10;  // far below: the pressure must rise
  options.arch_every = 1;
  SearchLearner learner(t.search, options);
  const Batch batch = t.batch(16);
  std::map<std::string, double> report;
  learner.step(batch, 0, 4, 0);
  for (const auto& [name, value] : learner.report()) report[name] = value;
  EXPECT_NEAR(report["temperature"], 5, 1e-6);
  EXPECT_GT(report["lambda"], 0.5);
  EXPECT_GT(report["relative_cost"], 0);
  EXPECT_LT(report["relative_cost"], 1);
  EXPECT_GT(report["discrete_relative_cost"], 0);
  learner.step(batch, 0, 4, 1);
  EXPECT_NEAR(learner.report()[0].second, 0.05, 1e-6);
}

TEST(SearchTest, StoredArchitectureIsLoadedAndOthersRefused) {
  Tiny a, b, narrow(quant_options({8}, {8}));
  a.randomize_architecture(5);
  b.search.load(a.search.state());
  for (int i = 1; i <= 6; ++i) EXPECT_TRUE(same_bits(a.search.gamma(i), b.search.gamma(i)));
  EXPECT_EQ(error_of([&] { b.search.load(a.search.QatNetwork::state()); }),
            "not a checkpoint of this search: array 'arch.conv0.gamma' is missing");
  Npz broken = a.search.state().arrays();
  broken["arch.conv0.gamma"] = NpyArray::from(Tensor(Shape{8, 3}, 0.0f));
  EXPECT_EQ(error_of([&] { b.search.load(StateDict(broken)); }),
            "not a checkpoint of this search: array 'arch.conv0.gamma' has shape (8,3), expected (8,4)");
  EXPECT_TRUE(narrow.search.architecture().empty());
}

}  // namespace
}  // namespace bitloom
