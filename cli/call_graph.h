// Who called whom on the simulated core, and the cycles of each way that led to a function.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mpic/program/image.h"
#include "mpic/sim/core.h"

namespace bitloom {

// Calls and returns are told by the registers that jumps name, as predictors of return addresses do (unprivileged manual, table 2.1): jal and jalr to ra or t0 call,
// jalr from them returns. A jump to another function's first instruction is a tail call; a trap calls its handler, which mret leaves.
// What it takes is bounded: calls more than 256 deep, and those along more ways than 2^20, are put down to their callers.
class CallGraph {
 public:
  // A function as called along one way from the first one. `cycles` are its own, without those of what it calls.
  struct Node {
    uint32_t function = 0;  // its address
    size_t parent = 0;      // of the first node: itself
    uint64_t calls = 0, cycles = 0;
    std::map<uint32_t, size_t> callees;
  };
  // All calls of one function by another; `cycles` with what it calls. Recursive calls are inside those of the first.
  struct Edge {
    uint32_t caller, callee;
    uint64_t calls, cycles;
  };

  // A program of that image that begins at `entry`.
  CallGraph(const mpic::Image& image, uint32_t entry);

  // An instruction was executed, and goes on at `next`.
  void add(const mpic::Core::Observed& executed, uint32_t next);

  // The ways, callers before callees.
  const std::vector<Node>& nodes() const { return nodes_; }
  // Cycles of every node with what it calls.
  std::vector<uint64_t> inclusive() const;
  // Most cycles first.
  std::vector<Edge> edges() const;
  // Cycles by function with what it calls; those of recursive calls count once.
  std::map<uint32_t, uint64_t> inclusive_by_function() const;
  std::string name(uint32_t function) const;

 private:
  struct Frame {
    size_t node;
    uint32_t returns_to;
    bool is_trap;
  };

  uint32_t function_of(uint32_t address) const;
  size_t callee(size_t parent, uint32_t function);
  void call(uint32_t target, uint32_t returns_to, bool is_trap);
  void jump(uint32_t target);
  void leave(uint32_t target, bool from_trap);

  const mpic::Image& image_;
  std::vector<Node> nodes_;
  std::vector<Frame> frames_;
};

// A flame graph (Gregg, "The Flame Graph", CACM 59(6), 2016) as self-contained SVG: a box for every way, as wide as its cycles, on that of its caller.
std::string flame_graph(const CallGraph& calls, const std::string& title);

}  // namespace bitloom
