// The bitloom program: parses the command line, runs a subcommand, and turns every error into one line.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>

#include "cli/commands.h"
#include "core/cancel.h"
#include "core/error.h"
#include "core/paths.h"
#include "core/tensor.h"
#include "core/version.h"

namespace bitloom {
namespace {

// The first Ctrl-C ends the work in good order, a second one the process.
void on_interrupt(int signal) {
  request_cancel();
  std::signal(signal, SIG_DFL);
}

void check_output() {
  std::cout.flush();
  BITLOOM_CHECK(std::cout.good(), "cannot write to the standard output: ", std::strerror(errno));
}

int run(int argc, char** argv) {
  std::string typed;
  for (int i = 0; i < argc; ++i) typed += (i ? " " : "") + std::string(i ? argv[i] : "bitloom");
  CLI::App app(
      "bitloom: channel-wise mixed-precision quantization search, from training to integers.\n"
      "Start with `bitloom demo --out out/demo`; every command explains itself with --help.");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("bitloom ") + kVersion + ", kernels for " + kernel_path());
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  Chosen chosen;
  add_train(app, chosen);
  add_search(app, chosen);
  add_sweep(app, chosen);
  add_eval(app, chosen);
  add_info(app, chosen);
  add_report(app, chosen);
  add_deploy(app, chosen);
  add_simulate(app, chosen);
  add_calibrate(app, chosen);
  add_demo(app, chosen);
  add_run(app, chosen);
  add_profile(app, chosen);
  add_sensitivity(app, chosen);
  add_asm(app, chosen);
  add_disasm(app, chosen);
  add_isa(app, chosen);
  try {
    if (argc > 1 && argv[1][0] != '-') app.get_subcommand(argv[1]);
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    app.exit(e);
    check_output();
    return 0;
  } catch (const CLI::OptionNotFound&) {  // parse() would only say that a subcommand is missing
    std::cerr << "error: there is no subcommand " << quote(argv[1]) << " (see bitloom --help)\n";
    return 2;
  } catch (const CLI::ParseError& e) {
    std::cerr << "error: " << printable(e.what()) << " (see bitloom --help)\n";
    return 2;
  } catch (const Error& e) {  // options that do not go together
    std::cerr << "error: " << printable(e.what()) << "\n";
    return 2;
  }
  int code = 0;
  try {
    chosen(typed);
  } catch (const ExitCode& e) {
    code = e.code;
  }
  check_output();
  return code;
}

}  // namespace

}  // namespace bitloom

int main(int argc, char** argv) {
  std::signal(SIGINT, bitloom::on_interrupt);
  std::signal(SIGTERM, bitloom::on_interrupt);
  std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is then an error of write(), reported like a full disk
  bitloom::keep_freed_memory();
  try {
    return bitloom::run(argc, argv);
  } catch (const bitloom::Interrupted& e) {
    std::cerr << bitloom::printable(e.what()) << "\n";
    return 130;  // as a shell reports a program that Ctrl-C ended
  } catch (const std::bad_alloc&) {
    std::cerr << "error: out of memory; use a smaller --batch\n";
  } catch (const std::exception& e) {
    std::cerr << "error: " << bitloom::printable(e.what()) << "\n";
  }
  return 1;
}
