// What a run's folder says of the data that its network is looked at with.
#include "nas/run/deployed.h"

#include <gtest/gtest.h>

#include "core/io.h"
#include "tests/support/program.h"
#include "tests/support/sound.h"

namespace bitloom {
namespace {

// The fold of a run is that of words, not of features in an .npz.
TEST(Deployed, TheFoldIsOfTheRunsOwnTask) {
  const testing::TempFolder folder;
  RunConfig run;
  run.task = Source::kKeywords;
  run.fold = "2/5";
  run.seed = 7;
  write_text_atomic(folder / "config.json", to_json(run));
  for (const char* word : {"eins", "zwei"})
    testing::write_wav(folder / (std::string("words/") + word + "/a_nohash_0.wav"), testing::tone(300));
  write_npz(folder / "task.npz", testing::striped_task());

  RunConfig same;
  take_task_of(folder.path(), same);
  EXPECT_EQ(same.task, Source::kKeywords);
  EXPECT_EQ(same.fold, "2/5");
  EXPECT_EQ(same.seed, 7u);
  RunConfig words, features;
  words.data = folder / "words";
  take_task_of(folder.path(), words);
  EXPECT_EQ(words.fold, "2/5");
  features.data = folder / "task.npz";
  take_task_of(folder.path(), features);
  EXPECT_EQ(features.fold, "");
}

}  // namespace
}  // namespace bitloom
