// Allocation: the precisions that cost a network the least loss within a budget.
#pragma once
#include "nas/cost_model.h"
#include "nas/search_network.h"

namespace bitloom {

// What can be chosen, at what price, and what each choice is expected to add to the loss (nas/sensitivity.h).
struct AllocationProblem {
  const SearchNetwork& network;  // the precisions offered, and their granularity
  const CostModel& cost;
  const Shares& sensitivity;  // per channel, whatever the granularity
};

// The assignment that minimizes the sum of sensitivities among those that cost at most `budget`, but for the gap of a Lagrangian relaxation:
// every channel takes the precision of least sensitivity + mu * price, mu bisected to the budget (a multiple-choice knapsack; per layer: Chen et
// al., arXiv 2110.06554); what the budget leaves is filled greedily. A price is the slope of the cost by a channel's share, so prices are taken
// anew until the assignment stays, and where activations are chosen, too, from every width on; no uniform precision is better. A channel that
// several layers write (channel_ties) is removed by all of them at once, which also saves what its readers spend on it, or loses one writer. At
// layer granularity one decision a layer, none of removal; the layer-wise solution is among the candidates of the channel-wise one, which is
// therefore never worse. Error, naming the least cost there is, when nothing meets the budget.
Assignment allocate(const AllocationProblem& problem, double budget);

// Sum of the sensitivities of an assignment.
double total_sensitivity(const AllocationProblem& problem, const Assignment& assignment);

}  // namespace bitloom
