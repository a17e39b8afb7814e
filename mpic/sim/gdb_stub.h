// The core as a debugger sees it: GDB's remote serial protocol, packet by packet, without the wire.
#pragma once
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mpic/sim/access.h"
#include "mpic/sim/core.h"

namespace bitloom::mpic {

// Answers packets of the protocol (GDB manual, appendix E, "GDB Remote Serial Protocol"): registers x0 to x31, pc and every CSR, memory, breakpoints,
// watchpoints on writes, step and continue. What it does not know it answers with an empty packet, what is wrong with an error; no packet can harm it.
// A stopped program costs no cycles: counters are those of an undisturbed run.
class GdbStub {
 public:
  static constexpr size_t kMaxPacket = 16384;
  // Registers by number, as in the description that the debugger asks for.
  static constexpr int kPc = 32, kFirstCsr = 65;

  // `stop_asked` is looked at now and then while the program runs: true makes it stop, as Ctrl-C in the debugger does.
  GdbStub(Core& core, std::function<bool()> stop_asked) : core_(core), stop_asked_(std::move(stop_asked)) {}

  // The answer to a packet's content, likewise without frame. Of "c" and "s" it comes when the program has stopped. `packet` of any bytes.
  std::string answer(std::string_view packet);

  // What the debugger decided: "D" lets the program go on by itself, "k" ends it.
  enum class Session { kOpen, kDetached, kKilled };
  Session session() const { return session_; }
  // How the program ended, if it did.
  bool ended() const { return ended_; }
  const RunResult& result() const { return result_; }

 private:
  struct Watchpoint {
    char type;  // of the packet: '2' writes, '3' reads, '4' both
    uint32_t address;
    std::vector<uint8_t> value;  // what was there
  };

  std::string registers() const;
  std::string set_registers(std::string_view digits);
  std::string read_register(std::string_view number) const;
  std::string set_register(std::string_view assignment);
  std::string read_memory(std::string_view range) const;
  std::string write_memory(std::string_view range_and_digits);
  std::string point(char what, std::string_view place);
  std::string query(std::string_view packet);
  std::string monitor(std::string_view command) const;
  std::string resume(std::string_view address, bool one_step);
  std::string stop_reply() const;
  bool get(int number, uint32_t* value) const;
  bool set(int number, uint32_t value);
  bool changed(Watchpoint& watched) const;
  // How the watchpoint that an instruction has hit is reported, "" when it has hit none: by what it wrote, and by what `access` was to load.
  std::string hit(const MemoryAccess& access);

  Core& core_;
  const std::function<bool()> stop_asked_;
  std::set<uint32_t> breakpoints_;
  std::vector<Watchpoint> watchpoints_;
  RunResult result_;
  std::string stop_ = "S05";
  Session session_ = Session::kOpen;
  bool ended_ = false;
};

}  // namespace bitloom::mpic
