// bitloom run: a program on the simulated MPIC core.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands.h"
#include "cli/guest.h"
#include "cli/table.h"
#include "cli/trace.h"
#include "core/json.h"
#include "core/quote.h"

namespace bitloom {
namespace {

struct RunOptions {
  GuestOptions guest;
  std::string trace;
  bool stats = false;
};

std::string share(uint64_t part, uint64_t whole) { return fixed(whole ? 100.0 * double(part) / double(whole) : 0, 1) + "%"; }

void print_stats(const Guest& guest, const mpic::Counters& c) {
  const auto figures = guest.figures();
  Table summary({"figure", "value"});
  summary.add({"instructions", grouped(int64_t(c.instructions))});
  summary.add({"of them compressed", grouped(int64_t(c.compressed))});
  summary.add({"cycles", grouped(int64_t(c.cycles))});
  summary.add({"cycles per instruction", fixed(figures.at("cycles_per_instruction"), 3)});
  summary.add({"branches taken", grouped(int64_t(c.taken))});
  summary.add({"energy uJ, published power", fixed(figures.at("energy_uj"), 3)});
  summary.add({"simulated MIPS", fixed(figures.at("mips"), 1)});
  Table classes({"class", "instructions", "share"}), stalls({"stall", "cycles", "share"});
  for (int i = 0; i < mpic::kTimings; ++i)
    if (const uint64_t n = c.issued[size_t(i)]; n > 0)
      classes.add({to_string(mpic::Timing(i)), grouped(int64_t(n)), share(n, c.instructions)});
  for (int i = 0; i < mpic::kStalls; ++i)
    if (const uint64_t n = c.stalls[size_t(i)]; n > 0)
      stalls.add({to_string(mpic::Stall(i)), grouped(int64_t(n)), share(n, c.cycles)});
  std::cerr << summary.text() << "\n" << classes.text() << "\n" << stalls.text();
}

void run_program(const RunOptions& o) {
  Guest guest(o.guest, o.guest.json());
  std::optional<Trace> trace;
  if (!o.trace.empty()) trace.emplace(guest.core(), o.trace);
  guest.run();
  if (trace) trace->finish();
  if (o.stats) print_stats(guest, guest.core().counters());
  if (o.guest.json()) std::cout << json_text(guest.figures());
  if (const std::string problem = guest.problem(); !problem.empty()) std::cerr << "error: " << printable(problem) << "\n";
  if (guest.exit_code() != 0) throw ExitCode{guest.exit_code()};
}

}  // namespace

void add_run(CLI::App& program, Chosen& chosen) {
  auto o = std::make_shared<RunOptions>();
  CLI::App* app =
      program.add_subcommand("run", "Run a program on the simulated MPIC core; its exit code becomes that of bitloom");
  app->footer(
      std::string(kGuestHelp) + "\n" + Trace::kFormat +
      "\nExamples:\n  bitloom run hello.elf\n  bitloom run loop.s --stats\n"
      "  bitloom run hello.elf --trace - 2>&1 | grep '\\[8000'\n  bitloom run hello.elf --format json --max-insns 1000000");
  add_guest_options(*app, o->guest);
  app->add_option("--trace", o->trace, "Write a line for every instruction to this file; - is stderr");
  app->add_flag("--stats", o->stats, "Print instructions by class and stalls by cause to stderr");
  app->callback([=, &chosen] { chosen = [=](const std::string&) { run_program(*o); }; });
}

}  // namespace bitloom
