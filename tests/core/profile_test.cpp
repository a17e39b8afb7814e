// Where the time of a run goes.
#include "core/profile.h"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>

#include "core/ops/ops.h"
#include "tests/support/files.h"

namespace bitloom {
namespace {

void wait(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

double of(Profile& profile, const std::string& name) {
  for (const auto& [found, seconds] : profile.seconds())
    if (found == name) return seconds;
  return -1;
}

TEST(Profile, EveryMomentBelongsToOneName) {
  const auto begin = std::chrono::steady_clock::now();
  Profile profile;
  {
    const ProfileScope outer("outer");
    wait(20);
    {
      const ProfileScope inner("inner", " part");
      EXPECT_EQ(Profile::running(), "inner part");
      wait(40);
    }
    EXPECT_EQ(Profile::running(), "outer");
    std::thread([] { const ProfileScope elsewhere("another thread"); }).join();
  }
  EXPECT_EQ(Profile::running(), "other");
  EXPECT_GE(of(profile, "outer"), 0.02);
  EXPECT_GE(of(profile, "inner part"), 0.04);
  EXPECT_EQ(of(profile, "another thread"), -1);
  const auto all = profile.seconds();
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second > b.second; }));
  const double sum = std::accumulate(all.begin(), all.end(), 0.0, [](double s, const auto& e) { return s + e.second; });
  EXPECT_LE(sum, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  EXPECT_LT(of(profile, "outer"), sum - 0.04);  // without the scope inside
}

TEST(Profile, ScopesInsideAnEvaluationDoNotCountForThemselves) {
  Profile profile;
  const ProfileScope evaluation(ProfileScope::kEvaluation);
  { const ProfileScope layer("layer"); }
  EXPECT_EQ(of(profile, "layer"), -1);
  EXPECT_EQ(Profile::running(), ProfileScope::kEvaluation);
}

TEST(Profile, BackwardGoesToTheScopeThatRecorded) {
  Profile profile;
  Tape tape;
  const Variable x(Tensor(Shape{1, 1, 1, 4}, 1.0f), true);
  Variable y;
  {
    const ProfileScope scope("layer");
    y = tape.apply(Relu(), {x});
  }
  tape.backward(tape.apply(MeanSquaredError(Tensor(Shape{4}, 0.0f)), {y}));
  EXPECT_GE(of(profile, "layer backward"), 0);
  EXPECT_GE(of(profile, "other backward"), 0);  // the loss
}

TEST(Profile, OneAtATime) {
  { const ProfileScope nobody_listens("scope"); }
  EXPECT_EQ(Profile::running(), "");
  Profile profile;
  EXPECT_EQ(testing::error_of([] { Profile second; }), "profile: another one is active");
}

}  // namespace
}  // namespace bitloom
