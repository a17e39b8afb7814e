// JSON as this program writes it.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace bitloom {

// Indented, ending in a newline. Bytes that are not UTF-8, of a path for example, become U+FFFD.
std::string json_text(const nlohmann::ordered_json& json);

}  // namespace bitloom
