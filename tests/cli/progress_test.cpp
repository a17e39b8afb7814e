// Progress on a terminal and in a log, with the clock in the test's hand.
#include "cli/progress.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <sstream>

namespace bitloom {
namespace {

struct Fake {
  std::ostringstream out;
  double now = 1000;
  ProgressSink sink(int columns) {
    return {&out, columns, [this] { return now; }};
  }
  std::string take() {
    std::string text = out.str();
    out.str("");
    return text;
  }
};

TEST(Progress, PlainLinesComeAtMostEveryTenSecondsAndAtTheEnd) {
  Fake fake;
  Progress progress("search", 1000, "img", 0, fake.sink(0));
  for (int second = 1; second <= 40; ++second) {
    fake.now += 1;
    progress.update(second * 25, "loss 0.5");
  }
  EXPECT_EQ(fake.take(),
            "search   25%  25.0 img/s  ETA 0:30  loss 0.5\n"
            "search   50%  25.0 img/s  ETA 0:20  loss 0.5\n"
            "search   75%  25.0 img/s  ETA 0:10  loss 0.5\n"
            "search  100%  25.0 img/s  in 0:40  loss 0.5\n");
  progress.update(1000);
  progress.finish();
  EXPECT_EQ(fake.take(), "") << "the end is shown once";
}

TEST(Progress, TerminalRedrawsOneLine) {
  Fake fake;
  Progress progress("train", 48, "", 0, fake.sink(80));
  fake.now += 0.01;
  progress.update(1);
  EXPECT_EQ(fake.take(), "") << "not more than ten redraws a second";
  fake.now += 2.99;
  progress.update(12, "acc 81%");
  EXPECT_EQ(fake.take(), "\rtrain  [======>                 ]   25%  4.00/s  ETA 0:09  acc 81%\033[K");
  fake.now += 9;
  progress.update(48);
  EXPECT_EQ(fake.take(), "\rtrain  100%  4.00/s  in 0:12\033[K\n");
}

TEST(Progress, TerminalLineNeverReachesTheLastColumn) {
  for (int columns = 1; columns < 60; ++columns) {
    Fake fake;
    Progress progress("µ training", 100, "img", 0, fake.sink(columns));
    fake.now += 1;
    progress.update(50, "a note that is too long for the line of a small window");
    const std::string text = fake.take();
    const auto characters = std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
    ASSERT_EQ(characters, columns - 1 + 4) << "columns " << columns << ": " << text;  // 4: \r and the erase sequence
  }
}

TEST(Progress, ResumedWorkDoesNotDistortTheRate) {
  Fake fake;
  Progress progress("train", 1000, "img", 900, fake.sink(0));
  fake.now += 10;
  progress.update(950);
  EXPECT_EQ(fake.take(), "train   95%  5.00 img/s  ETA 0:10\n");
}

TEST(Progress, WithoutATotalItCounts) {
  Fake fake;
  Progress progress("reading", 0, "MB", 0, fake.sink(0));
  fake.now += 10;
  progress.update(250);
  progress.finish("done");
  EXPECT_EQ(fake.take(), "reading  250  25.0 MB/s\nreading  250  25.0 MB/s  in 0:10  done\n");
}

TEST(Progress, AnInterruptedTerminalLineIsClosed) {
  Fake fake;
  {
    Progress progress("train", 10, "", 0, fake.sink(80));
    fake.now += 1;
    progress.update(5);
  }
  EXPECT_EQ(fake.take().back(), '\n');
}

TEST(Progress, NoTimePassedMeansNoRate) {
  Fake fake;
  Progress progress("train", 10, "", 0, fake.sink(0));
  progress.update(10);
  EXPECT_EQ(fake.take(), "train  100%  in 0:00\n");
}

TEST(Progress, ClockText) {
  EXPECT_EQ(clock_text(0), "0:00");
  EXPECT_EQ(clock_text(59.6), "1:00");
  EXPECT_EQ(clock_text(725), "12:05");
  EXPECT_EQ(clock_text(3753), "1:02:33");
  EXPECT_EQ(clock_text(NAN), "-:--");
  EXPECT_EQ(clock_text(INFINITY), "-:--");
}

}  // namespace
}  // namespace bitloom
