// How long MPIC takes: the published throughput, or the pieces of the emitted code as measured on the simulated core.
#pragma once
#include <string>
#include <vector>

#include "core/names.h"
#include "mpic/compile/plan/pieces.h"

namespace bitloom {

struct CostTable {
  std::string name;
  double macs_per_cycle[3][3];  // [activation 2,4,8][weight 2,4,8]
  double picojoule_per_cycle;
  std::vector<double> pieces;  // cycles by mpic::piece_index(); empty: a layer takes its multiply-accumulates / macs_per_cycle
  // Error for a width that is not 2, 4 or 8: nothing is ever priced at zero by accident.
  double at(int act_bits, int weight_bits) const;
};
// The figures of the authors' code: throughput from github.com/eml-eda/multi-prec-nas, models/hw_models.py; 250 MHz and 5.3825 mW from
// github.com/eml-eda/plinio, plinio/cost/mpic_energy.py.
const CostTable& published_costs();
// What `bitloom calibrate` measured, nas/costs/mpic_measured.inc; energy per cycle as published.
const CostTable& measured_costs();
enum class CostTableKind { kPublished, kMeasured };
template <>
struct NamesOf<CostTableKind> {
  static constexpr const char* kWhat = "cost table";
  static constexpr Named<CostTableKind> kAll[] = {
      {CostTableKind::kPublished, "published"},
      {CostTableKind::kMeasured, "measured"},
  };
};
const CostTable& cost_table(CostTableKind kind);

// Cycles of one layer of a deployed network.
double layer_cycles(const IntegerGraph& graph, const IntegerLayer& layer, const CostTable& table);

}  // namespace bitloom
