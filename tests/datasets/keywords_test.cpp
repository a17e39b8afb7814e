// Keyword spotting from made-up folders of words, and from Speech Commands where it is.
#include <omp.h>

#include <map>
#include <set>

#include "core/io.h"
#include "core/parallel.h"
#include "datasets/sources.h"
#include "datasets/speech.h"
#include "tests/support/sound.h"

namespace bitloom {
namespace {

using testing::data_path;
using testing::error_of;
using testing::TempFolder;
using testing::tone;
using testing::wav_bytes;
using testing::write_bytes;
using testing::write_wav;

// By the published rule, computed with Python's hashlib: validation, testing and twice training.
const std::vector<std::string> kSpeakers = {"anna", "b", "bert", "d"};
const std::vector<std::string> kOfficial = {"down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes"};

// Every speaker says every word `takes` times, each clip another tone.
void say(const TempFolder& folder, const std::vector<std::string>& words, int takes = 1) {
  int pitch = 200;
  for (const std::string& word : words)
    for (const std::string& speaker : kSpeakers)
      for (int take = 0; take < takes; ++take)
        write_wav(str(folder.path(), "/", word, "/", speaker, "_nohash_", take, ".wav"), tone(pitch += 7));
}

void add_noise(const TempFolder& folder) {
  std::vector<int16_t> noise;
  Rng rng(1);
  for (int i = 0; i < 200000; ++i) noise.push_back(int16_t(rng.below(200) - 100));
  write_wav(folder / "_background_noise_/hiss.wav", noise);
}

std::map<std::string, int> counts(const TaskData& data, const Dataset& split) {
  std::map<std::string, int> counts;
  for (const int32_t label : split.labels()) ++counts[data.task.label_name(label)];
  return counts;
}

std::vector<float> sample(const Dataset& data, int64_t index, const Rng* rng = nullptr) {
  std::vector<float> out(490);
  data.fill(index, rng, out.data());
  return out;
}

std::vector<float> mfcc_of(const std::vector<int16_t>& samples) {
  std::vector<float> padded(samples.begin(), samples.end()), out(490);
  padded.resize(16000);
  Mfcc().run(padded.data(), out.data());
  return out;
}

TEST(Keywords, SpeakersAreSplitByThePublishedRule) {
  EXPECT_EQ(split_of_speaker("anna_nohash_0.wav"), Split::kVal);
  EXPECT_EQ(split_of_speaker("anna_nohash_12.wav"), Split::kVal);
  EXPECT_EQ(split_of_speaker("b_nohash_1.wav"), Split::kTest);
  EXPECT_EQ(split_of_speaker("0a7c2a8d_nohash_0.wav"), Split::kTrain);
  EXPECT_EQ(split_of_speaker("bed.wav"), Split::kTest);
}

TEST(Keywords, OwnWordsAreClassesByName) {
  const TempFolder folder;
  say(folder, {"zwei", "eins",
               "dr\xc3\xbc"
               "ben"});
  const TaskData data = load_keywords(folder.path());
  EXPECT_EQ(data.task.label_names, (std::vector<std::string>{"dr\xc3\xbc"
                                                             "ben",
                                                             "eins", "zwei"}));
  EXPECT_EQ(data.train->size(), 6);
  EXPECT_EQ(data.val->size(), 3);
  EXPECT_EQ(data.test->labels(), (std::vector<int32_t>{0, 1, 2}));
  EXPECT_EQ(sample(*data.val, 0), mfcc_of(tone(207 + 4 * 7 * 2)));
  EXPECT_FALSE(data.task.test_only);
}

TEST(Keywords, SilenceIsCutFromTheNoise) {
  const TempFolder folder;
  say(folder, {"eins", "zwei"}, 3);
  add_noise(folder);
  const TaskData data = load_keywords(folder.path());
  EXPECT_EQ(data.task.label_names, (std::vector<std::string>{"eins", "zwei", "silence"}));
  EXPECT_EQ(counts(data, *data.train), (std::map<std::string, int>{{"eins", 6}, {"zwei", 6}, {"silence", 6}}));
  EXPECT_EQ(counts(data, *data.test), (std::map<std::string, int>{{"eins", 3}, {"zwei", 3}, {"silence", 3}}));
  // In training another cut every time; otherwise always the same.
  const Rng a(1), b(2);
  const int64_t silent = 17;
  ASSERT_EQ(data.train->labels()[silent], 2);
  EXPECT_NE(sample(*data.train, silent, &a), sample(*data.train, silent, &b));
  EXPECT_EQ(sample(*data.train, silent), sample(*load_keywords(folder.path()).train, silent));
}

TEST(Keywords, OfTheTwelveClassesOneIsAPartOfTheOtherWords) {
  const TempFolder folder;
  std::vector<std::string> words = kOfficial;
  words.insert(words.end(), {"bed", "cat", "dog"});
  say(folder, words);
  add_noise(folder);
  const TaskData data = load_keywords(folder.path());
  std::vector<std::string> names = kOfficial;
  names.insert(names.end(), {"silence", "unknown"});
  EXPECT_EQ(data.task.label_names, names);
  std::map<std::string, int> expected;
  for (const std::string& name : names) expected[name] = 1;
  EXPECT_EQ(counts(data, *data.val), expected);
  EXPECT_EQ(counts(data, *data.test), expected);
  for (auto& [name, count] : expected) count = 2;
  EXPECT_EQ(counts(data, *data.train), expected);
}

TEST(Keywords, EveryClipIsTestedInOneFold) {
  const TempFolder folder;
  int clips = 0;
  for (const char* word : {"eins", "zwei"})
    for (int speaker = 0; speaker < 40; ++speaker)
      for (int take = 0; take < 2; ++take)
        write_wav(str(folder.path(), "/", word, "/s", speaker, "_nohash_", take, ".wav"), tone(100 + 10 * clips++));
  // Which do not decide then.
  write_text_atomic(folder / "validation_list.txt", "eins/s1_nohash_0.wav\n");
  write_text_atomic(folder / "testing_list.txt", "zwei/s2_nohash_0.wav\n");
  std::set<std::vector<float>> tested;
  for (int64_t k = 1; k <= 5; ++k) {
    const TaskData data = load_keywords(folder.path(), {k, 5}), next = load_keywords(folder.path(), {k % 5 + 1, 5});
    EXPECT_EQ(data.train->size() + data.val->size() + data.test->size(), clips);
    EXPECT_EQ(digest(*data.val), digest(*next.test)) << k;
    for (int64_t i = 0; i < data.test->size(); ++i) EXPECT_TRUE(tested.insert(sample(*data.test, i)).second);
  }
  EXPECT_EQ(tested.size(), size_t(clips));
  for (int speaker = 0; speaker < 40; ++speaker)
    EXPECT_EQ(split_of_speaker(str("s", speaker, "_nohash_0.wav"), {2, 5}),
              split_of_speaker(str("s", speaker, "_nohash_9.wav"), {2, 5}));
}

TEST(Keywords, ListsDecideAndMustBeTwo) {
  const TempFolder folder;
  say(folder, {"eins", "zwei"});
  write_text_atomic(folder / "validation_list.txt", "eins/d_nohash_0.wav\r\nelsewhere/x.wav\n");
  EXPECT_EQ(error_of([&] { load_keywords(folder.path()); }),
            folder.path() + ": testing_list.txt is missing, but validation_list.txt is there; expected both or neither");
  write_text_atomic(folder / "testing_list.txt", "zwei/anna_nohash_0.wav\neins/anna_nohash_0.wav\n");
  const TaskData data = load_keywords(folder.path());
  EXPECT_EQ(data.train->size(), 5);
  EXPECT_EQ(data.val->labels(), std::vector<int32_t>{0});
  EXPECT_EQ(data.test->labels(), (std::vector<int32_t>{0, 1}));
  write_text_atomic(folder / "testing_list.txt", "eins/d_nohash_0.wav\n");
  EXPECT_EQ(error_of([&] { load_keywords(folder.path()); }),
            folder.path() + ": testing_list.txt names 'eins/d_nohash_0.wav', which validation_list.txt has already");
  write_text_atomic(folder / "testing_list.txt", "eins\n");
  EXPECT_NE(error_of([&] { load_keywords(folder.path()); }).find("testing_list.txt names no clip that is there"),
            std::string::npos);
}

TEST(Keywords, AnArchiveIsTheFolder) {
  const TempFolder folder;
  say(folder, {"eins", "zwei"}, 2);
  add_noise(folder);
  write_text_atomic(folder / "validation_list.txt", "eins/d_nohash_0.wav\n");
  write_text_atomic(folder / "testing_list.txt", "zwei/anna_nohash_0.wav\n");
  const std::string expected = digest(load_keywords(folder.path()));
  const TempFolder packed;
  for (const char* command :
       {"tar czf $P/flat.tar.gz -C $F .", "tar czf $P/deep.tar.gz -C $F/.. $(basename $F)", "tar cf $P/plain.tar -C $F ."}) {
    ASSERT_EQ(std::system(("F='" + folder.path() + "'; P='" + packed.path() + "'; " + command).c_str()), 0);
  }
  for (const char* name : {"flat.tar.gz", "deep.tar.gz", "plain.tar"})
    EXPECT_EQ(digest(load_keywords(packed / name)), expected) << name;
}

TEST(Keywords, TrainingChangesTheWaveformAndIsAFunctionOfTheStream) {
  const TempFolder folder;
  say(folder, {"eins", "zwei"}, 4);
  add_noise(folder);
  const TaskData data = load_keywords(folder.path());
  const Rng rng(5), other(6);
  EXPECT_NE(sample(*data.train, 0, &rng), sample(*data.train, 0));
  EXPECT_NE(sample(*data.train, 0, &rng), sample(*data.train, 0, &other));
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < data.train->size(); ++i) indices.push_back(i);
  const auto drawn = [&](int threads) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    const Batch batch = gather(*data.train, indices.data(), int64_t(indices.size()), &rng);
    omp_set_num_threads(before);
    return std::vector<float>(batch.x.data(), batch.x.data() + batch.x.size());
  };
  EXPECT_EQ(drawn(1), drawn(3));
  data.train->set_augment(Augment());
  EXPECT_EQ(sample(*data.train, 0, &rng), sample(*data.train, 0));
  Augment flip;
  flip.flip = true;
  EXPECT_NE(error_of([&] { data.train->set_augment(flip); }).find("sound cannot be changed as images are"), std::string::npos);
}

