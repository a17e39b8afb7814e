// Tests of interrupted runs: killed at any instant, stopped by Ctrl-C or split over other thread counts, a search ends with the same
// bits.
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/io.h"
#include "core/rng.h"
#include "tests/support/program.h"

namespace bitloom {
namespace {

using testing::finished_search;
using testing::kSearch;
using testing::Outcome;
using testing::Program;
using testing::run_program;
using testing::SearchCopy;

const std::string kEveryBatch = std::string(kSearch) + " --checkpoint-seconds 0";

nlohmann::json without_times(const std::string& file) {
  nlohmann::json result = nlohmann::json::parse(read_text(file));
  result.erase("seconds");
  result.erase("command");
  return result;
}

// The rows of a log without their column of seconds.
std::string log_without_times(const std::string& file) {
  std::istringstream in(read_text(file));
  std::string out;
  for (std::string line; std::getline(in, line); out += "\n") {
    std::istringstream cells(line);
    int column = 0;
    for (std::string cell; std::getline(cells, cell, ','); ++column)
      if (column != 6) out += cell + ",";
  }
  return out;
}

void expect_same_run(const std::string& folder) {
  const std::string own = folder + "/run/", expected = finished_search() + "/run/";
  for (const char* name : {"warmup.npz", "assignment.json", "network.npz", "network.blig"})
    EXPECT_EQ(read_file(own + name), read_file(expected + name)) << name;
  EXPECT_EQ(without_times(own + "result.json"), without_times(expected + "result.json"));
  EXPECT_EQ(log_without_times(own + "log.csv"), log_without_times(expected + "log.csv"));
  for (const auto& entry : std::filesystem::directory_iterator(own))
    EXPECT_EQ(entry.path().filename().string().find(".tmp"), std::string::npos) << entry.path() << " is left";
}

TEST(ResumeTest, ThreadsDoNotChangeASearch) {
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "slow";
  for (const char* threads : {"1", "4"}) {
    SCOPED_TRACE(threads);
    const SearchCopy folder({"task.npz"});
    const Outcome outcome = run_program(folder.path(), kSearch, std::string("export OMP_NUM_THREADS=") + threads + ";");
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    expect_same_run(folder.path());
  }
}

TEST(ResumeTest, FinishedSearchIsNotRepeated) {
  const SearchCopy folder({"task.npz", "run"});
  const auto trained = std::filesystem::last_write_time(folder / "run/finetune.ckpt.npz");
  const Outcome outcome = run_program(folder.path(), kSearch);
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(std::filesystem::last_write_time(folder / "run/finetune.ckpt.npz"), trained);
  expect_same_run(folder.path());
}

// The same weights under another name are the same run, other weights are not.
TEST(ResumeTest, WeightsToStartFromAreToldByTheirContent) {
  const SearchCopy folder({"task.npz", "run/warmup.npz"});
  const std::string search =
      "search --data task.npz --batch 64 --search-epochs 1 --finetune-epochs 1 --weight-bits 2,8 --lambda 0.2 --out run "
      "--warmup ";
  ASSERT_EQ(run_program(folder.path(), search + "warmup.npz").code, 0);
  const auto trained = std::filesystem::last_write_time(folder / "run/search.ckpt.npz");
  std::filesystem::remove(folder / "run/finetune.ckpt.npz");
  std::filesystem::rename(folder / "warmup.npz", folder / "moved.npz");
  const Outcome moved = run_program(folder.path(), search + "moved.npz");
  EXPECT_EQ(moved.code, 0) << moved.err;
  EXPECT_EQ(std::filesystem::last_write_time(folder / "run/search.ckpt.npz"), trained);
  Npz other = read_npz(folder / "moved.npz");
  other.at("conv0.weight").bytes[0] ^= 1;
  write_npz(folder / "moved.npz", other);
  const Outcome changed = run_program(folder.path(), search + "moved.npz");
  EXPECT_EQ(changed.code, 1);
  EXPECT_EQ(changed.err.rfind("error: run holds another run: its start is \"", 0), 0u) << changed.err;
}

TEST(ResumeTest, SearchKilledAtAnyInstantEndsWithTheSameBits) {
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "slow";
  const SearchCopy folder({"task.npz"});
  Rng rng(5);
  int kills = 0;
  for (const char* stage : {"warmup", "search", "finetune"}) {
    for (int k = 0; k < 3; ++k) {
      Program program(folder.path(), kEveryBatch);
      const std::string checkpoint = folder / ("run/" + std::string(stage) + ".ckpt.npz");
      kills += program.signal_after(checkpoint, 1 + rng.below(3), rng.below(20000), SIGKILL);
      program.wait();
    }
  }
  EXPECT_GE(kills, 8);
  // Between the stages: the lowering, the files of the end.
  for (const char* file : {"network.blig", "network.npz"}) {
    Program program(folder.path(), kEveryBatch);
    program.signal_after(folder / ("run/" + std::string(file)), 1, 0, SIGKILL);
  }
  EXPECT_EQ(run_program(folder.path(), kEveryBatch).code, 0);
  expect_same_run(folder.path());
}

TEST(ResumeTest, CtrlCSaysHowToContinue) {
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "slow";
  const SearchCopy folder({"task.npz"});
  for (const std::string stage : {"warmup", "search", "finetune"}) {
    for (int signal : {SIGINT, SIGTERM}) {
      Program program(folder.path(), kEveryBatch);
      ASSERT_TRUE(program.signal_after(folder / ("run/" + stage + ".ckpt.npz"), 2, 0, signal)) << stage;
      const Outcome outcome = program.wait();
      EXPECT_EQ(outcome.code, 130) << outcome.err;
      EXPECT_NE(outcome.err.find(stage + " was interrupted; run the same command again to continue\n"), std::string::npos)
          << outcome.err;
      EXPECT_EQ(outcome.out, "");
      EXPECT_FALSE(file_exists(folder / "run/result.json"));
    }
  }
  EXPECT_EQ(run_program(folder.path(), kEveryBatch).code, 0);
  expect_same_run(folder.path());
}

// The same for the progressive search, whose precisions change on the way.
TEST(ResumeTest, ProgressiveSearchKilledAtAnyInstantEndsWithTheSameBits) {
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "slow";
  const SearchCopy folder({"task.npz", "run/warmup.npz"});
  const std::string search =
      "search --data task.npz --warmup warmup.npz --batch 32 --search-epochs 3 --finetune-epochs 1 --weight-bits 0,2,4,8 "
      "--act-bits 2,4,8 --budget 12kB --checkpoint-seconds 0 --seed 3 --out ";
  ASSERT_EQ(run_program(folder.path(), search + "whole", "export OMP_NUM_THREADS=1;").code, 0);
  Rng rng(7);
  for (int k = 0; k < 4; ++k) {
    Program program(folder.path(), search + "parts");
    program.signal_after(folder / "parts/search.ckpt.npz", 1 + rng.below(8), rng.below(20000), k % 2 ? SIGKILL : SIGINT);
    program.wait();
  }
  ASSERT_EQ(run_program(folder.path(), search + "parts").code, 0);
  for (const char* name : {"assignment.json", "network.npz", "network.blig"})
    EXPECT_EQ(read_file(folder / ("parts/" + std::string(name))), read_file(folder / ("whole/" + std::string(name)))) << name;
  EXPECT_EQ(without_times(folder / "parts/result.json"), without_times(folder / "whole/result.json"));
  EXPECT_EQ(log_without_times(folder / "parts/log.csv"), log_without_times(folder / "whole/log.csv"));
}

// The second run in a folder is refused while the first works, and changes nothing there.
TEST(ResumeTest, AFolderHasOneRunAtATime) {
  const SearchCopy folder({"task.npz"});
  Program first(folder.path(), kEveryBatch);
  while (first.running() && !file_exists(folder / "run/warmup.ckpt.npz")) usleep(200);
  ASSERT_TRUE(first.running());
  const Outcome second = run_program(folder.path(), kEveryBatch + " --lambda 5");
  EXPECT_EQ(second.code, 1);
  EXPECT_EQ(second.out, "");
  EXPECT_EQ(second.err.rfind("error: the folder run is in use by another bitloom (process ", 0), 0u) << second.err;
  EXPECT_EQ(second.err.find('\n'), second.err.size() - 1) << second.err;
  EXPECT_EQ(first.wait().code, 0);
  expect_same_run(folder.path());
}

// Whatever a command does, Ctrl-C ends it within a second, with exit code 130 and no file half written.
TEST(ResumeTest, EveryLongCommandEndsAtCtrlC) {
  const SearchCopy folder({"task.npz", "run"});
  const std::string commands[] = {"simulate --model run --images 100000",
                                  "calibrate --predict 1000",
                                  "demo --out demo",
                                  "demo --task kws --out demo-kws",
                                  "demo --task ad --out demo-ad",
                                  "report pipes",  // files that do not come
                                  "train --model ds_cnn --data pipes/task.npz --out new",
                                  "run pipes/program.s"};
  make_output_folder(folder / "pipes");
  for (const char* name : {"result.json", "task.npz", "program.s"})
    ASSERT_EQ(mkfifo((folder / "pipes/" + name).c_str(), 0600), 0);
  for (const std::string& command : commands) {
    SCOPED_TRACE(command);
    Program program(folder.path(), command);
    usleep(500000);
    while (program.running() && !program.handles(SIGINT)) usleep(10000);
    if (!program.running()) continue;
    program.signal(SIGINT);
    const auto asked = std::chrono::steady_clock::now();
    EXPECT_EQ(program.wait().code, 130);
    EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - asked).count(), 5) << "of a loaded machine";
  }
}

}  // namespace
}  // namespace bitloom
