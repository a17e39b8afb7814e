// What options are unless they are given, and which task a path is.
#include "nas/run/presets.h"

#include <set>

#include "core/io.h"
#include "nas/run/task.h"
#include "nn/models/models.h"
#include "tests/support/picture.h"
#include "tests/support/sound.h"

namespace bitloom {
namespace {

using testing::plain_jpeg;
using testing::TempFolder;
using testing::tone;
using testing::write_picture;
using testing::write_wav;

TEST(Presets, GiveATaskItsModelAndItsEpochs) {
  const Preset& words = all_presets().front();
  ASSERT_EQ(words.task, Source::kKeywords);
  RunConfig c;
  c.task = Source::kKeywords;
  apply_preset(c, [](const char*) { return false; });
  EXPECT_EQ(c.model, "ds_cnn");
  EXPECT_EQ(c.warmup.epochs, words.warmup.epochs);
  EXPECT_EQ(c.finetune.lr, words.finetune.lr);
  EXPECT_EQ(c.regularization.mixup, words.regularization.mixup);
  EXPECT_GT(c.regularization.mixup, 0);
}

TEST(Presets, WhatIsGivenStays) {
  RunConfig c;
  c.task = Source::kKeywords;
  c.model = "ds_cnn";
  c.warmup.epochs = 3;
  c.regularization.mixup = 0.25;
  const std::set<std::string> given = {"--model", "--epochs", "--mixup"};
  apply_preset(c, [&](const char* option) { return given.count(option) > 0; });
  EXPECT_EQ(c.warmup.epochs, 3);
  EXPECT_EQ(c.regularization.mixup, 0.25);
  EXPECT_EQ(c.search.epochs, all_presets().front().search.epochs);
  RunConfig other;
  other.task = Source::kKeywords;
  other.model = "resnet8";
  apply_preset(other, [&](const char* option) { return option == std::string("--model"); });
  EXPECT_EQ(other.warmup.epochs, RunConfig().warmup.epochs);
  RunConfig images;
  images.task = Source::kCifar10;
  apply_preset(images, [](const char*) { return false; });
  EXPECT_EQ(images.model, RunConfig().model);
}

TEST(Presets, AreOfModelsThatExist) {
  for (const Preset& preset : all_presets()) EXPECT_EQ(find_model(preset.model).name, std::string(preset.model));
}

TEST(SettleTask, TellsDataByWhatIsThere) {
  const TempFolder folder;
  write_wav(folder / "words/yes/a_nohash_0.wav", tone(300));
  write_wav(folder / "fan/train/normal_id_00_00000000.wav", tone(300));
  write_picture(folder / "animals/cat/1.jpeg", plain_jpeg(1, 2, 3));
  write_text_atomic(folder / "batches.txt", "");
  std::filesystem::create_directory(folder / "cifar-10-batches-bin");
  ASSERT_EQ(std::system(("cd '" + folder.path() +
                         "' && tar czf words.tar.gz words && tar czf fan.tgz fan && touch data_batch_1.bin && "
                         "tar czf images.tar.gz batches.txt data_batch_1.bin")
                            .c_str()),
            0);
  const auto task_of = [](const std::string& path) {
    RunConfig c;
    c.data = path;
    settle_task(c);
    return name_of(c.task);
  };
  EXPECT_STREQ(task_of(folder / "words"), "kws");
  EXPECT_STREQ(task_of(folder / "words.tar.gz"), "kws");
  EXPECT_STREQ(task_of(folder / "fan"), "ad");
  EXPECT_STREQ(task_of(folder / "animals"), "vww");
  EXPECT_STREQ(task_of(folder / "fan.tgz"), "ad");
  EXPECT_STREQ(task_of(folder / "images.tar.gz"), "cifar10");
  EXPECT_STREQ(task_of(folder / "cifar-10-batches-bin"), "cifar10");
  EXPECT_STREQ(task_of(folder / "mine.npz"), "npz");
  EXPECT_STREQ(task_of(folder / "nowhere"), "cifar10");
  EXPECT_STREQ(task_of(""), "synthetic");
}

}  // namespace
}  // namespace bitloom
