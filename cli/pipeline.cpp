// The stages of a run.
#include "cli/pipeline.h"

#include <nlohmann/json.hpp>

#include "cli/deployed.h"
#include "cli/stage.h"
#include "core/io.h"
#include "nas/search.h"
#include "quant/lower.h"

namespace bitloom {
namespace {

class Pipeline {
 public:
  Pipeline(const RunConfig& config, const TaskData& data)
      : config_(config), data_(data), network_(make_model(config, data), Rng(config.seed).split("init")) {
    // What is wrong with a run shows here, before it leaves a trace.
    if (!config.warmup_file.empty()) load_weights(network_, config.warmup_file);
    check_budget();
    check_same_run();
  }

  nlohmann::ordered_json run() {
    make_output_folder(config_.out);
    write_text_atomic(path("config.json"), json_text(to_json(config_)));
    result_ = {{"task", config_.task}, {"data", data_.name}, {"model", config_.model}};
    if (config_.quantize) {
      result_["granularity"] = config_.granularity;
      result_["weight_bits"] = config_.weight_bits;
      result_["act_bits"] = config_.act_bits;
      result_["cost"] = config_.cost;
      result_["strength"] = config_.strength;
      if (!config_.budget.empty()) result_["budget"] = config_.budget;
    }
    result_["seed"] = config_.seed;
    result_["command"] = config_.command;
    warm_up();
    if (config_.quantize) quantize();
    result_["seconds"] = seconds_;
    write_text_atomic(path("log.csv"), log_);
    write_text_atomic(path("result.json"), json_text(result_));
    return result_;
  }

 private:
  std::string path(const char* name) const { return config_.out + "/" + name; }

  void check_budget() const {
    if (config_.budget.empty() || config_.weight_bits.front() == 0) return;
    const CostKind kind = parse_cost(config_.cost);
    const double budget = parse_budget(config_.budget, kind);
    const double least = CostModel(network_.spec(), kind, find_cost_table(config_.cost_table))
                             .cost(Assignment::uniform(network_.spec(), config_.weight_bits.front(), config_.act_bits.front(),
                                                       data_.train.classes > 0));
    BITLOOM_CHECK(least <= budget, "--budget ", config_.budget, ": the smallest precisions offered cost ", least / budget,
                  " times as much");
  }

  // Stages that a folder holds are not repeated, so they must be those of this run.
  void check_same_run() const {
    const std::string file = path("config.json");
    const auto begun = [this](const char* stage) { return file_exists(path(stage)); };
    if (!file_exists(file) || !(begun("warmup.ckpt.npz") || begun("search.ckpt.npz") || begun("finetune.ckpt.npz"))) return;
    nlohmann::json stored;
    try {
      stored = nlohmann::json::parse(read_text(file));
    } catch (const nlohmann::json::exception& e) {
      throw Error(file + ": not a run's config.json: " + e.what());
    }
    const nlohmann::json own = nlohmann::json::parse(json_text(to_json(config_)));
    for (const auto& [key, value] : own.items()) {
      BITLOOM_CHECK(key == "command" || !stored.contains(key) || stored.at(key) == value, config_.out,
                    " holds another run: its ", key, " is ", stored.at(key).dump(), ", not ", value.dump(),
                    "; choose another --out or remove the folder");
    }
  }

  TrainResult stage(Learner& learner, const char* name, int64_t epochs, bool keep_best) {
    TrainResult trained = run_stage(learner, data_, config_, name, epochs, keep_best);
    log_ += trained.log;
    seconds_[name] = trained.seconds;
    return trained;
  }

  // The float network, unless it came from a file: trained here and kept in warmup.npz.
  void warm_up() {
    if (config_.warmup_file.empty()) {
      NetworkLearner learner(network_, nullptr, weight_optimizer(config_, config_.warmup.lr), weight_schedule(config_));
      const TrainResult trained = stage(learner, "warmup", config_.warmup.epochs, true);
      result_["val_score_float"] = trained.best_score;
      write_npz(path("warmup.npz"), network_.state().arrays());
    }
    result_["test_accuracy_float"] = evaluate_network(network_, nullptr, data_.test).score;
  }

  void quantize() {
    const bool fixed = config_.granularity == "fixed";
    QuantOptions options;
    options.weight_bits = config_.weight_bits;
    options.act_bits = config_.act_bits;
    options.weight_scale = parse_weight_scale(config_.weight_scale);
    options.code_range = config_.code_range == "full" ? CodeRange::kFull : CodeRange::kSymmetric;
    const Granularity granularity = config_.granularity == "layer" ? Granularity::kLayer : Granularity::kChannel;
    SearchNetwork network(network_, options, input_scheme(data_.train), data_.train.classes > 0, granularity);
    network.calibrate(data_.train);
    if (!fixed) search(network);

    NetworkLearner learner(network_, &network, weight_optimizer(config_, config_.finetune.lr), weight_schedule(config_));
    const TrainResult tuned = stage(learner, "finetune", config_.finetune.epochs, true);
    result_["val_score_fake_quant"] = tuned.best_score;
    deploy(network);
  }

  void search(SearchNetwork& network) {
    SearchOptions options;
    options.cost = parse_cost(config_.cost);
    options.table = &find_cost_table(config_.cost_table);
    options.strength = config_.strength;
    if (!config_.budget.empty()) options.budget = parse_budget(config_.budget, options.cost);
    options.sampler = parse_sampler(config_.sampling);
    options.weights = weight_optimizer(config_, config_.search.lr);
    options.architecture.kind = config_.arch_optimizer == "sgd" ? OptimizerOptions::kSgd : OptimizerOptions::kAdam;
    options.architecture.lr = config_.arch_lr;
    options.seed = config_.seed;
    SearchLearner learner(network, options);
    stage(learner, "search", config_.search.epochs, false);
    network.assign(learner.result());
  }

  void deploy(QatNetwork& network) {
    const IntegerGraph graph = lower(network, config_.task);
    save_graph(graph, path("network.blig"));
    write_text_atomic(path("assignment.json"), to_json(network_.spec(), network.assignment()));
    StateDict settled = network_.state();
    settled.put("", network.QatNetwork::state());
    write_npz(path("network.npz"), settled.arrays());

    const TensorT<int32_t> outputs = run_integer(graph, data_.test);
    result_["test_accuracy_fake_quant"] = evaluate_network(network_, &network, data_.test).score;
    result_["test_accuracy_integer"] = integer_score(graph, outputs, data_.test);
    result_["agreement"] = agreement(graph, outputs, network_, &network, data_.test);
    result_.update(describe(graph, find_cost_table(config_.cost_table)));
  }

  const RunConfig& config_;
  const TaskData& data_;
  Network network_;
  nlohmann::ordered_json result_, seconds_;
  std::string log_;
};

}  // namespace

nlohmann::ordered_json run_pipeline(const RunConfig& config, const TaskData& data) { return Pipeline(config, data).run(); }

}  // namespace bitloom