TEST(Keywords, AShiftMovesTheSound) {
  Clips clips{"clips", std::vector<int16_t>(16000), {0}};
  clips.samples[8000] = 1000;
  clips.samples[15999] = 500;
  SpeechDataset data(clips, std::make_shared<Noise>(), -1);
  Augment augment;
  augment.noise = 1;  // there is none
  data.set_augment(augment);
  const Rng any(0);
  EXPECT_EQ(sample(data, 0, &any), mfcc_of(clips.samples));
  augment.shift_ms = 100;
  data.set_augment(augment);
  std::set<std::vector<float>> expected;
  for (int shift = -1600; shift <= 1600; ++shift) {
    std::vector<int16_t> moved(16000);
    moved[size_t(8000 + shift)] = 1000;
    if (shift <= 0) moved[size_t(15999 + shift)] = 500;
    expected.insert(mfcc_of(moved));
  }
  for (uint64_t i = 0; i < 20; ++i) {
    const Rng rng(i);
    EXPECT_TRUE(expected.count(sample(data, 0, &rng))) << i;
  }
}

TEST(Keywords, TheTwelveClassTestSetIsForTesting) {
  const TempFolder folder;
  std::vector<std::string> words = kOfficial;
  words.insert(words.end(), {"_silence_", "_unknown_"});
  say(folder, words);
  const TaskData data = load_keywords(folder.path());
  EXPECT_TRUE(data.task.test_only);
  EXPECT_EQ(data.test->size(), 48);
  EXPECT_EQ(load_keywords(folder.path(), {1, 5}).test->size(), 48);
  EXPECT_EQ(counts(data, *data.test)["unknown"], 4);
}

