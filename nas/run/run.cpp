// A run.
#include "nas/run/run.h"

#include <set>

#include "core/hash.h"
#include "core/io.h"
#include "core/json.h"
#include "core/profile.h"
#include "core/version.h"
#include "mpic/compile/flash.h"
#include "nas/budget.h"
#include "nas/progressive.h"
#include "nas/run/deployed.h"
#include "nas/run/predictions.h"
#include "nas/run/task.h"
#include "nas/search.h"
#include "nn/model_file.h"
#include "nn/model_spec_json.h"
#include "quant/lower.h"

namespace bitloom {
namespace {

QuantOptions quant_options(const RunConfig& config) {
  QuantOptions options;
  options.weight_bits = config.weight_bits;
  options.act_bits = config.act_bits;
  options.weight_scale = config.weight_scale;
  options.code_range = config.code_range;
  return options;
}

CostModel cost_model(const RunConfig& config, const TaskData& data, const ModelSpec& spec) {
  return CostModel(spec, config.cost, cost_table(config.cost_table), input_scheme(*data.train).is_signed);
}

// In the units of the cost.
double budget(const RunConfig& config, const TaskData& data, const ModelSpec& spec) {
  return parse_budget(config.budget, config.cost, cost_model(config, data, spec).cost(Assignment::uniform(spec, 8, 8)));
}

// `spec`: the config's model.
void check_budget(const RunConfig& config, const TaskData& data, const ModelSpec& spec) {
  if (config.budget.empty() || !config.quantize) return;
  Network network(spec, Rng(0));
  const SearchNetwork offered(network, quant_options(config), input_scheme(*data.train), config.granularity);
  const CostModel model = cost_model(config, data, spec);
  const double least = model.cost(cheapest_assignment(offered, model));
  BITLOOM_CHECK(least <= budget(config, data, spec), "--budget ", config.budget,
                ": no assignment of the precisions offered costs less than ", budget_text(least, config.cost));
}

class Run {
 public:
  Run(const RunConfig& config, const TaskData& data, const TrainObserver& observer)
      : config_(config),
        data_(data),
        observer_(observer),
        network_(make_model(config, data), Rng(config.seed).split("init")),
        teacher_(network_.spec(), Rng(0)) {
    // What is wrong with a run shows here, before it changes a file.
    BITLOOM_CHECK(!data.task.test_only, data.test->name(),
                  ": is a test set; it is for bitloom eval, and nothing is trained on it");
    BITLOOM_CHECK(config.regularization.label_smoothing == 0 || data.task.kind == TaskKind::kClassification,
                  "--label-smoothing softens targets that are classes, but dataset '", data.task.name,
                  "' has none; leave it out");
    BITLOOM_CHECK(
        !config.quantize || config.granularity != Granularity::kLayer || config.weight_bits.front() > 0,
        "--granularity layer: 0 bits would remove whole layers, and with them the network; offer --weight-bits 2,4,8");
    settle_warmup(config_);
    if (!config_.warmup_file.empty())
      load_start(network_, config_.warmup_file);
    else if (has_own_weights(config_.model))
      load_start(network_, config_.model);
    if (config_.granularity == Granularity::kGiven) read_assignment();
    check_budget(config_, data_, network_.spec());
    config_.identity = {kVersion, arithmetic(), digest(data_), digest_of_start()};
    make_output_folder(config_.out);
    lock_.emplace(config_.out);
    check_same_run();
  }

  RunResult run() {
    std::optional<Profile> profile;
    if (config_.profile) profile.emplace();
    write_text_atomic(path("config.json"), to_json(config_));
    if (is_model_file(config_.model)) write_text_atomic(path("model.json"), to_json(network_.spec()));
    result_.task = name_of(config_.task);
    result_.data = data_.task.name;
    result_.metric = data_.task.metric->name();
    if (!data_.task.label_names.empty()) result_.classes = data_.task.label_names;
    result_.model = model_name(config_);
    result_.width = config_.width;
    result_.seed = config_.seed;
    result_.command = config_.command;
    if (config_.quantize) {
      PrecisionChoice& choice = result_.precisions.emplace();
      choice.granularity = config_.granularity;
      choice.weight_bits = config_.weight_bits;
      choice.act_bits = config_.act_bits;
      choice.cost = config_.cost;
      choice.lambda = config_.lambda;
      if (!config_.budget.empty()) choice.budget = config_.budget;
    }
    warm_up();
    if (config_.quantize) quantize();
    write_text_atomic(path("log.csv"), log_);
    if (profile) result_.profile = profile->seconds();
    write_text_atomic(path("result.json"), to_json(result_));
    return result_;
  }

 private:
  std::string path(const char* name) const { return config_.out + "/" + name; }

  bool searches() const {
    return config_.quantize && (config_.granularity == Granularity::kChannel || config_.granularity == Granularity::kLayer);
  }

