// How runs are compared: a table of their figures and a picture of accuracy against weight memory.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace bitloom {

// `results` are what result.json files hold.
std::string results_table(const std::vector<nlohmann::ordered_json>& results, bool markdown = false);
// An SVG with one series a granularity.
std::string results_picture(const std::string& title, const std::string& subtitle,
                            const std::vector<nlohmann::ordered_json>& results);

}  // namespace bitloom