TEST(Keywords, ShortClipsEndInZerosAndLongOnesAreCut) {
  const TempFolder folder;
  say(folder, {"eins", "zwei"});
  write_wav(folder / "eins/b_nohash_0.wav", tone(500, 9000));
  write_wav(folder / "zwei/b_nohash_0.wav", tone(500, 20000));
  const TaskData data = load_keywords(folder.path());
  EXPECT_EQ(sample(*data.test, 0), mfcc_of(tone(500, 9000)));
  EXPECT_EQ(sample(*data.test, 1), mfcc_of(tone(500)));
}

// One bad thing at a time in otherwise good data: a line that names it.
struct Bad {
  std::string message;
  std::function<void(const TempFolder&)> spoil;
};

TEST(Keywords, BadDataIsOneLineThatNamesIt) {
  const auto file = [](std::vector<uint8_t> bytes) {
    return [bytes](const TempFolder& folder) { write_bytes(folder / "eins/bert_nohash_0.wav", bytes); };
  };
  std::vector<uint8_t> cut = wav_bytes(tone(300)), lying = cut, extensible = cut, ulaw = cut;
  cut.resize(20000);
  lying[40] = 1;  // a length of one byte more
  ulaw[20] = 7;
  const std::vector<Bad> all = {
      {"/eins/bert_nohash_0.wav: has 8000 samples a second, expected 16000; convert it, for example with sox -r 16000",
       file(wav_bytes(tone(300), 8000))},
      {"/eins/bert_nohash_0.wav: has no samples", file(wav_bytes({}))},
      {"/eins/bert_nohash_0.wav: truncated: 32000 bytes of samples announced at offset 36, 19956 there", file(cut)},
      {"/eins/bert_nohash_0.wav: truncated: 32001 bytes of samples announced at offset 36, 32000 there", file(lying)},
      {"/eins/bert_nohash_0.wav: format 7 with 16 bits, expected PCM", file(ulaw)},
      {"/eins/bert_nohash_0.wav: not a .wav file", file({'I', 'D', '3'})},
      {"/empty: holds no .wav files; remove the folder",
       [](const TempFolder& f) { std::filesystem::create_directory(f / "empty"); }},
      {"/_background_noise_/short.wav: background noise of 1 s, expected 10 s at least",
       [](const TempFolder& f) { write_wav(f / "_background_noise_/short.wav", tone(300)); }},
      {"/_background_noise_/zero.wav: background noise without a sound",
       [](const TempFolder& f) { write_wav(f / "_background_noise_/zero.wav", std::vector<int16_t>(160000)); }},
      {": holds clips of 1 words; a folder for each of two at least is expected",
       [](const TempFolder& f) { std::filesystem::remove_all(f / "zwei"); }},
      {": no clip is for 'test'; give validation_list.txt and testing_list.txt",
       [](const TempFolder& f) {
         for (const char* word : {"eins", "zwei"}) std::filesystem::remove(f.path() + "/" + word + "/b_nohash_0.wav");
       }},
  };
  for (const Bad& bad : all) {
    const TempFolder folder;
    say(folder, {"eins", "zwei"});
    bad.spoil(folder);
    const std::string error = error_of([&] { load_keywords(folder.path()); });
    EXPECT_EQ(error.substr(0, folder.path().size() + bad.message.size()), folder.path() + bad.message);
    EXPECT_EQ(error.find('\n'), std::string::npos);
  }
  EXPECT_NE(error_of([] { load_keywords("/nowhere/at/all"); }).find("cannot open /nowhere/at/all: No such file"),
            std::string::npos);
  const TempFolder empty;
  EXPECT_EQ(error_of([&] { load_keywords(empty.path()); }),
            empty.path() + ": holds no .wav files in folders named after their class");
}

