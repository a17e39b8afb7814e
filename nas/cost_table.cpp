// How long MPIC takes.
#include "nas/cost_table.h"

#include <algorithm>

#include "core/error.h"

namespace bitloom {
namespace {

struct MeasuredPiece {
  const char* name;
  std::vector<double> cycles;
};

std::vector<double> measured_pieces() {
  const std::vector<MeasuredPiece> measured = {
#include "nas/costs/mpic_measured.inc"
  };
  std::vector<double> cycles(static_cast<size_t>(piece_count()));
  for (int p = 0; p < kPieces; ++p) {
    const std::string name = to_string(Piece(p));
    const auto row = std::find_if(measured.begin(), measured.end(), [&](const MeasuredPiece& m) { return m.name == name; });
    BITLOOM_CHECK(row != measured.end() && int(row->cycles.size()) == variants_of(Piece(p)).count(),
                  "measured cost table: piece '", name, "' is missing or has not ", variants_of(Piece(p)).count(), " values");
    std::copy(row->cycles.begin(), row->cycles.end(), cycles.begin() + piece_index(Piece(p)));
  }
  return cycles;
}

}  // namespace

int bits_index(int bits, const std::string& where) {
  BITLOOM_CHECK(bits == 2 || bits == 4 || bits == 8, where, " has no entry for ", bits, " bits");
  return bits == 2 ? 0 : bits == 4 ? 1 : 2;
}

double CostTable::at(int act_bits, int weight_bits) const {
  const auto known = [](int bits) { return bits == 2 || bits == 4 || bits == 8; };
  BITLOOM_CHECK(known(act_bits) && known(weight_bits), "cost table '", name, "' has no entry for ", act_bits,
                "-bit activations and ", weight_bits, "-bit weights");
  return macs_per_cycle[bits_index(act_bits, name)][bits_index(weight_bits, name)];
}

const CostTable& published_costs() {
  static const CostTable table = {
      "published", {{6.5, 4.0, 2.2}, {3.9, 3.5, 2.1}, {2.5, 2.3, 2.1}}, 5.3825e-3 / 250e6 * 1e12, {}};
  return table;
}

const CostTable& measured_costs() {
  static const CostTable table = [] {
    CostTable t = published_costs();
    t.name = "measured";
    t.pieces = measured_pieces();
    return t;
  }();
  return table;
}

const CostTable& cost_table(CostTableKind kind) {
  return kind == CostTableKind::kMeasured ? measured_costs() : published_costs();
}

PieceCounts<double> count_pieces(const IntegerGraph& graph, const IntegerLayer& layer) {
  if (layer.inputs.empty()) return {};
  const IntegerLayer& in = graph.layers[size_t(layer.inputs[0])];
  const auto certain = [&](const QuantScheme& s) {
    std::array<double, 3> shares{};
    shares[size_t(bits_index(std::min(s.bits, 8), layer.name))] = 1;
    return shares;
  };
  LayerMix<double> mix;
  mix.in = certain(in.out);
  mix.in2 = certain(graph.layers[size_t(layer.inputs.back())].out);
  mix.out = certain(layer.out);
  mix.kept_in = double(in.c);
  mix.kept_out = double(layer.c);
  // As the code generator splits them: four codes are stored at once, so a block begins at a byte.
  const int64_t alignment = layer.out.bits >= 8 ? 1 : 8 / layer.out.bits;
  int64_t at = 0;
  for (const ChannelGroup& g : layer.groups) {
    const int64_t before = std::min(g.channels, (alignment - at % alignment) % alignment), rest = (g.channels - before) % 4;
    ChannelRuns<double>& runs = mix.runs[g.bits == 0 ? 0 : size_t(bits_index(g.bits, layer.name)) + 1];
    runs.channels += double(g.channels);
    runs.single += double(before + rest);
    runs.block_runs += g.channels - before >= 4;
    runs.single_runs += (before > 0) + (rest > 0);
    at += g.channels;
  }
  return count_pieces(geometry_of(graph, layer), mix);
}

double layer_cycles(const IntegerGraph& graph, const IntegerLayer& layer, const CostTable& table) {
  double cycles = 0;
  if (!table.pieces.empty()) {
    for (const auto& [piece, times] : count_pieces(graph, layer)) cycles += table.pieces[size_t(piece)] * times;
    return cycles;
  }
  const double channel_macs = double(codes_per_channel(graph, layer) * layer.h * layer.w);
  for (const ChannelGroup& group : layer.groups)
    if (group.bits)
      cycles += channel_macs * double(group.channels) / table.at(graph.layers[size_t(layer.inputs[0])].out.bits, group.bits);
  return cycles;
}

}  // namespace bitloom
