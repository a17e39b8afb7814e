// sweep as a user meets it.
#include "nas/run/sweep.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <regex>

#include "core/io.h"
#include "core/npz.h"
#include "tests/support/program.h"

namespace bitloom {
namespace {

using testing::Program;
using testing::run_program;
using testing::TempFolder;

const char* const kSweep =
    "sweep --data task.npz --batch 32 --epochs 2 --search-epochs 2 --finetune-epochs 1 --budgets 30%,60% --granularities "
    "channel,layer "
    "--offer 248 --seeds 3 --checkpoint-seconds 0 --out front";

TempFolder& with_task(TempFolder& folder) {
  write_npz(folder / "task.npz", testing::striped_task());
  return folder;
}

const std::vector<std::string> kNames = {"channel-w248-30%-s3", "layer-w248-30%-s3", "channel-w248-60%-s3",
                                         "layer-w248-60%-s3"};

std::vector<std::string> networks(const std::string& folder) {
  std::vector<std::string> all;
  for (const std::string& name : kNames) all.push_back(read_text(folder + "/front/" + name + "/network.blig"));
  return all;
}

TEST(SweepPoints, SeedsOutsideThenBudgets) {
  SweepConfig sweep;
  sweep.common.out = "out";
  sweep.budgets = {"1kB", "2kB"};
  sweep.granularities = {Granularity::kChannel, Granularity::kLayer};
  sweep.weight_bits = {{0, 2, 4, 8}};
  sweep.seeds = {1, 2};
  const std::vector<SweepPoint> points = points_of(sweep);
  ASSERT_EQ(points.size(), 8u);
  EXPECT_EQ(points[1].name, "layer-w248-1kB-s1");  // 0 bits remove channels, not layers
  EXPECT_EQ(points[1].config.weight_bits, std::vector<int>({2, 4, 8}));
  EXPECT_EQ(points[2].name, "channel-w0248-2kB-s1");
  EXPECT_EQ(points[4].name, "channel-w0248-1kB-s2");
  EXPECT_EQ(points[4].config.out, "out/channel-w0248-1kB-s2");
  EXPECT_EQ(points[4].config.seed, 2u);
  EXPECT_EQ(points[2].config.budget, "2kB");
  sweep.weight_bits = {{0, 2, 4, 8}, {2, 4, 8}};
  EXPECT_EQ(points_of(sweep).size(), 12u);  // by layer they are the same
  sweep.weight_bits = {{0, 2, 4, 8}};
  sweep.ablated = {&find_part("shrinking"), &find_part("distillation")};
  const std::vector<SweepPoint> ablated = points_of(sweep);
  ASSERT_EQ(ablated.size(), 24u);
  EXPECT_EQ(ablated[1].name, "channel-w0248-1kB-s1-no-shrinking");
  EXPECT_EQ(ablated[1].config.out, "out/channel-w0248-1kB-s1-no-shrinking");
  EXPECT_EQ(ablated[1].config.shrink, 0);
  EXPECT_EQ(ablated[2].config.shrink, kDefaultShrink);
  sweep.ablated.clear();
  sweep.seeds = {1, 1};
  EXPECT_EQ(testing::error_of([&] { points_of(sweep); }), "sweep: channel-w0248-1kB-s1 is asked for twice");
  sweep.budgets.clear();
  EXPECT_NE(testing::error_of([&] { points_of(sweep); }).find("no budgets"), std::string::npos);
}

TEST(Sweep, JobsGiveTheSameNetworksAsOneAfterTheOther) {
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "slow";
  TempFolder one, two;
  const auto in_turn = run_program(with_task(one).path(), kSweep);
  ASSERT_EQ(in_turn.code, 0) << in_turn.err;
  const auto together = run_program(with_task(two).path(), str(kSweep, " --jobs 2"));
  ASSERT_EQ(together.code, 0) << together.err;
  EXPECT_TRUE(networks(one.path()) == networks(two.path()));
  EXPECT_EQ(read_text(two / "front/table.txt"), together.out);
  EXPECT_NE(read_text(two / "front/front.svg").find("</svg>"), std::string::npos);
  EXPECT_NE(read_text(two / "front/report.html").find("layer-wise {2,4,8}, 60%"), std::string::npos);
  // A point is the search of its options and seed.
  const auto alone =
      run_program(two.path(),
                  "search --data task.npz --batch 32 --epochs 2 --search-epochs 2 --finetune-epochs 1 --budget 30% "
                  "--weight-bits 2,4,8 --seed 3 --warmup front/float/warmup.npz --out alone");
  ASSERT_EQ(alone.code, 0) << alone.err;
  EXPECT_TRUE(read_text(two / "alone/network.blig") == networks(two.path())[0]);
  // What is finished stays: nothing is written again, and nothing else is taken for it.
  const std::string result = two / ("front/" + kNames[0] + "/result.json");
  const auto before = std::filesystem::last_write_time(result);
  EXPECT_EQ(run_program(two.path(), str(kSweep, " --jobs 2")).out, together.out);
  EXPECT_EQ(std::filesystem::last_write_time(result), before);
  const auto extended = run_program(two.path(), std::regex_replace(std::string(kSweep), std::regex("30%,60%"), "30%,60%,90%"));
  EXPECT_EQ(extended.code, 0) << extended.err;
  EXPECT_TRUE(file_exists(two / "front/layer-w248-90%-s3/network.blig"));
  EXPECT_TRUE(networks(one.path()) == networks(two.path()));
  for (const char* jobs : {"1", "2"}) {
    const auto other = run_program(two.path(), str(kSweep, " --warmup front/float/warmup.npz --search-lr 0.5 --jobs ", jobs));
    EXPECT_EQ(other.code, 1);
    EXPECT_NE(other.err.find(kNames[0] + " holds another run: its search."), std::string::npos) << other.err;
  }
  EXPECT_EQ(std::filesystem::last_write_time(result), before);
}

TEST(Sweep, AblationIsATable) {
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "slow";
  TempFolder folder;
  with_task(folder);
  const std::string sweep =
      "sweep --data task.npz --batch 32 --epochs 2 --search-epochs 2 --finetune-epochs 1 --budgets 30% --seeds 3,4 --out front "
      "--ablate shrinking,fine-tuning,best-epoch";
  const auto o = run_program(folder.path(), sweep);
  ASSERT_EQ(o.code, 0) << o.err;
  const std::string table = read_text(folder / "front/ablation.txt");
  EXPECT_NE(o.out.find("\n" + table), std::string::npos);
  EXPECT_NE(table.find("channel 30%  nothing "), std::string::npos) << table;
  for (const char* part : {"shrinking", "fine-tuning", "best-epoch"}) {
    const std::regex row(str("channel 30%  ", part, " .*  2 .* to "));
    EXPECT_TRUE(std::regex_search(table, row)) << part << "\n" << table;
  }
  std::string folders;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "front"))
    if (entry.is_directory()) folders += " '" + entry.path().string() + "'";
  const auto csv = run_program(folder.path(), "report --table ablation --csv" + folders);
  EXPECT_EQ(csv.code, 0) << csv.err;
  EXPECT_EQ(csv.out.substr(0, csv.out.find('\n')),
            "search,without,option,seeds,%,kB,difference,95 % over seeds,95 % over images,95 % over both");
  const auto none = run_program(folder.path(), "report --table ablation front/channel-w248-30%-s3");
  EXPECT_EQ(none.code, 1);
  EXPECT_NE(none.err.find("no search that lacks a part"), std::string::npos) << none.err;
}