TEST(Keywords, WhatIsOnlyUnusualIsRead) {
  const TempFolder folder;
  say(folder, {"eins", "zwei"});
  std::vector<uint8_t> listed = wav_bytes(tone(300));
  const std::vector<uint8_t> chunk = {'L', 'I', 'S', 'T', 2, 0, 0, 0, 'a', 'b'};
  listed.insert(listed.begin() + 36, chunk.begin(), chunk.end());
  write_bytes(folder / "eins/b_nohash_0.wav", listed);
  write_bytes(folder / "eins/.DS_Store", {1});
  write_bytes(folder / "eins/notes.txt", {1});
  write_bytes(folder / "LICENSE", {1});
  EXPECT_EQ(sample(*load_keywords(folder.path()).test, 0), mfcc_of(tone(300)));
}

TEST(Keywords, BadArchivesAreOneLine) {
  const TempFolder folder, packed;
  say(folder, {"eins", "zwei"});
  const auto pack = [&](const std::string& command) {
    return std::system(("cd '" + folder.path() + "' && P='" + packed.path() + "' && " + command).c_str()) == 0;
  };
  const auto error = [&](const std::string& name) {
    const std::string text = error_of([&] { load_keywords(packed / name); });
    EXPECT_EQ(text.find(packed / name), 0u) << text;
    return text.substr((packed / name).size());
  };
  ASSERT_TRUE(pack("tar czf $P/whole.tar.gz . && head -c 20000 $P/whole.tar.gz > $P/cut.tar.gz"));
  EXPECT_NE(error("cut.tar.gz").find("the archive is truncated or damaged"), std::string::npos);
  ASSERT_TRUE(pack("tar cPf $P/up.tar eins --transform='s|^eins|../eins|'"));
  EXPECT_NE(error("up.tar").find("leads out of the archive"), std::string::npos);
  ASSERT_TRUE(pack("tar cPf $P/root.tar eins --transform='s|^eins|/eins|'"));
  EXPECT_NE(error("root.tar").find("'/eins/"), std::string::npos);
  ASSERT_TRUE(pack("tar cf $P/twice.tar eins zwei && tar rf $P/twice.tar eins/b_nohash_0.wav"));
  EXPECT_EQ(error("twice.tar"), ": 'eins/b_nohash_0.wav' is there twice");
  ASSERT_TRUE(pack("tar cf $P/two.tar eins zwei --transform='s|^zwei|other/zwei|'"));
  EXPECT_NE(error("two.tar").find("expected one folder of class folders"), std::string::npos);
  ASSERT_TRUE(pack("head -c 3000 /dev/zero | tr '\\0' x > $P/text.tar.gz"));
  EXPECT_NE(error("text.tar.gz").find("not a tar header"), std::string::npos);
}

