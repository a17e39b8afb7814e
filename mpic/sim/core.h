// The MPIC core: programs run at speed and stop where asked, with exact cycles.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mpic/sim/access.h"
#include "mpic/sim/machine.h"

namespace bitloom::mpic {

enum class StopReason : uint8_t {
  kExit,        // the program ended: exit ecall, store to the exit address, or tohost
  kLimit,       // as many instructions were executed as asked for
  kFault,       // the guest went wrong: see Fault
  kBreakpoint,  // ebreak without a handler
  kInterrupt    // the host called interrupt()
};
const char* to_string(StopReason reason);

// What a guest did wrong: data, never an exception.
struct Fault {
  std::string cause;     // "illegal instruction", "load outside memory", ...
  uint32_t pc = 0;       // of the instruction
  uint32_t word = 0;     // its bits, 0 where there is no memory
  uint32_t address = 0;  // of the access, for memory faults
};

struct RunResult {
  StopReason reason = StopReason::kLimit;
  int exit_code = 0;
  Fault fault;
};

// Words outside memory that programs may store to, as in RI5CY's test bench: a byte to print; the exit code.
inline constexpr uint32_t kConsoleAddress = 0x10000000, kExitAddress = 0x20000004;
// The published clock: what cycles are in seconds.
inline constexpr uint32_t kHertz = 250'000'000;
// As long as mtvec is 0 the host is the program's operating system: it serves ecalls (mpic/sim/system_calls.cpp), ends the run at traps, and keeps
// what is read-only from being written. A program with a trap handler has the machine for itself. Semihosting requests (semihosting.cpp) are always served.
inline constexpr uint32_t kExitCall = 93, kWriteCall = 64, kPutcharCall = 11;
struct UnknownCall {
  uint32_t number, pc;  // a7, and where it was first
  uint64_t count;
};

class Interpreter;

class Core {
 public:
  // Memory as Memory's constructor has it.
  Core(uint32_t memory_base, uint64_t memory_size);
  ~Core();

  // As after power-up, memory apart: execution begins at `pc`, in XpulpV2 mode (simd_legacy is 1), at cycle 0.
  void reset(uint32_t pc);
  const Memory& memory() const { return memory_; }
  // Writes what may be data or code. Error when the range is not all in memory.
  void write(uint32_t address, const void* from, uint64_t bytes);
  // To be written through at once, before the program goes on; all that was translated of it is dropped.
  Memory& writable_memory();
  const State& state() const { return state_; }
  void set_pc(uint32_t pc) { state_.pc = pc; }
  void set_reg(int index, uint32_t value) { state_.x[index == 0 ? 32 : index] = value; }
  // By the rules of csr.inc.
  uint32_t read_csr(uint32_t address) const;
  uint32_t read_csr(Csr csr) const { return read_csr(address_of(csr)); }
  void write_csr(uint32_t address, uint32_t value) { write_csr(address, value, 0); }
  void write_csr(Csr csr, uint32_t value) { write_csr(address_of(csr), value, 0); }

  // Goes on until the program stops or that many more instructions were executed. Where it is stopped and continued changes nothing.
  RunResult run(uint64_t max_instructions = ~uint64_t(0));

  // Since reset. `cycles` is when the next instruction issues if it waits for nothing.
  Counters counters() const;

