// Who called whom on the simulated core.
#include "cli/call_graph.h"

#include <algorithm>
#include <set>

#include "cli/svg_text.h"
#include "cli/table.h"
#include "core/error.h"
#include "mpic/isa/names.h"

namespace bitloom {
namespace {

// Deeper calls, as of endless recursion, are put down to the function at that depth.
constexpr size_t kDeepest = 256;
// Functions that call each other in many orders have ways without end. (150 bytes each)
constexpr size_t kMostNodes = 1 << 20;
// Returns are told from recursion far deeper than kDeepest, but a stack that is never returned from, such as that of a scheduler, ends. (24 bytes each)
constexpr size_t kMostFrames = 1 << 20;

constexpr bool is_link(uint8_t reg) { return reg == 1 || reg == 5; }

}  // namespace

CallGraph::CallGraph(const mpic::Image& image, uint32_t entry) : image_(image), nodes_(1) {
  nodes_[0].function = function_of(entry);
  nodes_[0].calls = 1;
  frames_.push_back({0, 0, false});
}

uint32_t CallGraph::function_of(uint32_t address) const {
  const mpic::Symbol* const symbol = image_.symbol_at(address);
  return symbol != nullptr ? symbol->address : address;
}

std::string CallGraph::name(uint32_t function) const {
  const std::string place = image_.place(function);
  return place.empty() ? mpic::hex(function, 8) : place;
}

size_t CallGraph::callee(size_t parent, uint32_t function) {
  std::map<uint32_t, size_t>& callees = nodes_[parent].callees;
  if (const auto found = callees.find(function); found != callees.end()) return found->second;
  if (nodes_.size() >= kMostNodes) return parent;
  callees.emplace(function, nodes_.size());
  nodes_.emplace_back();
  nodes_.back().function = function;
  nodes_.back().parent = parent;
  return nodes_.size() - 1;
}

void CallGraph::call(uint32_t target, uint32_t returns_to, bool is_trap) {
  const size_t caller = frames_.back().node;
  const size_t node = frames_.size() < kDeepest ? callee(caller, function_of(target)) : caller;
  ++nodes_[node].calls;
  if (frames_.size() < kMostFrames) frames_.push_back({node, returns_to, is_trap});
}

void CallGraph::jump(uint32_t target) {
  Frame& top = frames_.back();
  const uint32_t function = function_of(target);
  if (function == nodes_[top.node].function || function != target || frames_.size() >= kDeepest) return;
  const bool is_first = top.node == 0;
  const size_t node = callee(is_first ? 0 : nodes_[top.node].parent, function);
  ++nodes_[node].calls;
  if (is_first)
    frames_.push_back({node, 0, false});
  else
    top.node = node;
}

// Frames above the one that is returned to are left too, as longjmp() does.
void CallGraph::leave(uint32_t target, bool from_trap) {
  for (size_t i = frames_.size(); i-- > 1;) {
    if (from_trap ? !frames_[i].is_trap : frames_[i].returns_to != target) continue;
    frames_.resize(i);
    return;
  }
}

void CallGraph::add(const mpic::Core::Observed& executed, uint32_t next) {
  using mpic::Op;
  nodes_[frames_.back().node].cycles += executed.cycles;
  const mpic::Insn& insn = executed.insn;
  if (executed.trapped) return call(next, executed.pc, true);
  if (insn.executes == Op::mret) return leave(next, true);
  if (insn.executes != Op::jal && insn.executes != Op::jalr) return;
  if (is_link(insn.rd)) return call(next, executed.pc + insn.length, false);
  if (insn.executes == Op::jalr && is_link(insn.rs1)) return leave(next, false);
  jump(next);
}

std::vector<uint64_t> CallGraph::inclusive() const {
  std::vector<uint64_t> all(nodes_.size());
  for (size_t i = nodes_.size(); i-- > 0;) {
    all[i] += nodes_[i].cycles;
    if (i > 0) all[nodes_[i].parent] += all[i];
  }
  return all;
}

std::vector<CallGraph::Edge> CallGraph::edges() const {
  const std::vector<uint64_t> cycles = inclusive();
  std::map<std::pair<uint32_t, uint32_t>, Edge> by_pair;
  for (size_t i = 1; i < nodes_.size(); ++i) {
    const std::pair<uint32_t, uint32_t> key = {nodes_[nodes_[i].parent].function, nodes_[i].function};
    Edge& edge = by_pair.try_emplace(key, Edge{key.first, key.second, 0, 0}).first->second;
    edge.calls += nodes_[i].calls;
    bool is_inside = false;  // of the same call further out
    for (size_t k = nodes_[i].parent; k != 0 && !is_inside; k = nodes_[k].parent)
      is_inside = nodes_[k].function == key.second && nodes_[nodes_[k].parent].function == key.first;
    if (!is_inside) edge.cycles += cycles[i];
  }
  std::vector<Edge> all;
  for (const auto& [key, edge] : by_pair) all.push_back(edge);
  std::stable_sort(all.begin(), all.end(), [](const Edge& a, const Edge& b) { return a.cycles > b.cycles; });
  return all;
}

std::map<uint32_t, uint64_t> CallGraph::inclusive_by_function() const {
  const std::vector<uint64_t> cycles = inclusive();
  std::map<uint32_t, uint64_t> all;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    bool is_inside = false;
    for (size_t k = i; k != 0 && !is_inside;) {
      k = nodes_[k].parent;
      is_inside = nodes_[k].function == nodes_[i].function;
    }
    uint64_t& sum = all[nodes_[i].function];
    if (!is_inside) sum += cycles[i];
  }
  return all;
}

