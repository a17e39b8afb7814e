// config.json and result.json: every key once, for writing and for reading alike.
#include "core/json.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "nas/run/result.h"
#include "nn/model_file.h"

namespace bitloom {
namespace {

using Json = nlohmann::ordered_json;

// What older versions did not write may be missing.
enum Presence { kRequired, kMayMiss };

template <class Config, class F>
void each_field(Config& c, F& f, const RunConfig*) {
  f("command", c.command);
  f("task", c.task);
  f("image_size", c.image_size, kMayMiss);
  f("skip_bad", c.skip_bad, kMayMiss);
  f("fold", c.fold, kMayMiss);
  f("metric", c.metric, kMayMiss);
  f("model", c.model);
  f("width", c.width, kMayMiss);
  f("seed", c.seed);
  f("batch", c.batch);
  f("patience", c.patience);
  f("optimizer", c.optimizer);
  f("schedule", c.schedule);
  f("augment", c.augment);
  f("weight_decay", c.weight_decay);
  f("label_smoothing", c.regularization.label_smoothing, kMayMiss);
  f("mixup", c.regularization.mixup, kMayMiss);
  f("average", c.regularization.average, kMayMiss);
  f("warmup", c.warmup);
  f("warmup_file", c.warmup_file, kMayMiss);
  f("assignment_file", c.assignment_file, kMayMiss);
  f("search", c.search);
  f("finetune", c.finetune);
  f("quantize", c.quantize);
  f("granularity", c.granularity);
  f("weight_bits", c.weight_bits);
  f("act_bits", c.act_bits);
  f("recipe", c.recipe, kMayMiss);
  f("distill", c.distill, kMayMiss);
  f("shrink", c.shrink, kMayMiss);
  f("sensitivity", c.sensitivity, kMayMiss);
  f("refresh_scales", c.refresh_scales, kMayMiss);
  f("cost", c.cost);
  f("cost_table", c.cost_table, kMayMiss);
  f("strength", c.lambda);
  f("lambda", c.lambda, kMayMiss);
  f("budget", c.budget);
  f("sampling", c.sampling);
  f("arch_lr", c.arch_lr);
  f("arch_every", c.arch_every, kMayMiss);
  f("arch_optimizer", c.arch_optimizer);
  f("weight_scale", c.weight_scale);
  f("code_range", c.code_range);
  f("estimate_norms", c.estimate_norms, kMayMiss);
  f("keep_best", c.keep_best, kMayMiss);
  f("identity", c.identity, kMayMiss);
}

template <class Identity, class F>
void each_field(Identity& i, F& f, const RunIdentity*) {
  f("program", i.program);
  f("arithmetic", i.arithmetic);
  f("data", i.data);
  f("start", i.start);
}

template <class Stage, class F>
void each_field(Stage& s, F& f, const StageConfig*) {
  f("epochs", s.epochs);
  f("lr", s.lr);
}

template <class Figures, class F>
void each_field(Figures& l, F& f, const LayerFigures*) {
  f("name", l.name);
  f("channels", l.channels);
  f("act_bits", l.act_bits);
  f("macs", l.macs);
  f("parameters", l.parameters);
  f("weight_bytes", l.weight_bytes);
  f("cycles", l.cycles);
}

template <class Figures, class F>
void each_field(Figures& n, F& f, const NetworkFigures*) {
  f("weight_bytes", n.weight_bytes);
  f("table_bytes", n.table_bytes);
  f("macs", n.macs);
  f("cycles", n.cycles);
  f("energy_uj", n.energy_uj);
  f("flash_bytes", n.flash_bytes);
  f.renamed("throughput_table", "cost_table", n.cost_table);
  f("layers", n.layers);
}

template <class Choice, class F>
void each_field(Choice& p, F& f, const PrecisionChoice*) {
  f("granularity", p.granularity);
  f("weight_bits", p.weight_bits);
  f("act_bits", p.act_bits);
  f("cost", p.cost);
  f("strength", p.lambda);
  f("lambda", p.lambda, kMayMiss);
  f("budget", p.budget);
}

template <class Result, class F>
void each_field(Result& r, F& f, const RunResult*) {
  f("task", r.task);
  f("data", r.data);
  f("model", r.model);
  f("width", r.width, kMayMiss);
  f.among_these("granularity", r.precisions);
  f("seed", r.seed);
  f("command", r.command);
  f("metric", r.metric, kMayMiss);
  f("classes", r.classes);
  f("val_score_float", r.val_score_float);
  f("test_score_float", r.test_score_float, kMayMiss);
  f("test_accuracy_float", r.test_accuracy_float);
  f("val_score_fake_quant", r.val_score_fake_quant);
  f("test_score_fake_quant", r.test_score_fake_quant);
  f("test_score_integer", r.test_score_integer);
  f("test_accuracy_fake_quant", r.test_accuracy_fake_quant);
  f("test_accuracy_integer", r.test_accuracy_integer);
  f("agreement", r.agreement);
  f.among_these("weight_bytes", r.network);
  f("architecture_steps", r.architecture_steps);
  f("seconds", r.seconds);
  f("profile", r.profile);
}

template <class T, class F>
void each_field(T& value, F& f) {
  each_field(value, f, static_cast<const std::remove_const_t<T>*>(nullptr));
}

class Writer {
 public:
  template <class T>
  void operator()(const char* key, const T& value, Presence = kRequired) {
    json[key] = written(value);
  }
  template <class T>
  void operator()(const char* key, const std::optional<T>& value) {
    if (value) json[key] = written(*value);
  }
  template <class T>
  void renamed(const char*, const char* key, const T& value) {
    (*this)(key, value);
  }
  // The fields of `value`, if it has one, stand beside the others.
  template <class T>
  void among_these(const char*, const std::optional<T>& value) {
    if (value) each_field(*value, *this);
  }

