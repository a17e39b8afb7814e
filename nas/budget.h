// Budgets: what they are in the units of a cost, the least that can be asked for, and how a search's preferences are bent to meet one.
#pragma once
#include <string>

#include "nas/search_network.h"

namespace bitloom {

// "30kB" -> bits of weights or bytes of flash, "2M" -> cycles, "80uJ" -> microjoule, "30%" -> that part of `whole`, the cost of the w8a8 network; Error when
// the unit does not fit the cost.
double parse_budget(const std::string& text, CostKind cost, double whole = 1);
// The other way round, rounded up: as a budget, the text is met by what costs this much.
std::string budget_text(double amount, CostKind cost);

// An assignment of the precisions offered that is as cheap as any: the cheapest bits everywhere, and where 0 bits are offered one channel of
// every tie group, in the layer that takes it cheapest. Where cheaper bits cost more (a table of measured code), no change of a single layer
// or activation makes it cheaper.
Assignment cheapest_assignment(const SearchNetwork& network, const CostModel& model);

// What the network prefers (discretize()), changed until it costs no more than `budget`: weights and, where they have a price, activations
// move step by step towards the cheapest assignment, least regretted (difference of gamma or delta) first. Every budget that the cheapest
// assignment meets is met; others are an Error with that one's cost.
Assignment meet_budget(const SearchNetwork& network, const CostModel& model, double budget);

}  // namespace bitloom
