// The test program: runs GoogleTest and ends with one line that counts what happened.
#include <gtest/gtest.h>

#include <cstdio>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const int code = RUN_ALL_TESTS();
  if (!GTEST_FLAG_GET(list_tests)) {
    const testing::UnitTest& tests = *testing::UnitTest::GetInstance();
    std::printf("%d passed, %d failed, %d skipped\n", tests.successful_test_count(), tests.failed_test_count(),
                tests.skipped_test_count());
  }
  return code;
}
