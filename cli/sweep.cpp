// bitloom sweep: every combination of budgets, granularities, precisions and seeds, a folder each.
#include "nas/run/sweep.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "cli/commands.h"
#include "cli/comparison.h"
#include "cli/html_report.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/training.h"
#include "core/cancel.h"
#include "core/io.h"
#include "core/json.h"
#include "core/parallel.h"
#include "nas/budget.h"
#include "nas/run/task.h"

namespace bitloom {
namespace {

struct SweepOptions {
  SweepConfig sweep;
  std::vector<std::string> weight_bits, granularities, ablated;
  int64_t jobs = 1, point = -1;
  std::string slurm;
};

// Error when the point's folder holds another run that is finished; run() finds one that is not.
bool finished(const SweepPoint& point) {
  const RunConfig& own = point.config;
  if (!file_exists(own.out + "/result.json")) return false;
  const std::string file = own.out + "/config.json";
  RunConfig stored = config_from_json(read_text(file, JsonValue::kMaxBytes), file);
  stored.identity = own.identity;  // what only run() can tell
  const std::string other = difference(stored, own);
  BITLOOM_CHECK(other.empty(), own.out, " holds another run: its ", other, "; choose another --out or remove the folder");
  return true;
}

// This program's file and the arguments it was started with.
std::vector<std::string> own_command_line() {
  const std::string all = read_text("/proc/self/cmdline");
  std::vector<std::string> words;
  for (size_t at = 0; at < all.size(); at = all.find('\0', at) + 1) words.push_back(all.substr(at, all.find('\0', at) - at));
  words[0] = std::filesystem::read_symlink("/proc/self/exe");
  return words;
}

std::string part_names() {
  std::string names;
  for (const RecipePart& part : recipe_parts()) names += (names.empty() ? "" : ", ") + std::string(part.name);
  return names;
}

// The text's shell quotation.
std::string quoted(const std::string& text) {
  if (!text.empty() &&
      text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=.,:/%@") == std::string::npos)
    return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// Starts this program again for one point, with its share of the threads; what it says goes to NAME.log beside the point's folder. In a process group
// of its own: it hears of Ctrl-C from here, once.
pid_t start(const SweepOptions& o, const SweepPoint& point, size_t index) {
  std::vector<std::string> words = own_command_line();
  words.insert(words.end(), {"--point", std::to_string(index)});
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::string threads = str("OMP_NUM_THREADS=", std::max<int64_t>(1, omp_get_max_threads() / o.jobs));
  std::vector<char*> environment = {threads.data()};
  for (char** e = environ; *e; ++e)
    if (std::string(*e).rfind("OMP_NUM_THREADS=", 0) != 0) environment.push_back(*e);
  environment.push_back(nullptr);
  const std::string log = point.config.out + ".log";
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t process = -1;
  const int failure = posix_spawn(&process, argv[0], &files, &attributes, argv.data(), environment.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  BITLOOM_CHECK(failure == 0, "sweep: cannot start ", point.name, ": ", std::strerror(failure));
  return process;
}

// The last line of a log that is not empty.
std::string last_line(const std::string& path) {
  std::string text = file_exists(path) ? read_text(path) : std::string();
  for (char& c : text)
    if (c == '\r') c = '\n';
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

void run_in_processes(const SweepOptions& o, const std::vector<SweepPoint>& points) {
  make_output_folder(o.sweep.common.out);
  int64_t done = 0;
  for (const SweepPoint& p : points) done += finished(p);
  Progress progress("sweep", int64_t(points.size()), "points", done);
  struct Job {
    const SweepPoint* point;
    pid_t process;
  };
  std::vector<Job> running;
  std::string failure;
  size_t next = 0;
  bool told = false;
  while (true) {
    const bool wanted = failure.empty() && !cancel_requested();
    while (wanted && running.size() < size_t(o.jobs) && next < points.size()) {
      const SweepPoint& point = points[next++];
      if (!finished(point)) running.push_back({&point, start(o, point, next - 1)});
    }
    if (running.empty()) break;
    if (!wanted && !std::exchange(told, true))
      for (const Job& job : running) kill(job.process, SIGINT);  // each keeps what it has done
    for (size_t i = running.size(); i-- > 0;) {
      int status = 0;
      if (waitpid(running[i].process, &status, WNOHANG) != running[i].process) continue;
      const SweepPoint& point = *running[i].point;
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        progress.update(++done, point.name);
      else if (failure.empty() && !cancel_requested())
        failure = str(point.name, ": ", last_line(point.config.out + ".log"));
      running.erase(running.begin() + std::ptrdiff_t(i));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  progress.finish();
  if (cancel_requested()) throw Interrupted("the sweep was interrupted; run the same command again to continue");
  BITLOOM_CHECK(failure.empty(), "sweep: ", failure);
}

void write_batch_script(const SweepOptions& o, size_t points) {
  std::string command;
  for (const std::string& word : own_command_line()) command += (command.empty() ? "" : " ") + quoted(word);
  write_text_atomic(o.slurm,
                    str("#!/bin/sh\n# A task a point; the same command without --slurm does what is left, and reports.\n"
                        "#SBATCH --job-name=bitloom-sweep\n#SBATCH --array=0-",
                        points - 1, "\nexport OMP_NUM_THREADS=\"${SLURM_CPUS_PER_TASK:-1}\"\nexec ", command,
                        " --point \"$SLURM_ARRAY_TASK_ID\"\n"));
  std::cout << o.slurm << ": an array of " << points << " tasks, to be submitted with sbatch from this folder\n";
}

void report(const SweepOptions& o, const std::vector<SweepPoint>& points) {
  std::vector<FinishedRun> runs;
  std::vector<RunResult> results;
  std::vector<std::string> folders;
  for (const SweepPoint& p : points) {
    folders.push_back(p.config.out);
    runs.push_back(read_run(p.config.out));
    results.push_back(runs.back().result);
  }
  write_text_atomic(o.sweep.common.out + "/front.svg",
                    results_picture("Accuracy against weight memory", "integer networks on the test set", results));
  write_text_atomic(o.sweep.common.out + "/table.txt", results_table(results));
  write_html_report(o.sweep.common.out + "/report.html", folders);
  std::cout << results_table(results);
  const std::optional<Table> ablation = Comparison(runs).ablation();
  if (!ablation) return;
  write_text_atomic(o.sweep.common.out + "/ablation.txt", ablation->text());
  std::cout << "\n" << ablation->text();
}

// What cannot be met shows before hours of training.
void check_budgets(const std::vector<SweepPoint>& points, const TaskData& data) {
  for (const SweepPoint& point : points) check_budget(point.config, data);
}

// The float network that all points start from, unless it was given: trained once, and checked to be this sweep's.
void warm_up(const RunConfig& common, const std::vector<SweepPoint>& points) {
  RunConfig c;  // without what concerns the searches: other budgets may be added to a sweep
  c.task = common.task, c.data = common.data, c.metric = common.metric, c.model = common.model, c.seed = common.seed;
  c.batch = common.batch, c.patience = common.patience, c.optimizer = common.optimizer, c.schedule = common.schedule;
  c.augment = common.augment, c.weight_decay = common.weight_decay, c.warmup = common.warmup;
  c.regularization = common.regularization;
  c.command = common.command, c.checkpoint_seconds = common.checkpoint_seconds;
  c.out = common.out + "/float";
  const TaskData data = load_visibly(c);
  check_budgets(points, data);
  run_visibly(c, data);
}

void run_here(std::vector<SweepPoint>& points, size_t begin, size_t end) {
  std::optional<TaskData> data;  // of points[at]'s seed, which may decide how samples are drawn and split
  for (size_t i = begin, at = begin; i < end; ++i) {
    if (finished(points[i])) continue;
    std::cerr << "point " << i + 1 << " of " << points.size() << ": " << points[i].name << "\n";
    const bool first = !data;
    if (first || points[at].config.seed != points[i].config.seed) data = load_visibly(points[i].config), at = i;
    if (first) check_budgets(points, *data);
    run_visibly(points[i].config, *data);
  }
}

void sweep(SweepOptions o, const std::string& command) {
  RunConfig& common = o.sweep.common;
  common.command = command;
  settle_warmup(common);
  const bool one = o.point >= 0, warms_up = common.warmup_file.empty();
  if (warms_up) common.warmup_file = common.out + "/float/warmup.npz";
  BITLOOM_CHECK(!warms_up || (!one && o.slurm.empty()) || file_exists(common.warmup_file),
                "sweep: tasks of an array cannot share a warm-up that is not there yet; give --warmup");
  BITLOOM_CHECK(o.point < int64_t(points_of(o.sweep).size()), "--point ", o.point, ": the sweep has points 0 to ",
                points_of(o.sweep).size() - 1);
  if (!o.slurm.empty() && !one) return write_batch_script(o, points_of(o.sweep).size());
  std::vector<SweepPoint> points = points_of(o.sweep);
  if (warms_up && !one) warm_up(common, points);
  if (one) return run_here(points, size_t(o.point), size_t(o.point) + 1);
  o.jobs > 1 ? run_in_processes(o, points) : run_here(points, 0, points.size());
  report(o, points);
}

}  // namespace

void add_sweep(CLI::App& program, Chosen& chosen) {
  auto o = std::make_shared<SweepOptions>();
  RunConfig& common = o->sweep.common;
  common.quantize = true;
  CLI::App* app =
      program.add_subcommand("sweep", "Search for every combination of budgets, granularities, precisions and seeds");
  app->footer(
      "Examples:\n"
      "  bitloom sweep --warmup out/float/warmup.npz --budgets 20%,30%,40% --granularities channel,layer --seeds 1,2,3 --out "
      "out/front\n"
      "  bitloom sweep --data cifar-10-binary.tar.gz --warmup float.npz --budgets 15.4kB --offer 248,0248 --out out/c --slurm "
      "c.sbatch");
  add_data_options(*app, common);
  add_training_options(*app, common);
  add_search_options(*app, common);
  app->add_option("--budgets", o->sweep.budgets, "Budgets, separated by commas: as --budget")->delimiter(',')->required();
  app->add_option("--granularities", o->granularities, "Of channel and layer, separated by commas")
      ->delimiter(',')
      ->check(CLI::IsMember({name_of(Granularity::kChannel), name_of(Granularity::kLayer)}));
  app->add_option("--offer", o->weight_bits,
                  "Sets of weight precisions, separated by commas: 248,0248 for {2,4,8} and {0,2,4,8}")
      ->delimiter(',')
      ->check(CLI::Validator(
          [](std::string& text) {
            const bool known = !text.empty() && text.find_first_not_of("0248") == std::string::npos;
            return known ? std::string() : "'" + text + "' is not a set of the digits 0, 2, 4, 8";
          },
          "DIGITS"));
  app->add_option("--seeds", o->sweep.seeds, "Seeds, separated by commas")->delimiter(',');
  app->add_option("--ablate", o->ablated,
                  "Each search again without a part of the progressive recipe: all, or some of them, separated by commas: " +
                      part_names())
      ->delimiter(',');
  app->add_option("--jobs", o->jobs, "Points at a time, sharing the threads")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app->add_option("--point", o->point, "Only this point, from 0: what an array job runs")->check(CLI::NonNegativeNumber);
  app->add_option("--slurm", o->slurm,
                  "Run nothing, and write a batch script for sbatch to this file: an array with a task a point");
  app->callback([=, &chosen] {
    SweepConfig& s = o->sweep;
    sort_precisions(s.common);
    BITLOOM_CHECK(app->count("--budget") == 0, "--budget: a sweep takes --budgets");
    BITLOOM_CHECK(app->count("--seed") == 0 || s.seeds.empty(), "--seed and --seeds: give one of them");
    for (const std::string& name : o->granularities) s.granularities.push_back(named<Granularity>(name));
    if (s.granularities.empty()) s.granularities = {s.common.granularity};
    for (const std::string& digits : o->weight_bits) {
      RunConfig sorted = s.common;
      sorted.weight_bits.clear();
      for (const char digit : digits) sorted.weight_bits.push_back(digit - '0');
      sort_precisions(sorted);
      s.weight_bits.push_back(sorted.weight_bits);
    }
    if (s.weight_bits.empty()) s.weight_bits = {s.common.weight_bits};
    if (s.seeds.empty()) s.seeds = {s.common.seed};
    for (const std::string& name : o->ablated) {
      if (name != "all") s.ablated.push_back(&find_part(name));
      for (const RecipePart& part : recipe_parts())
        if (name == "all") s.ablated.push_back(&part);
    }
    for (const std::string& budget : s.budgets) parse_budget(budget, s.common.cost);
    s.common.budget = s.budgets.front();
    settle_search_options(*app, s.common);
    BITLOOM_CHECK(s.ablated.empty() || s.common.recipe == Recipe::kProgressive, "--ablate is for --recipe progressive");
    points_of(s);
    chosen = [=](const std::string& command) {
      settle_task_options(*app, o->sweep.common);
      sweep(*o, command);
    };
  });
}

}  // namespace bitloom
