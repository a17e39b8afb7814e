// Sounds of machines from made-up folders in the layout of DCASE 2020 task 2.
#include "core/io.h"
#include "datasets/log_mel.h"
#include "datasets/sources.h"
#include "tests/support/sound.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::TempFolder;
using testing::tone;
using testing::write_wav;

constexpr int64_t kClip = 130000;  // samples: 254 frames

// Machines 1 and 3: twelve normal recordings each for training, two normal and one anomalous each for testing.
void record(const TempFolder& folder) {
  int pitch = 300;
  for (const char* id : {"01", "03"}) {
    for (int i = 0; i < 12; ++i)
      write_wav(str(folder.path(), "/train/normal_id_", id, "_000000", i + 10, ".wav"), tone(pitch += 5, kClip));
    for (int i = 0; i < 2; ++i)
      write_wav(str(folder.path(), "/test/normal_id_", id, "_0000000", i, ".wav"), tone(pitch += 5, kClip));
    write_wav(str(folder.path(), "/test/anomaly_id_", id, "_00000000.wav"), tone(2000, kClip));
  }
}

TEST(MachineSounds, SamplesAreFiveFramesOfTheCentre) {
  const TempFolder folder;
  record(folder);
  const TaskData data = load_machine_sounds(folder.path());
  EXPECT_EQ(data.task.kind, TaskKind::kReconstruction);
  EXPECT_EQ(data.task.metric, &roc_auc());
  EXPECT_EQ(data.train->size() + data.val->size(), 24 * 196);
  ASSERT_EQ(data.test->size(), 6 * 196);
  EXPECT_EQ(data.test->scored_together(), 196);
  // By name: the anomalies of machines 1 and 3, then the normal ones.
  for (int64_t clip = 0; clip < 6; ++clip) {
    EXPECT_EQ(data.test->labels()[size_t(clip * 196)], clip < 2);
    EXPECT_EQ(data.test->groups()[size_t(clip * 196 + 195)], clip == 0 || clip == 2 || clip == 3 ? 1 : 3);
  }
  const std::vector<float> frames = LogMel().run(tone(2000, kClip));
  std::vector<float> sample(640);
  for (const int64_t vector : {0, 7, 195}) {
    data.test->fill(vector, nullptr, sample.data());
    EXPECT_TRUE(std::equal(sample.begin(), sample.end(), frames.begin() + (50 + vector) * 128)) << vector;
  }
}

TEST(MachineSounds, RecordingsAreScoredByTheMeanOfTheirSamples) {
  const TempFolder folder;
  record(folder);
  const TaskData data = load_machine_sounds(folder.path());
  // An anomaly whose samples are mostly below those of the normal ones, and yet the mean is above.
  std::vector<double> found(6 * 196, 1.0);
  for (size_t i = 0; i < 2 * 196; ++i) found[i] = i % 196 == 0 ? 1000 : 0;
  EXPECT_EQ(roc_auc().score(found, *data.test), 1);
  EXPECT_EQ(partial_roc_auc().score(found, *data.test), 1);
  EXPECT_EQ(roc_auc().parts(found, *data.test, data.task).size(), 2u);
}

TEST(MachineSounds, AnArchiveIsTheFolder) {
  const TempFolder folder, packed;
  record(folder);
  ASSERT_EQ(std::system(("tar czf '" + packed.path() + "/fan.tar.gz' -C '" + folder.path() + "' .").c_str()), 0);
  EXPECT_EQ(digest(load_machine_sounds(packed / "fan.tar.gz")), digest(load_machine_sounds(folder.path())));
}

TEST(MachineSounds, BadDataIsOneLineThatNamesIt) {
  struct Bad {
    std::string message;
    std::function<void(const TempFolder&)> spoil;
  };
  const std::vector<Bad> all = {
      {"/train/noise.wav: the name does not tell condition and machine",
       [](const TempFolder& f) { write_wav(f / "train/noise.wav", tone(1, kClip)); }},
      {"/test/normal_id_x_0.wav: the name does not tell",
       [](const TempFolder& f) { write_wav(f / "test/normal_id_x_0.wav", tone(1, kClip)); }},
      {"/train/anomaly_id_01_0.wav: an anomaly among what training takes for normal",
       [](const TempFolder& f) { write_wav(f / "train/anomaly_id_01_0.wav", tone(1, kClip)); }},
      {"/train/normal_id_01_0.wav: has 8000 samples a second",
       [](const TempFolder& f) { write_wav(f / "train/normal_id_01_0.wav", tone(1, kClip), 8000); }},
      {"/train/normal_id_01_0.wav: has 90000 samples, expected 127488 at least",
       [](const TempFolder& f) { write_wav(f / "train/normal_id_01_0.wav", tone(1, 90000)); }},
      {": no recordings for testing; expected folders train/ and test/",
       [](const TempFolder& f) { std::filesystem::remove_all(f / "test"); }},
  };
  for (const Bad& bad : all) {
    const TempFolder folder;
    record(folder);
    bad.spoil(folder);
    const std::string error = error_of([&] { load_machine_sounds(folder.path()); });
    EXPECT_EQ(error.substr(0, folder.path().size() + bad.message.size()), folder.path() + bad.message);
  }
}

}  // namespace
}  // namespace bitloom
