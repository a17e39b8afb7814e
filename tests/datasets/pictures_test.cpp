// Folders of pictures: made-up ones, the visual wake words of others where they are, and files that are not pictures.
#include <cmath>
#include <cstdlib>
#include <map>

#include "core/io.h"
#include "datasets/jpeg.h"
#include "datasets/sources.h"
#include "tests/support/picture.h"

namespace bitloom {
namespace {

using testing::data_path;
using testing::error_of;
using testing::plain_jpeg;
using testing::TempFolder;
using testing::write_bytes;
using testing::write_picture;

// `count` pictures of a class, each of another colour.
void draw(const TempFolder& folder, const std::string& name, int count, const std::string& prefix = "") {
  for (int i = 0; i < count; ++i)
    write_picture(str(folder.path(), "/", name, "/", prefix, 1000 + i, ".jpg"),
                  plain_jpeg(200, 5 * i, int(name.size()), 10, 14));
}

std::map<std::string, int> counts(const TaskData& data, const Dataset& split) {
  std::map<std::string, int> counts;
  for (const int32_t label : split.labels()) ++counts[data.task.label_name(label)];
  return counts;
}

// The number of the picture that draw() gave this colour.
int number_of(const Dataset& data, int64_t index) {
  std::vector<float> pixels(size_t(data.format().size()));
  data.fill(index, nullptr, pixels.data());
  return int(std::lround(double(pixels[1]) * 255 / 5));
}

std::vector<int> numbers_of(const Dataset& data) {
  std::vector<int> numbers;
  for (int64_t i = 0; i < data.size(); ++i) numbers.push_back(number_of(data, i));
  return numbers;
}

using Counts = std::map<std::string, int>;

TEST(Pictures, OwnFoldersAreClassesByName) {
  const TempFolder folder;
  draw(folder, "zebra", 20);
  draw(folder, "\xc3\xa4pfel", 30);
  write_bytes(folder / "LICENSE", {1});
  write_bytes(folder / "zebra/notes.txt", {1});
  write_bytes(folder / "zebra/.hidden.jpg", {1});
  std::filesystem::rename(folder / "zebra/1003.jpg", folder / "zebra/1003.JPEG");
  const TaskData data = load_pictures(folder.path(), {24});
  EXPECT_EQ(data.task.label_names, (std::vector<std::string>{"zebra", "\xc3\xa4pfel"}));
  EXPECT_EQ(data.task.name, "pictures");
  EXPECT_EQ(data.task.metric->name(), "accuracy");
  EXPECT_EQ(counts(data, *data.train), (Counts{{"zebra", 16}, {"\xc3\xa4pfel", 24}}));
  EXPECT_EQ(counts(data, *data.val), (Counts{{"zebra", 2}, {"\xc3\xa4pfel", 3}}));
  EXPECT_EQ(counts(data, *data.test), (Counts{{"zebra", 2}, {"\xc3\xa4pfel", 3}}));
  EXPECT_EQ(data.test->format().h, 24);
  EXPECT_EQ(data.test->format().w, 24);
  // Every picture is in one split, and the splits are not by number.
  std::map<int, int> seen;
  for (const auto& part : {data.train, data.val, data.test})
    for (const int number : numbers_of(*part)) ++seen[number];
  for (int i = 0; i < 30; ++i) EXPECT_EQ(seen[i], i < 20 ? 2 : 1) << i;
  EXPECT_NE(numbers_of(*data.test), (std::vector<int>{0, 1, 0, 1, 2}));
  // A small change of a class leaves the others alone.
  draw(folder, "zebra", 21);
  std::vector<int> again = numbers_of(*load_pictures(folder.path(), {24}).test);
  EXPECT_EQ(std::vector<int>(again.end() - 3, again.end()), [&] {
    const std::vector<int> before = numbers_of(*data.test);
    return std::vector<int>(before.end() - 3, before.end());
  }());
}

TEST(Pictures, OfMlperfTheFirstTenthByNameIsForTesting) {
  const TempFolder folder;
  draw(folder, "vw_coco2014_96/person", 40, "COCO_train2014_");
  draw(folder, "vw_coco2014_96/non_person", 50, "COCO_val2014_");
  for (const std::string& path : {folder.path(), folder / "vw_coco2014_96"}) {
    const TaskData data = load_pictures(path);
    EXPECT_EQ(data.task.name, "visual_wake_words");
    EXPECT_EQ(data.task.label_names, (std::vector<std::string>{"non_person", "person"}));
    EXPECT_EQ(numbers_of(*data.test), (std::vector<int>{0, 1, 2, 3, 4, 0, 1, 2, 3}));
    EXPECT_EQ(counts(data, *data.val), (Counts{{"non_person", 5}, {"person", 4}}));
    EXPECT_EQ(counts(data, *data.train), (Counts{{"non_person", 40}, {"person", 32}}));
  }
}

TEST(Pictures, EveryPictureIsTestedInOneFold) {
  const TempFolder folder;
  draw(folder, "a", 23);
  draw(folder, "b", 11);
  std::vector<int> tested;
  for (int64_t k = 1; k <= 3; ++k) {
    const TaskData data = load_pictures(folder.path(), {24, false, {k, 3}});
    EXPECT_EQ(data.train->size() + data.val->size() + data.test->size(), 34);
    EXPECT_EQ(digest(*data.val), digest(*load_pictures(folder.path(), {24, false, {k % 3 + 1, 3}}).test)) << k;
    for (auto& [name, count] : counts(data, *data.test)) EXPECT_NEAR(count, name == "a" ? 23 / 3.0 : 11 / 3.0, 1) << name;
    for (const int number : numbers_of(*data.test)) tested.push_back(number);
  }
  std::vector<int> all;
  for (const std::shared_ptr<Dataset>& part : {load_pictures(folder.path(), {24}).train, load_pictures(folder.path(), {24}).val,
                                               load_pictures(folder.path(), {24}).test})
    for (const int number : numbers_of(*part)) all.push_back(number);
  std::sort(tested.begin(), tested.end());
  std::sort(all.begin(), all.end());
  EXPECT_EQ(tested, all);
  EXPECT_EQ(error_of([&] {
              load_pictures(folder.path(), {24, false, {1, 12}});
            }),
            folder.path() + ": class 'b' has 11 pictures, too few for 12 folds");
}

TEST(Pictures, AnArchiveIsTheFolder) {
  const TempFolder folder;
  draw(folder, "vw_coco2014_96/cat", 12);
  draw(folder, "vw_coco2014_96/dog", 13);
  ASSERT_EQ(std::system(("cd '" + folder.path() + "' && tar czf all.tar.gz vw_coco2014_96").c_str()), 0);
  EXPECT_EQ(digest(load_pictures(folder / "all.tar.gz")), digest(load_pictures(folder.path())));
}

TEST(Pictures, RareClassesAreDrawnAsOftenAsFrequentOnes) {
  const TempFolder folder;
  draw(folder, "few", 10);
  draw(folder, "many", 50);
  const TaskData data = load_pictures(folder.path(), {8});
  EXPECT_EQ(data.task.metric->name(), "balanced_accuracy");
  EXPECT_EQ(counts(data, *data.train), (Counts{{"few", 8}, {"many", 40}}));
  std::map<int64_t, int> times;
  const auto drawn = [&](const std::vector<int64_t>& epoch) {
    Counts c;
    times.clear();
    for (const int64_t i : epoch) ++c[data.task.label_name(data.train->labels()[size_t(i)])], ++times[i];
    return c;
  };
  EXPECT_EQ(drawn(data.train->epoch(Rng(1))), (Counts{{"few", 8}, {"many", 40}}));
  for (const auto& [sample, count] : times) EXPECT_EQ(count, 1) << sample;
  data.train->draw_classes_equally();
  EXPECT_EQ(drawn(data.train->epoch(Rng(1))), (Counts{{"few", 24}, {"many", 24}}));
  for (int64_t i = 0; i < 48; ++i) EXPECT_LE(times[i], i < 8 ? 3 : 1) << i;
  for (int64_t i = 0; i < 8; ++i) EXPECT_EQ(times[i], 3) << i;
  EXPECT_EQ(data.train->epoch(Rng(1)), data.train->epoch(Rng(1)));
  EXPECT_NE(data.train->epoch(Rng(1)), data.train->epoch(Rng(2)));
}

TEST(Pictures, WholeDataAreForTesting) {
  const TempFolder folder;
  draw(folder, "cat", 12);
  draw(folder, "dog", 13);
  const TaskData data = load_pictures(folder.path(), {8}), all = whole(data);
  EXPECT_TRUE(all.task.test_only);
  EXPECT_EQ(counts(all, *all.test), (Counts{{"cat", 12}, {"dog", 13}}));
  std::vector<int> expected = numbers_of(*data.train);
  for (const auto& part : {data.val, data.test})
    for (const int number : numbers_of(*part)) expected.push_back(number);
  EXPECT_EQ(numbers_of(*all.test), expected);
}

TEST(Pictures, WhatCannotBeReadIsNamedOrLeftOut) {
  const TempFolder folder;
  draw(folder, "cat", 12);
  draw(folder, "dog", 13);
  std::vector<uint8_t> cut = plain_jpeg(1, 2, 3);
  cut.resize(cut.size() / 2);
  write_bytes(folder / "dog/1001.jpg", {0x89, 'P', 'N', 'G'});
  write_bytes(folder / "cat/1002.jpg", cut);
  const std::string first = folder / "cat/1002.jpg: cut: the file ends in the middle of the picture",
                    second = folder / "dog/1001.jpg: is a PNG picture, whatever its name says; convert it to JPEG";
  EXPECT_EQ(error_of([&] { load_pictures(folder.path()); }),
            first + " (2 of 25 pictures cannot be read; --skip-bad leaves them out)");
  const TaskData data = load_pictures(folder.path(), {96, true});
  EXPECT_EQ(data.skipped, (std::vector<std::string>{first, second}));
  EXPECT_EQ(data.train->size() + data.val->size() + data.test->size(), 23);
}

// One bad thing at a time in otherwise good data: a line that names it.
TEST(Pictures, BadDataIsOneLineThatNamesIt) {
  const std::pair<std::string, std::function<void(const TempFolder&)>> all[] = {
      {": holds pictures of one class, 'cat'; a folder for each of two at least is expected",
       [](const TempFolder& f) { std::filesystem::remove_all(f / "dog"); }},
      {": class 'one' has 1 picture; three at least are expected, to train, validate and test",
       [](const TempFolder& f) { draw(f, "one", 1); }},
      {"/empty: holds no .jpg or .jpeg files; remove the folder, or put the files of that class into it",
       [](const TempFolder& f) { std::filesystem::create_directory(f / "empty"); }},
      {": holds no .jpg or .jpeg files in folders named after their class",
       [](const TempFolder& f) { std::filesystem::remove_all(f / "dog"), std::filesystem::remove_all(f / "cat"); }},
  };
  for (const auto& [message, spoil] : all) {
    const TempFolder folder;
    draw(folder, "cat", 3);
    draw(folder, "dog", 3);
    spoil(folder);
    EXPECT_EQ(error_of([&] { load_pictures(folder.path()); }), folder.path() + message);
  }
}

TEST(Pictures, TheStandInIsWhatItIs) {
  const std::string folder = data_path("vw_coco2014_96");
  BITLOOM_NEEDS(folder);
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "BITLOOM_FAST is set";
  int64_t done = -1, total = 0;
  const TaskData data = load_pictures(folder, {}, [&](int64_t d, int64_t t) {
    EXPECT_GE(d, done);
    done = d, total = t;
  });
  EXPECT_EQ(done, 9991);
  EXPECT_EQ(total, 9991);
  EXPECT_EQ(data.task.metric->name(), "balanced_accuracy");
  EXPECT_EQ(counts(data, *data.test), (Counts{{"non_person", 854}, {"person", 144}}));
  EXPECT_EQ(counts(data, *data.val), (Counts{{"non_person", 854}, {"person", 144}}));
  EXPECT_EQ(counts(data, *data.train), (Counts{{"non_person", 6837}, {"person", 1158}}));
}

}  // namespace
}  // namespace bitloom
