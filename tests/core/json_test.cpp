// Tests of core/json: values by path, every wrong type named, and documents that are meant to harm.
#include "core/json.h"

#include <gtest/gtest.h>

#include "core/io.h"
#include "core/rng.h"
#include "tests/support/files.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::TempFolder;

JsonValue parse(const std::string& text) { return JsonValue::parse(text, "f.json"); }

TEST(Json, ReadsWhatIsThere) {
  const JsonValue root = parse(R"({"b": {"x": [1, 2.5, -3]}, "a": "text", "t": true, "n": null, "u": 18446744073709551615})");
  const std::vector<JsonValue> x = root.at("b").at("x").elements();
  ASSERT_EQ(x.size(), 3u);
  EXPECT_EQ(x[0].integer(), 1);
  EXPECT_EQ(x[1].number(), 2.5);
  EXPECT_EQ(x[2].integer(-3, 0), -3);
  EXPECT_EQ(x[0].number(), 1.0);
  EXPECT_EQ(root.at("a").string(), "text");
  EXPECT_TRUE(root.at("t").boolean());
  EXPECT_TRUE(root.at("n").is_null());
  EXPECT_EQ(root.at("u").unsigned_integer(), UINT64_MAX);
  EXPECT_TRUE(root.has("a"));
  EXPECT_FALSE(root.has("z"));
  EXPECT_EQ(root.members()[0].first, "b") << "in the document's order";
  EXPECT_EQ(root.at("b").brief(), R"({"x":[1,2.5,-3]})");
  EXPECT_TRUE(x[0] == parse("1"));
  EXPECT_FALSE(x[0] == parse("[1]"));
}

TEST(Json, ValuesKeepTheirDocument) {
  JsonValue inner = parse("1");
  inner = parse(R"({"a": [{"b": "deep"}]})").at("a").elements().at(0).at("b");
  EXPECT_EQ(inner.string(), "deep");
}

TEST(Json, NamesTheFileAndThePathOfWhatIsWrong) {
  const JsonValue root =
      parse(R"({"a": {"b": [1, 2, "x"]}, "half": 1.5, "u": 18446744073709551615, "n": -1, "o\n": {}, "": 0})");
  const JsonValue b = root.at("a").at("b");
  const std::pair<std::string, std::string> cases[] = {
      {error_of([&] { b.elements()[2].number(); }), "key a.b[2] is a string, expected a number"},
      {error_of([&] { b.elements()[2].integer(); }), "key a.b[2] is a string, expected an integer"},
      {error_of([&] { b.elements()[0].string(); }), "key a.b[0] is a number, expected a string"},
      {error_of([&] { b.elements()[0].boolean(); }), "key a.b[0] is a number, expected true or false"},
      {error_of([&] { b.at("c"); }), "key a.b is an array, expected an object"},
      {error_of([&] { root.elements(); }), "is an object, expected an array"},
      {error_of([&] { parse("3").members(); }), "is a number, expected an object"},
      {error_of([&] { root.at("a").at("c"); }), "key a.c is missing"},
      {error_of([&] { root.at("z"); }), "key z is missing"},
      {error_of([&] { root.at("o\n").at("\x1b"); }), "key o\\n.\\x1b is missing"},
      {error_of([&] { root.at("").string(); }), "key \"\" is a number, expected a string"},
      {error_of([&] { root.at("half").integer(0, 9); }), "key half is 1.5, expected an integer from 0 to 9"},
      {error_of([&] { b.elements()[1].integer(3, 9); }), "key a.b[1] is 2, expected an integer from 3 to 9"},
      {error_of([&] { root.at("n").unsigned_integer(); }), "key n is -1, expected an integer of 0 or more"},
      {error_of([&] { root.at("n").fail("is no width"); }), "key n is no width"}};
  for (const auto& [message, expected] : cases) EXPECT_EQ(message, "f.json: " + expected);
  EXPECT_NE(error_of([&] { root.at("u").integer(); }).find("key u is 18446744073709551615, expected an integer"),
            std::string::npos);
}

TEST(Json, MalformedTextIsOneLine) {
  for (const std::string& text : {std::string(), std::string("{"), std::string("[1,]"), std::string("nul"),
                                  std::string("{\"a\":1}x"), std::string("\x1b[31m\n"), std::string("\"\xff\""),
                                  std::string("1e999"), "\"" + std::string(1000000, 'x'), std::string("\0", 1)}) {
    const std::string message = error_of([&] { parse(text); });
    EXPECT_EQ(message.compare(0, 18, "f.json: not JSON: "), 0) << message;
    EXPECT_LT(message.size(), 400u);
    EXPECT_EQ(message.find("json.exception"), std::string::npos) << message;
  }
}

// A recursion for each level would need 2,000,000 frames.
TEST(Json, NestingIsBounded) {
  for (const char* open : {"[", "{\"a\":"}) {
    const std::string close = *open == '[' ? "]" : "}";
    for (const int depth : {JsonValue::kMaxDepth, JsonValue::kMaxDepth + 1, 2000000}) {
      std::string text;
      for (int i = 0; i < depth; ++i) text += open;
      text += *open == '[' ? "" : "1";
      for (int i = 0; i < depth; ++i) text += close;
      const std::string message = error_of([&] { parse(text).brief(); });
      EXPECT_EQ(message,
                depth <= JsonValue::kMaxDepth ? "" : "f.json: not JSON that bitloom reads: nested more than 64 levels deep")
          << depth;
    }
  }
}

TEST(Json, KeysOfAnObjectAreBounded) {
  std::string text;
  for (int i = 0; i <= JsonValue::kMaxMembers; ++i) {
    if (i == JsonValue::kMaxMembers) {
      EXPECT_EQ(error_of([&] { parse("{\"a\": {" + text + "}, \"b\": {" + text + "}}"); }), "");
    }
    text += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":0";
  }
  EXPECT_EQ(error_of([&] { parse("{\"a\": {" + text + "}}"); }),
            "f.json: not JSON that bitloom reads: an object has more than 1000 keys");
}

TEST(Json, FilesAreBounded) {
  const TempFolder folder;
  write_text_atomic(folder / "a.json", "{\"a\": 1}");
  EXPECT_EQ(read_json(folder / "a.json").at("a").integer(), 1);
  std::filesystem::resize_file(folder / "a.json", JsonValue::kMaxBytes + 1);  // sparse
  EXPECT_NE(error_of([&] { read_json(folder / "a.json"); }).find("more than the 16777216 bytes"), std::string::npos);
  EXPECT_NE(error_of([&] { read_json(folder / "none.json"); }).find("cannot open"), std::string::npos);
}

TEST(Json, AnyDamageIsAnErrorOrAValue) {
  const std::string text = R"({"a": {"b": [1, 2.5e3, "x", null, true]}, "c": {"d": "\u00e9\n"}})";
  Rng rng(1);
  for (int round = 0; round < 3000; ++round) {
    std::string damaged = text;
    for (int64_t n = 1 + rng.below(3); n > 0; --n) damaged[size_t(rng.below(int64_t(text.size())))] = char(rng.below(256));
    const std::string message = error_of([&] {
      const JsonValue root = parse(damaged);
      for (const auto& [key, value] : root.members()) value.brief();
      for (const JsonValue& value : root.at("a").at("b").elements()) value.brief();
    });
    EXPECT_TRUE(message.empty() || message.compare(0, 8, "f.json: ") == 0) << message;
  }
}

}  // namespace
}  // namespace bitloom