  void read_assignment() {
    given_ = assignment_from_json(network_.spec(), read_text(config_.assignment_file, JsonValue::kMaxBytes),
                                  config_.assignment_file);
    std::set<int> weight_bits, act_bits;
    for (const std::vector<int>& bits : given_->weight_bits) weight_bits.insert(bits.begin(), bits.end());
    for (const int bits : given_->act_bits)
      if (bits) act_bits.insert(bits);
    config_.weight_bits.assign(weight_bits.begin(), weight_bits.end());
    config_.act_bits.assign(act_bits.begin(), act_bits.end());
  }

  // Of the weights before anything is trained, with names and shapes, of a model from a file and of a given assignment.
  std::string digest_of_start() const {
    uint64_t hash = 0;
    const StateDict weights = network_.state();
    for (const auto& [name, array] : weights.arrays()) {
      hash = hash64(name.data(), int64_t(name.size()), hash);
      hash = hash64(array.shape.data(), int64_t(array.shape.size() * sizeof(int64_t)), hash);
      hash = hash64(array.bytes.data(), int64_t(array.bytes.size()), hash);
    }
    const auto add = [&](const std::string& text) { hash = hash64(text.data(), int64_t(text.size()), hash); };
    if (is_model_file(config_.model)) add(to_json(network_.spec()));
    if (given_) add(to_json(network_.spec(), *given_));
    return hex64(hash);
  }

  // Stages that a folder holds are not repeated, so they must be those of this run.
  void check_same_run() {
    const std::string file = path("config.json");
    bool begun = false;
    for (const char* stage : {"warmup", "search", "finetune"})
      begun = begun || file_exists(stage_options(stage, {}).checkpoint);
    if (!begun) return;
    if (file_exists(file)) {
      const RunConfig stored = config_from_json(read_text(file, JsonValue::kMaxBytes), file);
      const std::string other = difference(stored, config_);
      BITLOOM_CHECK(other.empty(), config_.out, " holds another run: its ", other,
                    "; choose another --out or remove the folder");
      // The same files under other names: the checkpoints know them by those that the run began with.
      config_.warmup_file = stored.warmup_file, config_.assignment_file = stored.assignment_file, config_.model = stored.model;
    }
    check_checkpoint(data_, stage_options("warmup", config_.warmup));
    check_checkpoint(data_, stage_options("search", config_.search));
    check_checkpoint(data_, stage_options("finetune", config_.finetune));
  }

  // Optimizer and schedule of the weights.
  OptimizerOptions weight_optimizer(const StageConfig& stage) const {
    OptimizerOptions o;
    o.kind = config_.optimizer;
    o.lr = stage.lr;
    o.weight_decay = config_.weight_decay;
    return o;
  }
  Schedule weight_schedule() const {
    Schedule s;
    s.kind = config_.schedule;
    s.final_factor = s.kind == Schedule::kExponential ? 0.01 : 0;
    return s;
  }

  TrainerOptions stage_options(const std::string& name, const StageConfig& stage) const {
    TrainerOptions options;
    options.stage = name;
    options.epochs = stage.epochs;
    options.batch_size = config_.batch;
    options.seed = config_.seed;
    options.checkpoint_seconds = config_.checkpoint_seconds;
    options.checkpoint = config_.out + "/" + name + ".ckpt.npz";
    const RunIdentity& identity = config_.identity;
    RunConfig same = config_;
    same.command.clear();
    const std::string text = to_json(same);
    options.identity = {{"program", identity.program},
                        {"arithmetic", identity.arithmetic},
                        {"data", identity.data},
                        {"start", identity.start},
                        {"configuration", hex64(hash64(text.data(), int64_t(text.size())))}};
    return options;
  }

  TrainResult stage(NetworkLearner& learner, const char* name, const StageConfig& stage, bool keep_best) {
    learner.estimate_norms(config_.estimate_norms);
    TrainerOptions options = stage_options(name, stage);
    options.keep_best = keep_best && config_.keep_best;
    options.patience = keep_best ? config_.patience : 0;
    TrainResult trained = train(learner, data_, options, observer_);
    log_ += trained.log;
    result_.seconds.emplace_back(name, trained.seconds);
    return trained;
  }

  // The float network, unless it came from a file: trained here and kept in warmup.npz.
  void warm_up() {
    if (config_.warmup_file.empty()) {
      NetworkLearner learner(network_, nullptr, weight_optimizer(config_.warmup), weight_schedule());
      learner.regularize(config_.regularization, config_.seed);
      const TrainResult trained = stage(learner, "warmup", config_.warmup, true);
      result_.val_score_float = trained.best_score;
      write_npz(path("warmup.npz"), network_.state().arrays());
    }
    if (config_.quantize && config_.distill > 0) teacher_.load(network_.state());
    continuable("the evaluation", [&] {
      const std::vector<double> found = evaluate_network(network_, nullptr, *data_.test).found;
      result_.test_score_float = data_.task.metric->score(found, *data_.test);
      result_.test_accuracy_float = legacy_accuracy(data_.task, found, *data_.test);
    });
  }