TEST(Keywords, SpeechCommandsIsWhatItIs) {
  const std::string words = data_path("speech_commands_v0.02"), test_set = data_path("speech_commands_test_set_v0.02");
  BITLOOM_NEEDS(words);
  BITLOOM_NEEDS(test_set);
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "BITLOOM_FAST is set";
  const TaskData whole = load_keywords(test_set);
  EXPECT_EQ(counts(whole, *whole.test), (std::map<std::string, int>{{"down", 406},
                                                                    {"go", 402},
                                                                    {"left", 412},
                                                                    {"no", 405},
                                                                    {"off", 402},
                                                                    {"on", 396},
                                                                    {"right", 396},
                                                                    {"stop", 411},
                                                                    {"up", 425},
                                                                    {"yes", 419},
                                                                    {"unknown", 408},
                                                                    {"silence", 408}}));
  int64_t done = -1, total = 0;
  const TaskData data = load_keywords(words, {}, [&](int64_t d, int64_t t) {
    EXPECT_GE(d, done);
    done = d, total = t;
  });
  EXPECT_EQ(data.task.classes, 12);
  EXPECT_EQ(done, total);
  EXPECT_GT(total, 4000);
  // All of these clips are in the published testing_list.txt, so the rule that made it must say so.
  for (const auto& entry : std::filesystem::recursive_directory_iterator(words)) {
    const std::string name = entry.path().filename().string();
    if (name.find("_nohash_") == std::string::npos) continue;
    EXPECT_EQ(split_of_speaker(name), Split::kTest) << name;
  }
}

}  // namespace
}  // namespace bitloom
