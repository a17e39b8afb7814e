// The subcommands. Each declares its options on the program and what runs when it is chosen.
#pragma once
#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace bitloom {

// `chosen` receives the work of the subcommand that the command line names; it is called with that line as typed.
using Chosen = std::function<void(const std::string& command)>;
// Thrown by a subcommand whose exit code is not 0 although it did its work: that of the program it ran.
struct ExitCode {
  int code;
};
void add_train(CLI::App& program, Chosen& chosen);
void add_search(CLI::App& program, Chosen& chosen);
void add_sweep(CLI::App& program, Chosen& chosen);
void add_eval(CLI::App& program, Chosen& chosen);
void add_info(CLI::App& program, Chosen& chosen);
void add_report(CLI::App& program, Chosen& chosen);
void add_deploy(CLI::App& program, Chosen& chosen);
void add_simulate(CLI::App& program, Chosen& chosen);
void add_calibrate(CLI::App& program, Chosen& chosen);
void add_demo(CLI::App& program, Chosen& chosen);
void add_run(CLI::App& program, Chosen& chosen);
void add_profile(CLI::App& program, Chosen& chosen);
void add_sensitivity(CLI::App& program, Chosen& chosen);
void add_asm(CLI::App& program, Chosen& chosen);
void add_disasm(CLI::App& program, Chosen& chosen);
void add_isa(CLI::App& program, Chosen& chosen);

}  // namespace bitloom