  Distillation distillation() { return {&teacher_, config_.distill}; }

  void quantize() {
    if (searches()) {
      SearchNetwork network(network_, quant_options(config_), input_scheme(*data_.train), config_.granularity);
      calibrate(network);
      search(network);
      fine_tune(network);
    } else {
      QatNetwork network(network_, quant_options(config_), input_scheme(*data_.train));
      calibrate(network);
      if (given_) network.assign(*given_);
      fine_tune(network);
    }
  }

  void calibrate(QatNetwork& network) {
    continuable("the calibration", [&] { network.calibrate(*data_.train); });
  }

  void fine_tune(QatNetwork& network) {
    NetworkLearner learner(network_, &network, weight_optimizer(config_.finetune), weight_schedule(), distillation());
    const TrainResult tuned = stage(learner, "finetune", config_.finetune, true);
    result_.val_score_fake_quant = tuned.best_score;
    continuable("the lowering", [&] { deploy(network); });
  }

  // What Ctrl-C ends between the stages is done again by the next call.
  template <class F>
  static void continuable(const char* what, F work) {
    try {
      work();
    } catch (const Interrupted&) {
      throw Interrupted(str(what, " was interrupted; run the same command again to continue"));
    }
  }

  void search(SearchNetwork& network) {
    config_.recipe == Recipe::kPaper ? search_mixture(network) : search_progressively(network);
  }

  void search_progressively(SearchNetwork& network) {
    ProgressiveOptions options;
    options.cost = config_.cost;
    options.table = &cost_table(config_.cost_table);
    options.budget = budget(config_, data_, network_.spec());
    options.weights = weight_optimizer(config_.search);
    options.distillation = distillation();
    options.shrink = config_.shrink;
    options.sensitivity = config_.sensitivity;
    options.refresh_scales = config_.refresh_scales;
    std::optional<ProgressiveLearner> learner;
    continuable("the measurement of sensitivities", [&] { learner.emplace(network, data_, options); });
    stage(*learner, "search", config_.search, false);
    result_.architecture_steps = learner->decisions();
    continuable("the search", [&] { network.assign(learner->result()); });
  }

  void search_mixture(SearchNetwork& network) {
    SearchOptions options;
    options.cost = config_.cost;
    options.table = &cost_table(config_.cost_table);
    options.lambda = config_.lambda;
    if (!config_.budget.empty()) options.budget = budget(config_, data_, network_.spec());
    options.sampler = config_.sampling;
    options.weights = weight_optimizer(config_.search);
    options.architecture.kind = config_.arch_optimizer;
    options.architecture.lr = config_.arch_lr;
    options.arch_every = config_.arch_every;
    options.seed = config_.seed;
    SearchLearner learner(network, options);
    stage(learner, "search", config_.search, false);
    result_.architecture_steps = learner.architecture_steps();
    continuable("the search", [&] { network.assign(learner.result()); });
  }

  void deploy(QatNetwork& network) {
    const IntegerGraph graph = lower(network, name_of(config_.task));
    save_graph(graph, path("network.blig"));
    write_text_atomic(path("assignment.json"), to_json(network_.spec(), network.assignment()));
    StateDict settled = network_.state();
    settled.put("", network.QatNetwork::state());
    write_npz(path("network.npz"), settled.arrays());

    const Dataset& test = *data_.test;
    const std::vector<double> integer = found_by_integers(graph, data_.task.kind, test),
                              fake = evaluate_network(network_, &network, test).found;
    result_.test_score_fake_quant = data_.task.metric->score(fake, test);
    result_.test_score_integer = data_.task.metric->score(integer, test);
    result_.test_accuracy_fake_quant = legacy_accuracy(data_.task, fake, test);
    result_.test_accuracy_integer = legacy_accuracy(data_.task, integer, test);
    result_.agreement = agreement(graph, network_, &network, test);
    if (data_.task.kind == TaskKind::kClassification)
      write_predictions(path("predictions.npz"), predictions_of(integer, data_));
    result_.network = figures_of(graph, cost_table(config_.cost_table));
    if (config_.cost == CostKind::kFlash) result_.network->flash_bytes = mpic::flash_bytes(graph);
  }

  RunConfig config_;
  const TaskData& data_;
  const TrainObserver& observer_;
  Network network_, teacher_;
  std::optional<Assignment> given_;
  std::optional<FolderLock> lock_;
  RunResult result_;
  std::string log_;
};

}  // namespace

void check_budget(const RunConfig& config, const TaskData& data) {
  if (!config.budget.empty() && config.quantize) check_budget(config, data, make_model(config, data));
}

RunResult run(const RunConfig& config, const TaskData& data, const TrainObserver& observer) {
  return Run(config, data, observer).run();
}

}  // namespace bitloom
