// bitloom run: a program on the simulated MPIC core.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands.h"
#include "cli/commit_log.h"
#include "cli/gdb_server.h"
#include "cli/guest.h"
#include "cli/table.h"
#include "cli/trace.h"
#include "core/error.h"
#include "core/io.h"
#include "core/json.h"
#include "mpic/isa/names.h"

namespace bitloom {
namespace {

struct RunOptions {
  GuestOptions guest;
  std::string trace, commit_log, signature;
  bool stats = false;
  int gdb_port = -1;  // -1: no debugger
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

// The words from symbol begin_signature to end_signature, one a line, as the RISC-V architectural tests compare them (riscv-arch-test, spec/TestFormatSpec.adoc).
void write_signature(const Guest& guest, const std::string& file) {
  const mpic::Symbol *begin = guest.image().find("begin_signature"), *end = guest.image().find("end_signature");
  BITLOOM_CHECK(begin != nullptr && end != nullptr,
                "--signature: the program has no symbols begin_signature and end_signature");
  const mpic::Memory& memory = guest.core().memory();
  BITLOOM_CHECK(begin->address <= end->address && (end->address - begin->address) % 4 == 0 &&
                    memory.contains(begin->address, end->address - begin->address),
                "--signature: from begin_signature, ", mpic::hex(begin->address, 8), ", to end_signature, ",
                mpic::hex(end->address, 8), ", is no range of words in memory");
  std::string text;
  for (uint32_t at = begin->address; at < end->address; at += 4)
    text += mpic::hex(memory.load<uint32_t>(at), 8).substr(2) + "\n";
  write_text_atomic(file, text);
}

void run_program(const RunOptions& o) {
  Guest guest(o.guest, o.guest.json());
  std::optional<Trace> trace;
  std::optional<CommitLog> commit_log;
  if (!o.trace.empty()) trace.emplace(guest.core(), o.trace);
  if (!o.commit_log.empty()) commit_log.emplace(guest.core(), o.commit_log);
  if (trace || commit_log)
    guest.core().observe([&](const mpic::Core::Observed& executed) {
      if (trace) trace->add(executed);
      if (commit_log) commit_log->add(executed);
    });
  if (o.gdb_port >= 0)
    guest.run_by([&](mpic::Core& core) { return debug(core, o.gdb_port, o.guest.path); });
  else
    guest.run();
  if (trace) trace->finish();
  if (commit_log) commit_log->finish();
  if (!o.signature.empty()) write_signature(guest, o.signature);
  if (o.stats) print_stats(guest, guest.core().counters());
  if (o.guest.json()) std::cout << json_text(guest.figures());
  guest.report();
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
      "  bitloom run hello.elf --trace - 2>&1 | grep '\\[8000'\n  bitloom run hello.elf --format json --max-insns 1000000\n"
      "  bitloom run hello.elf --gdb 3333      # in another terminal: gdb-multiarch hello.elf -ex 'target remote :3333'");
  add_guest_options(*app, o->guest);
  app->add_option("--trace", o->trace, "Write a line for every instruction to this file; - is stderr");
  app->add_option("--commit-log", o->commit_log,
                  "Write what every instruction changed to this file, as spike --log-commits does");
  app->add_option("--gdb", o->gdb_port,
                  "Wait on this port of 127.0.0.1 (0: any free one) for a debugger: gdb-multiarch PROG, target remote :PORT")
      ->check(CLI::Range(0, 65535))
      ->type_name("PORT")
      ->excludes("--max-insns");
  app->add_option("--signature", o->signature,
                  "Write the words between the symbols begin_signature and end_signature to this file");
  app->add_flag("--stats", o->stats, "Print instructions by class and stalls by cause to stderr");
  app->callback([=, &chosen] { chosen = [=](const std::string&) { run_program(*o); }; });
}

}  // namespace bitloom