TEST(Sweep, GoesOnAfterAnInterruption) {
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "slow";
  TempFolder whole, pieces;
  ASSERT_EQ(run_program(with_task(whole).path(), kSweep).code, 0);
  with_task(pieces);
  const std::string again = str(kSweep, " --jobs 2");
  // Within the warm-up, two points, and the last of them.
  for (const std::string& begun :
       {std::string("float/warmup"), kNames[0] + "/search", kNames[1] + "/finetune", kNames[3] + "/search"}) {
    Program program(pieces.path(), again);
    EXPECT_TRUE(program.signal_after(pieces / ("front/" + begun + ".ckpt.npz"), 1, 0, SIGINT)) << begun;
    const auto o = program.wait();
    ASSERT_EQ(o.code, 130) << o.err;
  }
  const auto o = run_program(pieces.path(), again);
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_TRUE(networks(pieces.path()) == networks(whole.path()));
}

TEST(Sweep, AnArrayJobRunsAPointATask) {
  TempFolder folder;
  ASSERT_EQ(run_program(with_task(folder).path(), "train --data task.npz --batch 32 --epochs 2 --seed 3 --out float").code, 0);
  const auto o = run_program(folder.path(), str(kSweep, " --warmup float/warmup.npz --slurm 'my job.sbatch'"));
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_FALSE(file_exists(folder / "front"));
  const std::string script = read_text(folder / "my job.sbatch");
  EXPECT_NE(script.find("\n#SBATCH --array=0-3\n"), std::string::npos) << script;
  const std::string task = "cd '" + folder.path() + "' && SLURM_ARRAY_TASK_ID=1 sh 'my job.sbatch' >/dev/null 2>&1";
  ASSERT_EQ(std::system(task.c_str()), 0);
  EXPECT_TRUE(file_exists(folder / ("front/" + kNames[1] + "/network.blig")));
  EXPECT_FALSE(file_exists(folder / ("front/" + kNames[0])));
}

TEST(Sweep, WrongRequestsAreOneLine) {
  TempFolder folder;
  with_task(folder);
  const auto error = [&](const std::string& more) {
    const auto o = run_program(folder.path(), str(kSweep, " ", more));
    EXPECT_TRUE(o.code == 1 || o.code == 2) << o.code;
    return o.err;
  };
  EXPECT_NE(error("--point 4").find("cannot share a warm-up"), std::string::npos);
  EXPECT_NE(error("--warmup none.npz --point 4").find("the sweep has points 0 to 3"), std::string::npos);
  EXPECT_NE(error("--seeds 1,1").find("asked for twice"), std::string::npos);
  EXPECT_NE(error("--budgets 3km").find("3km"), std::string::npos);
  EXPECT_NE(error("--ablate everything").find("the recipe has no part 'everything'; known: distillation, "), std::string::npos);
  EXPECT_NE(error("--ablate all --recipe paper").find("--ablate is for --recipe progressive"), std::string::npos);
  EXPECT_NE(error("--shrink 0.5 --recipe paper").find("--shrink is for --recipe progressive"), std::string::npos);
  EXPECT_NE(error("--offer 16").find("'16' is not a set of the digits"), std::string::npos);
  EXPECT_NE(error("--budget 30%").find("takes --budgets"), std::string::npos);
  EXPECT_FALSE(file_exists(folder / "front"));
  const auto failing = run_program(folder.path(), str(kSweep, " --warmup none.npz --jobs 2"));
  EXPECT_EQ(failing.code, 1);
  EXPECT_NE(failing.err.find("none.npz"), std::string::npos) << failing.err;
}

}  // namespace
}  // namespace bitloom
