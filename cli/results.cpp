// The table that runs are compared with.
#include <nlohmann/json.hpp>

#include "cli/pipeline.h"
#include "cli/table.h"

namespace bitloom {

std::string results_table(const std::vector<nlohmann::ordered_json>& results) {
  Table table({"run", "float %", "integer %", "agree %", "weights kB", "bits/weight", "Mcycles", "energy uJ", "seconds"});
  const auto number = [](const nlohmann::ordered_json& r, const char* key, double scale, int decimals) {
    return r.contains(key) ? fixed(r.at(key).get<double>() * scale, decimals) : std::string("-");
  };
  for (const nlohmann::ordered_json& r : results) {
    double seconds = 0;
    for (const auto& [stage, value] : r.at("seconds").items()) seconds += value.get<double>();
    std::string name = r.value("granularity", "float");
    if (name == "fixed")
      name = str("w", r.at("weight_bits")[0], "a", r.at("act_bits")[0]);
    else if (r.contains("budget"))
      name += " " + r.at("budget").get<std::string>();
    else if (name != "float")
      name += " " + str(r.at("strength").get<double>());
    double weights = 0, bits = 0;
    for (const auto& layer : r.value("layers", nlohmann::ordered_json::array())) {
      double channels = 0, sum = 0;
      for (const auto& [width, count] : layer.at("channels").items()) {
        if (width == "0") continue;
        channels += count.get<double>();
        sum += std::stod(width) * count.get<double>();
      }
      weights += layer.at("parameters").get<double>();
      bits += channels > 0 ? layer.at("parameters").get<double>() * sum / channels : 0;
    }
    table.add({name, number(r, "test_accuracy_float", 100, 2), number(r, "test_accuracy_integer", 100, 2),
               number(r, "agreement", 100, 2), number(r, "weight_bytes", 1e-3, 2), weights > 0 ? fixed(bits / weights, 2) : "-",
               number(r, "cycles", 1e-6, 3), number(r, "energy_uj", 1, 1), fixed(seconds, 1)});
  }
  return table.text();
}

}  // namespace bitloom