  // Called after every instruction with the cycle it issued in and the cycles from the one before it on; run() is then much slower.
  struct Observed {
    uint32_t pc, word;
    const Insn& insn;
    uint64_t issued, cycles;
    bool trapped;  // it did not execute, but went to the program's handler
    MemoryAccess access;
    // Whether the host served it, an ecall or a semihosting request, and has the answer in a0.
    bool is_served() const { return !trapped && (insn.executes == Op::ecall || insn.executes == Op::ebreak); }
  };
  void observe(std::function<void(const Observed&)> observer) { observer_ = std::move(observer); }
  // Where console output goes; nowhere by default.
  void set_console(std::function<void(const char* text, size_t size)> console) { console_ = std::move(console); }
  // Where the program's input comes from: up to `size` bytes into `text`, how many there were; 0 at the end, which is how it is by default.
  void set_input(std::function<size_t(char* text, size_t size)> input) { input_ = std::move(input); }
  // Its name and its arguments, for the semihosting request that asks for them.
  void set_arguments(std::vector<std::string> arguments) { arguments_ = std::move(arguments); }
  // Where the heap begins that brk() moves the end of; 0: there is none.
  void set_break(uint32_t address) { first_break_ = break_ = address; }
  uint32_t program_break() const { return break_; }
  // The ecalls that nobody served since reset, by number.
  const std::vector<UnknownCall>& unknown_calls() const { return unknown_calls_; }
  // The words through which riscv-tests speak to their host; 0: there is no fromhost. An odd value stored to tohost ends the program with that
  // value >> 1 as exit code; the address of {64, 1 or 2, text, size}, each of 64 bits, writes to the console and is answered in fromhost.
  void set_tohost(uint32_t tohost, uint32_t fromhost = 0);
  // Makes run() return soon; a signal handler may call it.
  void interrupt() { interrupted_ = true; }

 private:
  enum class Next : uint8_t { kGoOn, kStop };

  Next step(RunResult* result);
  Next execute(const Insn& insn, Outcome* outcome, RunResult* result);
  Next system(const Insn& insn, Outcome* outcome, RunResult* result);
  Next trap(uint32_t cause, const char* name, uint32_t pc, Outcome* outcome, RunResult* result);
  Next fault(const char* cause, uint32_t address, uint32_t pc, RunResult* result);
  bool has_handler() const { return state_.csr(Csr::mtvec) != 0; }
  // Whether the program may write there, and so what serves it.
  bool can_write(uint32_t address, uint64_t bytes) const {
    return memory_.contains(address, bytes) && (has_handler() || !memory_.is_read_only(address, bytes));
  }
  Next host_call(uint32_t pc, RunResult* result);
  void note_unknown_call(uint32_t number, uint32_t pc);
  // Semihosting: whether the ebreak at `pc` is a request, and what is done about it.
  bool asks_debugger(uint32_t pc) const;
  Next semihost(uint32_t pc, RunResult* result);
  uint32_t read_console(uint32_t handle, uint32_t address, uint32_t size);
  uint32_t read_features(uint32_t address, uint32_t size);
  Next store_outside(uint32_t address, uint32_t value, uint32_t pc, RunResult* result);
  template <class T>
  Next store(uint32_t address, T stored, uint32_t value, uint32_t pc, RunResult* result);
  Next serve_tohost(uint32_t pc, RunResult* result);
  // What write(), read(), brk(), fstat() and clock_gettime() answer: a count or an address, or a negative errno.
  uint32_t write_console(uint32_t descriptor, uint32_t address, uint32_t size);
  uint32_t read_input(uint32_t descriptor, uint32_t address, uint32_t size);
  uint32_t move_break(uint32_t address);
  uint32_t describe_file(uint32_t descriptor, uint32_t address);
  uint32_t tell_time(uint32_t address, uint32_t units_per_second);
  uint8_t divider(const Insn& insn) const;
  // `elapsed` cycles and instructions of the writer itself are still to be counted.
  void write_csr(uint32_t address, uint32_t written, uint32_t elapsed);
  uint32_t event(int index) const;
  // The same as long as the event is selected, else 0.
  uint32_t counted(int index) const;

  Machine machine_;
  Memory& memory_ = machine_.memory;
  State& state_ = machine_.state;
  CycleModel& model_ = machine_.model;
  std::unique_ptr<Interpreter> interpreter_;
  std::function<void(const Observed&)> observer_;
  std::function<void(const char*, size_t)> console_;
  std::function<size_t(char*, size_t)> input_;
  std::vector<std::string> arguments_;
  std::vector<UnknownCall> unknown_calls_;
  uint32_t first_break_ = 0, break_ = 0;
  uint32_t features_read_ = 0;  // how far the program has read in the file of semihosting's features
  uint32_t tohost_ = 0, fromhost_ = 0;
  uint64_t time_ = 0;  // cycle that the program sees: the issue of the instruction that executes
  volatile bool interrupted_ = false;
};

}  // namespace bitloom::mpic
