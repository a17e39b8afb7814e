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
  std::vector<double> cycles(static_cast<size_t>(mpic::piece_count()));
  for (int p = 0; p < mpic::kPieces; ++p) {
    const std::string name = mpic::to_string(mpic::Piece(p));
    const auto row = std::find_if(measured.begin(), measured.end(), [&](const MeasuredPiece& m) { return m.name == name; });
    BITLOOM_CHECK(row != measured.end() && int(row->cycles.size()) == mpic::variants_of(mpic::Piece(p)).count(),
                  "measured cost table: piece '", name, "' is missing or has not ", mpic::variants_of(mpic::Piece(p)).count(),
                  " values");
    std::copy(row->cycles.begin(), row->cycles.end(), cycles.begin() + mpic::piece_index(mpic::Piece(p)));
  }
  return cycles;
}

}  // namespace

double CostTable::at(int act_bits, int weight_bits) const {
  const auto known = [](int bits) { return bits == 2 || bits == 4 || bits == 8; };
  BITLOOM_CHECK(known(act_bits) && known(weight_bits), "cost table '", name, "' has no entry for ", act_bits,
                "-bit activations and ", weight_bits, "-bit weights");
  return macs_per_cycle[mpic::bits_index(act_bits, name)][mpic::bits_index(weight_bits, name)];
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

double layer_cycles(const IntegerGraph& graph, const IntegerLayer& layer, const CostTable& table) {
  double cycles = 0;
  if (!table.pieces.empty()) {
    for (const auto& [piece, times] : mpic::count_pieces(graph, layer)) cycles += table.pieces[size_t(piece)] * times;
    return cycles;
  }
  const double channel_macs = double(codes_per_channel(graph, layer) * layer.h * layer.w);
  for (const ChannelGroup& group : layer.groups)
    if (group.bits)
      cycles += channel_macs * double(group.channels) / table.at(graph.layers[size_t(layer.inputs[0])].out.bits, group.bits);
  return cycles;
}

}  // namespace bitloom
