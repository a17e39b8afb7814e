// The stages of a run: float warm-up, search, fine-tuning, lowering and evaluation, each resumable.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/run_config.h"

namespace bitloom {

// Runs what `config` asks for and writes config.json, log.csv, result.json and, for a quantized run, assignment.json, network.npz and
// network.blig into config.out. Stages that a former call finished are not repeated. Returns what result.json holds.
nlohmann::ordered_json run_pipeline(const RunConfig& config, const TaskData& data);

}  // namespace bitloom
