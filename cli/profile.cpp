// bitloom profile: where a program spends its cycles on the simulated MPIC core.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "cli/call_graph.h"
#include "cli/commands.h"
#include "cli/guest.h"
#include "cli/table.h"
#include "core/io.h"
#include "core/json.h"
#include "mpic/isa/names.h"
#include "mpic/program/disassembler.h"
#include "mpic/program/line_table.h"

namespace bitloom {
namespace {

struct ProfileOptions {
  GuestOptions guest;
  size_t top = 20;
  std::string flame;
};

struct Spent {
  uint64_t instructions = 0, cycles = 0;
  void add(const Spent& other) {
    instructions += other.instructions;
    cycles += other.cycles;
  }
};
struct AtAddress {
  Spent spent;
  uint32_t word = 0;
};
using Profile = std::unordered_map<uint32_t, AtAddress>;  // by pc
// What a run is told by.
struct Measured {
  Profile profile;
  CallGraph calls;
  mpic::LineTable lines;
};

struct Entry {
  std::string name;
  Spent spent;
  uint64_t calls = 0;      // of functions: how often their first instruction ran
  uint64_t inclusive = 0;  // and their cycles with those of what they call
};
using Entries = std::vector<Entry>;

Entries sorted(const std::map<std::string, Entry>& by_name) {
  Entries all;
  for (const auto& [name, entry] : by_name) all.push_back(entry);
  std::stable_sort(all.begin(), all.end(), [](const Entry& a, const Entry& b) { return a.spent.cycles > b.spent.cycles; });
  return all;
}

Entries by_function(const Profile& profile, const mpic::Image& image, const CallGraph& calls) {
  std::map<std::string, Entry> functions;
  std::map<uint32_t, uint64_t> inclusive = calls.inclusive_by_function();
  for (const auto& [pc, at] : profile) {
    const mpic::Symbol* symbol = image.symbol_at(pc);
    const std::string name = symbol ? symbol->name : "?";
    Entry& entry = functions[name];
    entry.name = name;
    entry.spent.add(at.spent);
    if (symbol && symbol->address == pc) entry.calls += at.spent.instructions;
    if (const auto found = inclusive.find(symbol ? symbol->address : pc); found != inclusive.end()) {
      entry.inclusive += found->second;  // several functions may have one name; each counts once
      inclusive.erase(found);
    }
  }
  return sorted(functions);
}

// By source line, where the compiler noted them (-g).
Entries by_line(const Profile& profile, const mpic::LineTable& lines) {
  std::map<std::string, Entry> places;
  for (const auto& [pc, at] : profile) {
    const std::string name = lines.place(pc);
    if (name.empty()) continue;
    places[name].name = name;
    places[name].spent.add(at.spent);
  }
  return sorted(places);
}

Entries by_class(const Profile& profile) {
  std::map<std::string, Entry> classes;
  for (const auto& [pc, at] : profile) {
    const mpic::Insn insn = mpic::decode(at.word);
    const std::string name = insn.op == mpic::Op::illegal ? "trap" : to_string(row(insn.op).timing);
    Entry& entry = classes[name];
    entry.name = name;
    entry.spent.add(at.spent);
  }
  return sorted(classes);
}

std::vector<uint32_t> hottest(const Profile& profile, size_t top) {
  std::vector<uint32_t> pcs;
  for (const auto& [pc, at] : profile) pcs.push_back(pc);
  const auto hotter = [&](uint32_t a, uint32_t b) {
    const uint64_t x = profile.at(a).spent.cycles, y = profile.at(b).spent.cycles;
    return x != y ? x > y : a < b;
  };
  std::sort(pcs.begin(), pcs.end(), hotter);
  pcs.resize(std::min(pcs.size(), top));
  return pcs;
}

template <class T>
std::vector<T> first(std::vector<T> all, size_t top) {
  if (all.size() > top) all.resize(top, all[0]);
  return all;
}

std::string share(uint64_t part, uint64_t whole) { return fixed(whole ? 100.0 * double(part) / double(whole) : 0, 1) + "%"; }

void print_text(const Guest& guest, const Measured& measured, const mpic::Counters& total, size_t top) {
  const auto& [profile, calls, lines] = measured;
  const auto cells = [&](const std::string& name, const Spent& s) {
    return std::vector<std::string>{name, grouped(int64_t(s.instructions)), grouped(int64_t(s.cycles)),
                                    grouped(int64_t(s.cycles - s.instructions)), share(s.cycles, total.cycles)};
  };
  Table functions({"function", "instructions", "cycles", "stalls", "share", "calls", "with callees"});
  for (const Entry& e : by_function(profile, guest.image(), calls)) {
    std::vector<std::string> row = cells(e.name, e.spent);
    row.push_back(grouped(int64_t(e.calls)));
    row.push_back(grouped(int64_t(e.inclusive)));
    functions.add(row);
  }
  Table sources({"line", "instructions", "cycles", "stalls", "share"});
  for (const Entry& e : first(by_line(profile, lines), top)) sources.add(cells(e.name, e.spent));
  Table classes({"class", "instructions", "cycles", "stalls", "share"});
  for (const Entry& e : by_class(profile)) classes.add(cells(e.name, e.spent));
  Table instructions({"address", "instructions", "cycles", "stalls", "share", "place", "instruction"});
  for (const uint32_t pc : hottest(profile, top)) {
    std::vector<std::string> row = cells(mpic::hex(pc, 8), profile.at(pc).spent);
    row.push_back(guest.place(pc));
    row.push_back(mpic::disassemble(profile.at(pc).word, mpic::Spelling::kPlain));
    instructions.add(row);
  }
  Table edges({"caller", "callee", "calls", "cycles with callees", "share"});
  for (const CallGraph::Edge& e : first(calls.edges(), top))
    edges.add({calls.name(e.caller), calls.name(e.callee), grouped(int64_t(e.calls)), grouped(int64_t(e.cycles)),
               share(e.cycles, total.cycles)});
  std::cout << grouped(int64_t(total.cycles)) << " cycles, " << grouped(int64_t(total.instructions)) << " instructions, "
            << fixed(published_energy(total.cycles), 3) << " uJ at the published power\n\n"
            << functions.text() << "\n"
            << edges.text() << "\n"
            << classes.text() << "\n"
            << (lines.empty() ? "" : sources.text() + "\n") << instructions.text();
}

nlohmann::ordered_json spent_json(const char* key, const std::string& name, const Spent& s) {
  return {{key, name}, {"instructions", s.instructions}, {"cycles", s.cycles}, {"stalls", s.cycles - s.instructions}};
}

nlohmann::ordered_json profile_json(const Guest& guest, const Measured& measured, size_t top) {
  const auto& [profile, calls, lines] = measured;
  nlohmann::ordered_json json = guest.figures(), functions = nlohmann::ordered_json::array(), classes = functions,
                         instructions = functions, edges = functions, sources = functions;
  for (const Entry& e : by_function(profile, guest.image(), calls)) {
    functions.push_back(spent_json("function", e.name, e.spent));
    functions.back()["calls"] = e.calls;
    functions.back()["cycles_with_callees"] = e.inclusive;
  }
  for (const Entry& e : by_line(profile, lines)) sources.push_back(spent_json("line", e.name, e.spent));
  for (const Entry& e : by_class(profile)) classes.push_back(spent_json("class", e.name, e.spent));
  for (const uint32_t pc : hottest(profile, top)) {
    instructions.push_back(spent_json("place", guest.place(pc), profile.at(pc).spent));
    instructions.back()["address"] = pc;
    instructions.back()["instruction"] = mpic::disassemble(profile.at(pc).word, mpic::Spelling::kPlain);
  }
  for (const CallGraph::Edge& e : calls.edges())
    edges.push_back({{"caller", calls.name(e.caller)},
                     {"callee", calls.name(e.callee)},
                     {"calls", e.calls},
                     {"cycles_with_callees", e.cycles}});
  json["functions"] = functions;
  json["calls"] = edges;
  json["classes"] = classes;
  json["lines"] = sources;
  json["hottest"] = instructions;
  return json;
}

void profile_program(const ProfileOptions& o) {
  Guest guest(o.guest, true);
  Measured measured{{}, CallGraph(guest.image(), guest.core().state().pc), mpic::LineTable(read_file(o.guest.path))};
  guest.core().observe([&](const mpic::Core::Observed& at) {
    AtAddress& entry = measured.profile[at.pc];
    entry.word = at.word;
    entry.spent.add({1, at.cycles});
    measured.calls.add(at, guest.core().state().pc);
  });
  guest.run();
  if (!o.flame.empty())
    write_text_atomic(o.flame, flame_graph(measured.calls, "Cycles of " + o.guest.path + ", by way of calls"));
  if (o.guest.json())
    std::cout << json_text(profile_json(guest, measured, o.top));
  else
    print_text(guest, measured, guest.core().counters(), o.top);
  guest.report();
  if (!guest.problem().empty()) throw ExitCode{guest.exit_code()};
}

}  // namespace

void add_profile(CLI::App& program, Chosen& chosen) {
  auto o = std::make_shared<ProfileOptions>();
  CLI::App* app = program.add_subcommand(
      "profile", "Show cycles and stalls of a program by function, call, class, source line and instruction");
  app->footer(std::string(kGuestHelp) +
              "\nWhat the program prints goes to stderr. A stall belongs to the instruction that waits or makes wait: cycles = "
              "instructions + stalls.\nExamples:\n  bitloom profile hello.elf\n  bitloom profile kernel.s --top 5 --format "
              "json\n  bitloom profile hello.elf --flame flame.svg");
  add_guest_options(*app, o->guest);
  app->add_option("--flame", o->flame, "Write a flame graph of the cycles to this file (SVG)")->type_name("FILE.svg");
  app->add_option("--top", o->top, "Instructions in the last table; calls and source lines in theirs")->capture_default_str();
  app->callback([=, &chosen] { chosen = [=](const std::string&) { profile_program(*o); }; });
}

}  // namespace bitloom