  Json json = Json::object();

 private:
  static Json written(const std::string& text) { return text; }
  static Json written(const std::vector<int>& numbers) { return numbers; }
  static Json written(const std::vector<std::string>& texts) { return texts; }
  static Json written(const std::map<int, int64_t>& counts) {
    Json object = Json::object();
    for (const auto& [key, count] : counts) object[std::to_string(key)] = count;
    return object;
  }
  static Json written(const std::vector<std::pair<std::string, double>>& values) {
    Json object = Json::object();
    for (const auto& [key, value] : values) object[key] = value;
    return object;
  }
  static Json written(const std::vector<LayerFigures>& layers) {
    Json array = Json::array();
    for (const LayerFigures& layer : layers) array.push_back(written(layer));
    return array;
  }
  template <class T>
  static Json written(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      return name_of(value);
    } else if constexpr (std::is_arithmetic_v<T>) {
      return value;
    } else {
      Writer inner;
      each_field(value, inner);
      return inner.json;
    }
  }
};

template <class T>
Json written(const T& value) {
  Writer writer;
  each_field(value, writer);
  return writer.json;
}

class Reader {
 public:
  explicit Reader(const JsonValue& json) : json_(json) {}

  template <class T>
  void operator()(const char* key, T& value, Presence presence = kRequired) {
    if (presence == kRequired || json_.has(key)) read(json_.at(key), value);
  }
  template <class T>
  void operator()(const char* key, std::optional<T>& value) {
    if (json_.has(key)) (*this)(key, value.emplace());
  }
  // A key that older files have under another name.
  template <class T>
  void renamed(const char* former, const char* key, T& value) {
    (*this)(json_.has(former) ? former : key, value);
  }
  template <class T>
  void among_these(const char* first_key, std::optional<T>& value) {
    if (json_.has(first_key)) each_field(value.emplace(), *this);
  }

 private:
  static void read(const JsonValue& json, std::string& text) { text = json.string(); }
  static void read(const JsonValue& json, bool& value) { value = json.boolean(); }
  static void read(const JsonValue& json, uint64_t& value) { value = json.unsigned_integer(); }
  template <class T>
  static void read(const JsonValue& json, std::vector<T>& values) {
    values.clear();
    for (const JsonValue& element : json.elements()) read(element, values.emplace_back());
  }
  static void read(const JsonValue& json, std::vector<std::pair<std::string, double>>& values) {
    values.clear();
    for (const auto& [key, value] : json.members()) values.emplace_back(key, value.number());
  }
  static void read(const JsonValue& json, std::map<int, int64_t>& channels) {
    channels.clear();
    for (const auto& [bits, count] : json.members()) {
      if (bits != "0" && bits != "2" && bits != "4" && bits != "8") json.fail("has a key that is no bit-width");
      read(count, channels[bits[0] - '0']);
    }
  }
  template <class T>
  static void read(const JsonValue& json, T& value) {
    if constexpr (std::is_enum_v<T>) {
      const std::string name = json.string();
      try {
        value = named<T>(name);
      } catch (const Error& e) {
        json.fail(str("has an ", e.what()));
      }
    } else if constexpr (std::is_integral_v<T>) {
      value = T(json.integer(std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    } else if constexpr (std::is_floating_point_v<T>) {
      value = T(json.number());
    } else {
      Reader inner(json);
      each_field(value, inner);
    }
  }

  const JsonValue json_;
};

// Reads what the whole text holds; `what` the file is called in messages.
template <class T>
T parsed(const std::string& text, const std::string& where, const char* what) {
  T value;
  Reader reader(JsonValue::parse(text, str(where, ": not ", what)));
  each_field(value, reader);
  return value;
}

}  // namespace

std::string to_json(const RunConfig& config) { return json_text(written(config)); }
std::string to_json(const RunResult& result) { return json_text(written(result)); }
Json json_of(const NetworkFigures& figures) { return written(figures); }
std::string to_json(const std::vector<RunResult>& results) {
  Json array = Json::array();
  for (const RunResult& result : results) array.push_back(written(result));
  return json_text(array);
}

RunConfig config_from_json(const std::string& text, const std::string& where) {
  return parsed<RunConfig>(text, where, "a run's config.json");
}

RunResult result_from_json(const std::string& text, const std::string& where) {
  RunResult result = parsed<RunResult>(text, where, "a run's result");
  name_metric(result);
  return result;
}

std::string difference(const RunConfig& stored, const RunConfig& own) {
  const Json theirs = Json::parse(to_json(stored)), ours = Json::parse(to_json(own));
  // What is read from files is told by content, in the identity, once that is known.
  const bool contents_known = !stored.identity.start.empty() && !own.identity.start.empty();
  const auto same = [&](const std::string& key, const Json& a, const Json& b) {
    const bool is_file = key == "warmup_file" || key == "assignment_file" ||
                         (key == "model" && is_model_file(stored.model) && is_model_file(own.model));
    return a == b || (is_file && contents_known && a != "" && b != "");
  };
  const auto differs = [&](const auto& again, const Json& of_stored, const Json& of_own, const std::string& of) -> std::string {
    for (const auto& [key, value] : of_own.items()) {
      const Json& other = of_stored.at(key);
      if (key == "command" || key == "identity" || same(key, other, value)) continue;
      if (value.is_object() && other.is_object()) return again(again, other, value, of + key + ".");
      return str(of, key, " is ", other.dump(), ", not ", value.dump());
    }
    return std::string();
  };
  const std::string option = differs(differs, theirs, ours, "");
  return option.empty() ? differs(differs, theirs.at("identity"), ours.at("identity"), "") : option;
}

}  // namespace bitloom
