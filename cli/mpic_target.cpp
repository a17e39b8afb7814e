// A network compiled for MPIC as files and as text.
#include "cli/mpic_target.h"

#include <nlohmann/json.hpp>

#include "cli/listing.h"
#include "cli/table.h"
#include "core/error.h"
#include "core/json.h"
#include "mpic/isa/names.h"

namespace bitloom {
namespace {

using Json = nlohmann::ordered_json;

struct Region {
  const char* name;
  uint32_t address, bytes;
};

std::vector<Region> regions(const mpic::CompiledNetwork& n) {
  const uint32_t data = n.options.base + n.code_bytes;
  return {{"code", n.options.base, n.code_bytes},
          {"data", data, n.data_bytes},
          {"activations", data + n.data_bytes, n.activation_bytes}};
}

Json tensor_json(const IntegerLayer& layer, const mpic::TensorPlace& place) {
  return {{"name", layer.name},       {"address", place.address},
          {"bytes", place.bytes()},   {"height", layer.h},
          {"width", layer.w},         {"channels", layer.c},
          {"bits", layer.out.bits},   {"signed", layer.out.is_signed || layer.out.bits == 32},
          {"scale", layer.out.scale}, {"bytes_per_pixel", place.pixel_bytes}};
}

std::string map_json(const IntegerGraph& graph, const mpic::CompiledNetwork& network) {
  Json memory, layers = Json::array();
  for (const Region& r : regions(network)) memory[r.name] = {{"address", r.address}, {"bytes", r.bytes}};
  memory["total"] = {{"address", network.options.base}, {"bytes", network.total_bytes}};
  for (size_t i = 1; i < graph.layers.size(); ++i) {
    const mpic::CompiledLayer& compiled = network.layers[i];
    layers.push_back({{"name", compiled.name},
                      {"op", to_string(graph.layers[i].op)},
                      {"code_bytes", compiled.code_bytes},
                      {"data_bytes", compiled.data_bytes},
                      {"output", tensor_json(graph.layers[i], compiled.output)}});
  }
  Json map = {{"model", graph.model},
              {"base", network.options.base},
              {"entry", network.image.entry},
              {"memory", memory},
              {"tensors",
               "rows of pixels of channels; codes packed from the low bits of a pixel's first byte on, 32-bit ones "
               "little-endian"},
              {"input", tensor_json(graph.layers.front(), network.layers.front().output)},
              {"output", tensor_json(graph.layers.back(), network.layers[graph.layers.size() - 1].output)},
              {"layers", layers}};
  if (network.layers.size() > graph.layers.size()) {
    const mpic::TensorPlace& score = network.layers.back().output;
    map["anomaly_score"] = {
        {"address", score.address}, {"bytes", score.bytes()}, {"mean_squared_error_of_1", score.scheme.scale}};
  }
  return json_text(map);
}

}  // namespace

std::vector<TextFile> mpic_files(const IntegerGraph& graph, const mpic::CompiledNetwork& network) {
  const std::vector<uint8_t>& bytes = network.image.segments.front().bytes;
  const auto end = bytes.begin() + int64_t(network.code_bytes + network.data_bytes);
  return {{"network.bin", std::string(bytes.begin(), end)},
          {"network.lst", listing(network.image)},
          {"memory_map.json", map_json(graph, network)}};
}

WholeMemory::WholeMemory(const IntegerGraph& graph, const mpic::CompiledNetwork& network)
    : code(network.code_bytes),
      weights(weight_bytes(graph)),
      tables(int64_t(network.data_bytes) - weights),
      activations(network.activation_bytes) {}

WholeMemory::WholeMemory(const IntegerGraph& graph)
    : WholeMemory(graph, [&] {
        mpic::CodegenOptions options;
        options.memory = mpic::kAnyMemory;
        return mpic::compile(graph, options);
      }()) {}

std::string WholeMemory::text() const {
  return str(grouped(code), " bytes of code + ", grouped(weights), " of weights + ", grouped(tables),
             " of tables = ", grouped(flash()), " of flash; with ", grouped(activations), " of activations ", grouped(total()));
}

Json WholeMemory::json() const {
  return {{"code", code},     {"weights", weights},         {"tables", tables},
          {"flash", flash()}, {"activations", activations}, {"total", total()}};
}

std::string memory_map_text(const mpic::CompiledNetwork& network) {
  Table table({"memory", "from", "bytes"});
  for (const Region& r : regions(network)) table.add({r.name, mpic::hex(r.address, 8), grouped(r.bytes)});
  table.add({"total", "", grouped(network.total_bytes)});
  return table.text();
}

}  // namespace bitloom
