// Many runs of one program at once, each on data of its own, a lane of the host's vectors for each: one decoded instruction is executed for all
// of them, as SIMT machines do (Lindholm et al., IEEE Micro 28(2), 2008), as long as they go the same way.
//
// Nothing is timed here. Cycles depend on the way through the program and on which accesses are misaligned; path() stands for both, so runs of
// the same path take the cycles that a Core counts for any one of them.
#pragma once
#include <cstdint>
#include <vector>

#include "mpic/program/image.h"
#include "mpic/sim/operands.h"
#include "mpic/sim/state.h"

namespace bitloom::mpic {

class Lockstep {
 public:
  static constexpr int kLanes = 16;

  // The program in the memory of every lane.
  Lockstep(const Image& image, uint32_t memory_base, uint64_t memory_size);

  // Memory stays.
  void reset(uint32_t pc);
  uint32_t pc() const { return pc_; }
  void set_pc(uint32_t pc) { pc_ = pc; }
  // One lane's memory, where it is no code. Error when the range is not all in memory.
  void write(int lane, uint32_t address, const void* from, uint64_t bytes);
  void read(int lane, uint32_t address, void* to, uint64_t bytes) const;
  uint32_t reg(int lane, int index) const { return x_[index].of[lane]; }
  void set_reg(int lane, int index, uint32_t value) { x_[index == 0 ? 32 : index].of[lane] = value; }

  // Goes on to an ebreak. False when that cannot be done for all lanes at once: they part, or something is left to a Core (divisions, faults,
  // calls, CSRs other than those of formats, stores into code), or `most` instructions were executed. The lanes are then of no use.
  bool run(uint64_t most = ~uint64_t(0));
  // A hash of the way that all lanes went since reset(), and its length.
  uint64_t path() const { return path_; }
  uint64_t instructions() const { return instructions_; }

 private:
  struct alignas(64) Lanes {
    uint32_t of[kLanes];
  };
  struct Step;
  using Handler = const Step* (*)(Lockstep& machine, const Step* ip);
  // What may begin at a halfword of code.
  struct Step {
    Handler handler;
    Operands operands;
    uint8_t halfwords;
    bool ends_loop;
  };
  struct View;
  template <bool kFirst>
  struct Semantics;
  struct Handlers;

  Step step_at(uint32_t pc, const Memory& memory) const;
  uint32_t address_of(const Step* ip) const { return code_ + uint32_t(ip - steps_.data()) * 2; }
  View view(const Step* ip);
  // Where to go on; nullptr: not here.
  const Step* at(uint32_t address) const;
  const Step* next(const Step* ip);
  const Step* behind_loop_end(const Step* ip);
  const Step* behind_loop_set(const Step* ip);
  // Of bytes_ bytes. False when they are not all in memory, or stored into code.
  bool load(uint32_t address, const Step* ip, View* v);
  bool store(uint32_t address, const Step* ip);
  Lanes* words_at(uint32_t offset, const Step* ip);
  void note(uint64_t value) { path_ = (path_ ^ value) * 0x9e3779b97f4a7c15, path_ ^= path_ >> 29; }

  const uint32_t base_, size_;
  uint32_t code_ = 0;        // address of the first step
  std::vector<Step> steps_;  // to the end of all code
  std::vector<Lanes> words_;
  Lanes x_[33];  // x_[32] takes what is written to x0
  State state_;  // of all lanes: loops and CSRs, no registers
  uint32_t pc_ = 0;
  uint64_t path_ = 0, instructions_ = 0;
  // Between a handler's passes over the lanes.
  Lanes crossing_, stored_, products_;
  int bytes_ = 0;  // of an access
  bool at_breakpoint_ = false;
};

}  // namespace bitloom::mpic
