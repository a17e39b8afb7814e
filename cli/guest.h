// A program on the simulated core: its options, its console, Ctrl-C, and how it ended. What `run` and `profile` share.
#pragma once
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "mpic/sim/core.h"
#include "mpic/sim/loader.h"

namespace CLI {
class App;
}

namespace bitloom {

struct GuestOptions {
  std::string path, memory, base, entry;
  std::vector<std::string> words;  // behind the path: of assembly, further texts of the program; then its arguments
  uint64_t max_insns = 0;          // 0: no limit
  std::string format = "text";
  bool json() const { return format == "json"; }
  std::vector<std::string> paths() const;  // the path and the words that are texts
};
void add_guest_options(CLI::App& app, GuestOptions& options);
// What the help of these commands says about programs.
extern const char* const kGuestHelp;

class Guest {
 public:
  // Loads the program. Its console output goes to stderr if the stdout is for figures.
  Guest(const GuestOptions& options, bool console_to_stderr);

  mpic::Core& core() { return *core_; }
  const mpic::Core& core() const { return *core_; }
  const mpic::Image& image() const { return program_.image; }

  // Runs it until it stops; Ctrl-C and SIGTERM stop it too. `run` may be another way to do so, with another end.
  void run() {
    run_by([this](mpic::Core& core) { return core.run(options_.max_insns == 0 ? ~uint64_t(0) : options_.max_insns); });
  }
  void run_by(const std::function<mpic::RunResult(mpic::Core&)>& run);
  // Whether Ctrl-C or SIGTERM came since it runs.
  static bool interrupted();

  // "main+0x14", or the address where no symbol is near.
  std::string place(uint32_t address) const;
  // Of a shell: what the guest said modulo 256; 1 when it did not come to an end; 130 after Ctrl-C.
  int exit_code() const;
  // Why it did not end by itself, as one line; "" when it did.
  std::string problem() const;
  // Prints that to stderr, with the registers where it stands, and which ecalls nobody served.
  void report() const;
  // exit_code, stop_reason, instructions, cycles, mips, energy_uj, counters; fault, registers and unknown_calls where there are any.
  nlohmann::ordered_json figures() const;

 private:
  GuestOptions options_;
  mpic::Program program_;
  std::unique_ptr<mpic::Core> core_;
  mpic::RunResult result_;
  double seconds_ = 0;
};

// Microjoule by the published power: 5.3825 mW at 250 MHz.
double published_energy(uint64_t cycles);

}  // namespace bitloom
