// A run.
#include "nas/run/run.h"

#include "core/io.h"
#include "core/json.h"
#include "nas/run/deployed.h"
#include "nas/run/task.h"
#include "nas/search.h"
#include "quant/lower.h"

namespace bitloom {
namespace {

class Run {
 public:
  Run(const RunConfig& config, const TaskData& data, const TrainObserver& observer)
      : config_(config), data_(data), observer_(observer), network_(make_model(config, data), Rng(config.seed).split("init")) {
    // What is wrong with a run shows here, before it leaves a trace.
    if (!config.warmup_file.empty()) load_weights(network_, config.warmup_file);
    check_budget();
    check_same_run();
  }

  RunResult run() {
    make_output_folder(config_.out);
    write_text_atomic(path("config.json"), to_json(config_));
    result_.task = name_of(config_.task);
    result_.data = data_.task.name;
    result_.metric = data_.task.metric->name();
    result_.model = config_.model;
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
    write_text_atomic(path("result.json"), to_json(result_));
    return result_;
  }

 private:
  std::string path(const char* name) const { return config_.out + "/" + name; }

  void check_budget() const {
    if (config_.budget.empty() || config_.weight_bits.front() == 0) return;
    const double budget = parse_budget(config_.budget, config_.cost);
    const double least = CostModel(network_.spec(), config_.cost, cost_table(config_.cost_table))
                             .cost(Assignment::uniform(network_.spec(), config_.weight_bits.front(), config_.act_bits.front()));
    BITLOOM_CHECK(least <= budget, "--budget ", config_.budget, ": the smallest precisions offered cost ", least / budget,
                  " times as much");
  }

  // Stages that a folder holds are not repeated, so they must be those of this run.
  void check_same_run() const {
    const std::string file = path("config.json");
    const auto begun = [this](const char* stage) { return file_exists(path(stage)); };
    if (!file_exists(file) || !(begun("warmup.ckpt.npz") || begun("search.ckpt.npz") || begun("finetune.ckpt.npz"))) return;
    const std::string other = difference(config_from_json(read_text(file, JsonValue::kMaxBytes), file), config_);
    BITLOOM_CHECK(other.empty(), config_.out, " holds another run: its ", other, "; choose another --out or remove the folder");
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

  TrainResult stage(Learner& learner, const char* name, const StageConfig& stage, bool keep_best) {
    TrainerOptions options;
    options.stage = name;
    options.epochs = stage.epochs;
    options.batch_size = config_.batch;
    options.seed = config_.seed;
    options.keep_best = keep_best;
    options.patience = keep_best ? config_.patience : 0;
    options.checkpoint_seconds = config_.checkpoint_seconds;
    options.checkpoint = config_.out + "/" + name + ".ckpt.npz";
    TrainResult trained = train(learner, data_, options, observer_);
    log_ += trained.log;
    result_.seconds.emplace_back(name, trained.seconds);
    return trained;
  }

  // The float network, unless it came from a file: trained here and kept in warmup.npz.
  void warm_up() {
    if (config_.warmup_file.empty()) {
      NetworkLearner learner(network_, nullptr, weight_optimizer(config_.warmup), weight_schedule());
      const TrainResult trained = stage(learner, "warmup", config_.warmup, true);
      result_.val_score_float = trained.best_score;
      write_npz(path("warmup.npz"), network_.state().arrays());
    }
    const std::vector<double> found = evaluate_network(network_, nullptr, *data_.test).found;
    result_.test_score_float = data_.task.metric->score(found, *data_.test);
    result_.test_accuracy_float = legacy_accuracy(data_.task, found, *data_.test);
  }

  void quantize() {
    QuantOptions options;
    options.weight_bits = config_.weight_bits;
    options.act_bits = config_.act_bits;
    options.weight_scale = config_.weight_scale;
    options.code_range = config_.code_range;
    SearchNetwork network(network_, options, input_scheme(*data_.train), config_.granularity);
    network.calibrate(*data_.train);
    if (config_.granularity != Granularity::kFixed) search(network);

    NetworkLearner learner(network_, &network, weight_optimizer(config_.finetune), weight_schedule());
    const TrainResult tuned = stage(learner, "finetune", config_.finetune, true);
    result_.val_score_fake_quant = tuned.best_score;
    deploy(network);
  }

  void search(SearchNetwork& network) {
    SearchOptions options;
    options.cost = config_.cost;
    options.table = &cost_table(config_.cost_table);
    options.lambda = config_.lambda;
    if (!config_.budget.empty()) options.budget = parse_budget(config_.budget, options.cost);
    options.sampler = config_.sampling;
    options.weights = weight_optimizer(config_.search);
    options.architecture.kind = config_.arch_optimizer;
    options.architecture.lr = config_.arch_lr;
    options.seed = config_.seed;
    SearchLearner learner(network, options);
    stage(learner, "search", config_.search, false);
    network.assign(learner.result());
  }

  void deploy(QatNetwork& network) {
    const IntegerGraph graph = lower(network, name_of(config_.task));
    save_graph(graph, path("network.blig"));
    write_text_atomic(path("assignment.json"), to_json(network_.spec(), network.assignment()));
    StateDict settled = network_.state();
    settled.put("", network.QatNetwork::state());
    write_npz(path("network.npz"), settled.arrays());

    const Dataset& test = *data_.test;
    const TensorT<int32_t> outputs = run_integer(graph, test);
    const std::vector<double> integer = found_by_integers(graph, data_.task.kind, outputs, test),
                              fake = evaluate_network(network_, &network, test).found;
    result_.test_score_fake_quant = data_.task.metric->score(fake, test);
    result_.test_score_integer = data_.task.metric->score(integer, test);
    result_.test_accuracy_fake_quant = legacy_accuracy(data_.task, fake, test);
    result_.test_accuracy_integer = legacy_accuracy(data_.task, integer, test);
    result_.agreement = agreement(graph, outputs, network_, &network, test);
    result_.network = figures_of(graph, cost_table(config_.cost_table));
  }

  const RunConfig& config_;
  const TaskData& data_;
  const TrainObserver& observer_;
  Network network_;
  RunResult result_;
  std::string log_;
};

}  // namespace

RunResult run(const RunConfig& config, const TaskData& data, const TrainObserver& observer) {
  return Run(config, data, observer).run();
}

}  // namespace bitloom