namespace {

constexpr double kWidth = 1200, kMargin = 12, kRow = 17, kTitle = 34, kNarrowest = 0.3, kLetter = 6.6;

// A warm colour that is always the same for a name (FNV-1a).
std::string colour_of(const std::string& name) {
  uint32_t hash = 2166136261u;
  for (const char c : name) hash = (hash ^ uint8_t(c)) * 16777619u;
  return str("rgb(", 205 + hash % 50, ",", 90 + hash / 64 % 120, ",", 40 + hash / 8192 % 50, ")");
}

}  // namespace

std::string flame_graph(const CallGraph& calls, const std::string& title) {
  const std::vector<CallGraph::Node>& nodes = calls.nodes();
  const std::vector<uint64_t> cycles = calls.inclusive();
  const double per_cycle = (kWidth - 2 * kMargin) / double(std::max<uint64_t>(cycles[0], 1));
  // A node's callees lie on it from left to right. Parents come first, so one pass places all.
  std::vector<double> x(nodes.size(), kMargin), free(nodes.size(), kMargin);
  std::vector<size_t> depth(nodes.size());
  size_t deepest = 0;
  for (size_t i = 1; i < nodes.size(); ++i) {
    const size_t parent = nodes[i].parent;
    x[i] = free[i] = free[parent];
    free[parent] += double(cycles[i]) * per_cycle;
    depth[i] = depth[parent] + 1;
    if (double(cycles[i]) * per_cycle >= kNarrowest) deepest = std::max(deepest, depth[i]);
  }
  const double height = kTitle + kRow * double(deepest + 1) + kMargin;
  std::string svg = str("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", pixel(kWidth), "\" height=\"", pixel(height),
                        "\" viewBox=\"0 0 ", pixel(kWidth), " ", pixel(height),
                        "\" font-family=\"ui-monospace, monospace\" font-size=\"11\" fill=\"#1f2328\">\n", "<rect width=\"",
                        pixel(kWidth), "\" height=\"", pixel(height), "\" fill=\"#ffffff\"/>\n<text x=\"", pixel(kMargin),
                        "\" y=\"22\" font-size=\"15\" font-weight=\"600\">", escaped(title), "</text>\n");
  for (size_t i = 0; i < nodes.size(); ++i) {
    const double width = double(cycles[i]) * per_cycle, y = height - kMargin - kRow * double(depth[i] + 1);
    if (width < kNarrowest) continue;
    const std::string name = calls.name(nodes[i].function);
    const auto letters = size_t(std::max(0.0, (width - 6) / kLetter));
    const std::string shown = name.size() <= letters ? name : letters >= 4 ? name.substr(0, letters - 2) + ".." : "";
    svg += str("<g><title>", escaped(name), ": ", grouped(int64_t(cycles[i])), " cycles, ",
               fixed(100 * double(cycles[i]) / double(std::max<uint64_t>(cycles[0], 1)), 2), "%, ",
               grouped(int64_t(nodes[i].calls)), " calls</title><rect x=\"", pixel(x[i]), "\" y=\"", pixel(y), "\" width=\"",
               pixel(std::max(width - 0.5, 0.2)), "\" height=\"", pixel(kRow - 1), "\" fill=\"", colour_of(name), "\"/>");
    if (!shown.empty()) svg += str("<text x=\"", pixel(x[i] + 3), "\" y=\"", pixel(y + 12), "\">", escaped(shown), "</text>");
    svg += "</g>\n";
  }
  return svg + "</svg>\n";
}

}  // namespace bitloom
