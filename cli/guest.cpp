// A program on the simulated core.
#include "cli/guest.h"

#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <csignal>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/explain.h"
#include "core/error.h"
#include "core/quote.h"
#include "mpic/isa/names.h"
#include "mpic/program/assembler.h"
#include "mpic/program/disassembler.h"
#include "nas/cost_model.h"

namespace bitloom {
namespace {

mpic::Core* running = nullptr;
volatile std::sig_atomic_t was_interrupted = 0;

void on_interrupt(int) {
  was_interrupted = 1;
  running->interrupt();
}

// The handlers while a core runs, the previous ones afterwards.
class InterruptScope {
 public:
  explicit InterruptScope(mpic::Core& core) {
    running = &core;
    was_interrupted = 0;
    interrupt_ = std::signal(SIGINT, on_interrupt);
    terminate_ = std::signal(SIGTERM, on_interrupt);
  }
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;
  ~InterruptScope() {
    std::signal(SIGINT, interrupt_);
    std::signal(SIGTERM, terminate_);
  }

 private:
  void (*interrupt_)(int);
  void (*terminate_)(int);
};

nlohmann::ordered_json counters_json(const mpic::Counters& c) {
  nlohmann::ordered_json issued, stalls;
  for (int i = 0; i < mpic::kTimings; ++i) issued[to_string(mpic::Timing(i))] = c.issued[size_t(i)];
  for (int i = 0; i < mpic::kStalls; ++i) stalls[to_string(mpic::Stall(i))] = c.stalls[size_t(i)];
  return {{"instructions_by_class", issued},
          {"stall_cycles_by_cause", stalls},
          {"compressed", c.compressed},
          {"branches_taken", c.taken}};
}

// The host's stdin, waited for in steps, so that Ctrl-C ends it.
size_t read_stdin(char* text, size_t size) {
  constexpr int kPatienceMs = 100;
  pollfd input = {STDIN_FILENO, POLLIN, 0};
  std::cout.flush();
  while (was_interrupted == 0) {
    if (poll(&input, 1, kPatienceMs) <= 0) continue;
    const ssize_t count = read(STDIN_FILENO, text, size);
    return count > 0 ? size_t(count) : 0;
  }
  return 0;
}

// How a run that did not come to its end left the core.
nlohmann::ordered_json registers_json(const mpic::State& state) {
  nlohmann::ordered_json json = {{"pc", state.pc}};
  for (int i = 0; i < 32; ++i) json[mpic::register_name(i)] = state.x[i];
  return json;
}

}  // namespace

const char* const kGuestHelp =
    "PROG is an ELF executable, assembly (.s) or a flat binary (.bin, loaded and entered at --base).\n"
    "A program prints by storing bytes to 0x10000000, or by ecall with a7 = 64: write(a0 = 1 or 2, a1, a2), a7 = 11: "
    "putchar(a0).\n"
    "It ends by ecall with a7 = 93: exit(a0), by storing its exit code to 0x20000004, or by a store to the symbol tohost.\n"
    "Also served are read, close, fstat, lseek, brk, gettimeofday and getpid by Linux's numbers, as newlib asks for them, and "
    "semihosting requests for the "
    "console, the input, the command line, the clocks and the end.\n"
    "Behind the program, and -- where they look like options, stand its own arguments. Its input is stdin.";

std::vector<std::string> GuestOptions::paths() const {
  std::vector<std::string> all = {path};
  for (size_t i = 0; mpic::is_assembly(path) && i < words.size() && mpic::is_assembly(words[i]); ++i) all.push_back(words[i]);
  return all;
}

void add_guest_options(CLI::App& app, GuestOptions& o) {
  app.add_option("program", o.path, "The program: PROG.elf, PROG.s or PROG.bin")->required();
  app.add_option("arguments", o.words,
                 "Of PROG.s: further .s files of the program; then what it gets as argv[1], ...: bitloom run PROG.elf -- -x y");
  app.add_option("--max-insns", o.max_insns, "Stop after that many instructions, with exit code 1")->check(CLI::PositiveNumber);
  app.add_option("--mem", o.memory, "Bytes of memory; K and M are understood [512K]");
  app.add_option("--base", o.base, "Address of memory [0x80000000, or where the ELF file's segments are]");
  app.add_option("--entry", o.entry, "Address or symbol to begin at [what the file says]");
  app.add_option("--format", o.format, "text, or json: one object on stdout, the program's own output on stderr")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

Guest::Guest(const GuestOptions& options, bool console_to_stderr) : options_(options) {
  mpic::LoadOptions load;
  load.entry = options.entry;
  if (!options.base.empty()) load.base = mpic::parse_address(options.base);
  if (!options.memory.empty()) load.size = mpic::parse_size(options.memory);
  const std::vector<std::string> paths = options.paths();
  program_ = mpic::load_program(paths, load);
  core_ = std::make_unique<mpic::Core>(program_.memory_base, program_.memory_size);
  std::vector<std::string> arguments = {options.path};
  arguments.insert(arguments.end(), options.words.begin() + std::ptrdiff_t(paths.size() - 1), options.words.end());
  program_.start(*core_, arguments);
  core_->set_input(read_stdin);
  std::ostream& console = console_to_stderr ? std::cerr : std::cout;
  const bool is_terminal = isatty(console_to_stderr ? STDERR_FILENO : STDOUT_FILENO) != 0;
  core_->set_console([&console, is_terminal](const char* text, size_t size) {
    console.write(text, std::streamsize(size));
    if (is_terminal || text[size - 1] == '\n') console.flush();
  });
}

bool Guest::interrupted() { return was_interrupted != 0; }

void Guest::run_by(const std::function<mpic::RunResult(mpic::Core&)>& run) {
  const InterruptScope scope(*core_);
  const auto start = std::chrono::steady_clock::now();
  result_ = run(*core_);
  seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::cout.flush();
}

std::string Guest::place(uint32_t address) const {
  const std::string name = image().place(address);
  return name.empty() ? mpic::hex(address, 8) : name;
}

int Guest::exit_code() const {
  switch (result_.reason) {
    case mpic::StopReason::kExit: return result_.exit_code & 0xff;
    case mpic::StopReason::kInterrupt: return 130;
    default: return 1;
  }
}

std::string Guest::problem() const {
  const mpic::Fault& f = result_.fault;
  switch (result_.reason) {
    case mpic::StopReason::kExit: return "";
    case mpic::StopReason::kLimit:
      return str(options_.path, ": stopped after ", options_.max_insns, " instructions (--max-insns) at ",
                 place(core_->state().pc));
    case mpic::StopReason::kInterrupt: return str(options_.path, ": interrupted at ", place(core_->state().pc));
    case mpic::StopReason::kBreakpoint:
      return str(options_.path, ": ebreak at ", mpic::hex(core_->state().pc, 8), " (", place(core_->state().pc),
                 "), and the program has no trap handler");
    case mpic::StopReason::kFault: break;
  }
  const std::string near = image().place(f.pc);
  std::string line = str(options_.path, ": ", f.cause, f.address != f.pc ? " " + mpic::hex(f.address, 8) : "", " at pc ",
                         mpic::hex(f.pc, 8), near.empty() ? "" : " (" + near + ")");
  if (uint32_t word = 0; core_->memory().fetch(f.pc, &word)) line += ": " + mpic::disassemble_at(word, f.pc);
  const std::string reason = explanation(*core_, image(), f);
  return reason.empty() ? line : line + "; " + reason;
}

void Guest::report() const {
  for (const mpic::UnknownCall& call : core_->unknown_calls())
    std::cerr << "warning: "
              << printable(str(options_.path, ": ecall ", call.number, " at ", place(call.pc), " is not served here, ",
                               call.count, call.count == 1 ? " time" : " times", ": answered ENOSYS"))
              << "\n";
  const std::string what = problem();
  if (what.empty()) return;
  std::cerr << "error: " << printable(what) << "\n";
  if (result_.reason != mpic::StopReason::kInterrupt) std::cerr << register_dump(*core_);
}

nlohmann::ordered_json Guest::figures() const {
  const mpic::Counters c = core_->counters();
  const auto ratio = [](double a, double b) { return b > 0 ? std::round(a / b * 1e4) / 1e4 : 0; };
  nlohmann::ordered_json json = {{"program", options_.path},
                                 {"exit_code", exit_code()},
                                 {"stop_reason", to_string(result_.reason)},
                                 {"instructions", c.instructions},
                                 {"cycles", c.cycles},
                                 {"cycles_per_instruction", ratio(double(c.cycles), double(c.instructions))},
                                 {"seconds", seconds_},
                                 {"mips", ratio(double(c.instructions) / 1e6, seconds_)},
                                 {"energy_uj", published_energy(c.cycles)},
                                 {"energy_source", "published power: 5.3825 mW at 250 MHz, times cycles; not measured"},
                                 {"counters", counters_json(c)}};
  if (result_.reason == mpic::StopReason::kFault) {
    const mpic::Fault& f = result_.fault;
    json["fault"] = {{"cause", f.cause},
                     {"pc", f.pc},
                     {"place", place(f.pc)},
                     {"instruction", mpic::disassemble(f.word, mpic::Spelling::kPlain)},
                     {"address", f.address}};
  }
  if (result_.reason != mpic::StopReason::kExit) json["registers"] = registers_json(core_->state());
  for (const mpic::UnknownCall& call : core_->unknown_calls())
    json["unknown_calls"].push_back({{"number", call.number}, {"place", place(call.pc)}, {"count", call.count}});
  return json;
}

double published_energy(uint64_t cycles) { return double(cycles) * published_costs().picojoule_per_cycle * 1e-6; }

}  // namespace bitloom
