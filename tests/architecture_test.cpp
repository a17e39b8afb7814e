// The include direction of the folders and the head of every file. That every header compiles alone is checked by `make lint`.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>
#include <vector>

#ifndef BITLOOM_SOURCE_DIR
#define BITLOOM_SOURCE_DIR "."
#endif

namespace bitloom {
namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

// Which layers a layer may include besides itself ("*": any), as HACKING.md says.
const std::map<std::string, Lines> kMayInclude = {
    {"core", {}},
    {"datasets", {"core"}},
    {"nn", {"core", "datasets"}},
    {"quant", {"core", "datasets", "nn", "quant/integer"}},
    {"nas", {"core", "datasets", "nn", "quant", "quant/integer", "mpic/compile", "mpic/compile/plan"}},
    {"quant/integer", {"core"}},
    {"mpic/isa", {"core"}},
    {"mpic/program", {"core", "mpic/isa"}},
    {"mpic/sim", {"core", "mpic/isa", "mpic/program"}},
    {"mpic/compile/plan", {"core", "quant/integer"}},
    {"mpic/compile", {"core", "quant/integer", "mpic/isa", "mpic/program", "mpic/sim", "mpic/compile/plan"}},
    {"cli", {"*"}},
    {"bench", {"*"}},
    {"tests", {"*"}},
};

// The longest name of a layer that the path begins with: "quant/integer/run.h" -> "quant/integer", "quant/lower.h" -> "quant", "elsewhere.h" -> "".
std::string layer_of(const std::string& path) {
  std::string longest;
  for (const auto& [layer, may_include] : kMayInclude)
    if (path.rfind(layer + "/", 0) == 0 && layer.size() > longest.size()) longest = layer;
  return longest;
}

bool may_include(const std::string& from, const std::string& to) {
  const auto rule = kMayInclude.find(from);
  if (rule == kMayInclude.end()) return false;
  return from == to ||
         std::any_of(rule->second.begin(), rule->second.end(), [&](const auto& name) { return name == "*" || name == to; });
}

// Source files below the root as "folder/file", sorted; generated and hidden folders are not part of the rule.
Lines source_files(const std::string& extensions) {
  Lines files;
  for (const char* folder : {"core", "datasets", "nn", "quant", "nas", "mpic", "cli", "bench", "tests"}) {
    const fs::path root = BITLOOM_SOURCE_DIR;
    if (!fs::exists(root / folder)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension().string();
      if (!extension.empty() && (extensions + " ").find(extension + " ") != std::string::npos) {
        files.push_back(entry.path().lexically_relative(root).generic_string());
      }
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

Lines read_lines(const std::string& file) {
  std::ifstream in(fs::path(BITLOOM_SOURCE_DIR) / file);
  Lines lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

bool starts_with_any(const std::string& text, const Lines& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string& prefix) { return text.rfind(prefix, 0) == 0; });
}

// The problems of one file's includes, each as "file:line: problem".
Lines include_problems(const std::string& file, const Lines& lines) {
  static const std::regex include(R"re(\s*#\s*include\s*([<"])([^>"]+).*)re");
  const std::string layer = layer_of(file);
  const bool is_header = fs::path(file).extension() == ".h",
             is_library = layer != "cli" && layer != "bench" && layer != "tests";
  // A source includes its own header first, which shows that it compiles alone (make lint looks at the others).
  const std::string own = fs::path(file).replace_extension(".h").generic_string();
  bool awaits_own = !is_header && fs::exists(fs::path(BITLOOM_SOURCE_DIR) / own);
  Lines problems;
  for (size_t i = 0; i < lines.size(); ++i) {
    std::smatch match;
    if (!std::regex_match(lines[i], match, include)) continue;
    const bool quoted = match[1] == "\"";
    const std::string path = match[2];
    const auto report = [&](const std::string& problem) {
      problems.push_back(file + ":" + std::to_string(i + 1) + ": " + problem);
    };
    if (awaits_own && path != own) report("\"" + own + "\" comes first");
    awaits_own = false;
    if (!quoted) {
      const bool declares_only = path == "nlohmann/json_fwd.hpp";
      if (is_header && !declares_only && starts_with_any(path, {"CLI/", "nlohmann/"}))
        report("only .cpp files include <" + path + ">");
      if (is_library && starts_with_any(path, {"gtest/", "benchmark/"}))
        report("a library file must not include <" + path + ">");
    } else if (!fs::exists(fs::path(BITLOOM_SOURCE_DIR) / path)) {
      report("\"" + path + "\" is not a path from the root of the repository");
    } else if (!may_include(layer, layer_of(path))) {
      report(layer + " must not include \"" + path + "\"");
    }
  }
  return problems;
}

TEST(Architecture, TheRulesTellRightFromWrong) {
  EXPECT_TRUE(may_include("quant", "nn"));
  EXPECT_TRUE(may_include("mpic/compile", "quant/integer"));
  EXPECT_FALSE(may_include("mpic/sim", "mpic/compile"));
  EXPECT_TRUE(may_include("nas", layer_of("mpic/compile/plan/pieces.h")));
  EXPECT_FALSE(may_include("nas", layer_of("mpic/sim/core.h")));
  EXPECT_FALSE(may_include("mpic/compile/plan", "mpic/compile"));
  EXPECT_TRUE(may_include("tests", "cli"));
  EXPECT_FALSE(may_include("core", "datasets"));
  EXPECT_FALSE(may_include("mpic/compile", "quant"));
  EXPECT_FALSE(may_include("quant/integer", "nn"));
  EXPECT_FALSE(may_include("nas", "cli"));
  EXPECT_FALSE(may_include("elsewhere", "core"));
  const Lines text{"// X.", "#include \"core/error.h\"", "#include \"nn/x.h\"", "# include \"quant/integer/run.h\"",
                   "#include <gtest/gtest.h>"};
  EXPECT_EQ(include_problems("core/x.cpp", text),
            (Lines{"core/x.cpp:3: \"nn/x.h\" is not a path from the root of the repository",
                   "core/x.cpp:4: core must not include \"quant/integer/run.h\"",
                   "core/x.cpp:5: a library file must not include <gtest/gtest.h>"}));
  EXPECT_EQ(include_problems("core/io.cpp", {"#include <vector>", "#include \"core/io.h\""}),
            Lines{"core/io.cpp:1: \"core/io.h\" comes first"});
  EXPECT_EQ(include_problems("cli/x.h", {"#include <vector>", "#include <CLI/CLI.hpp>"}),
            Lines{"cli/x.h:2: only .cpp files include <CLI/CLI.hpp>"});
}

TEST(Architecture, IncludesFollowTheLayers) {
  const Lines files = source_files(".h .cpp .inc");
  ASSERT_GT(files.size(), 20u) << "no sources below " BITLOOM_SOURCE_DIR;
  for (const std::string& file : files) {
    for (const std::string& problem : include_problems(file, read_lines(file))) ADD_FAILURE() << problem;
  }
}

TEST(Architecture, EveryFileSaysWhatItIs) {
  for (const std::string& file : source_files(".h .cpp .inc")) {
    const Lines lines = read_lines(file);
    EXPECT_TRUE(!lines.empty() && lines[0].rfind("// ", 0) == 0)
        << file << ":1: the first line must be a comment that says what the file is";
    if (fs::path(file).extension() != ".h") continue;
    EXPECT_NE(std::find(lines.begin(), lines.end(), "#pragma once"), lines.end()) << file << ":1: no #pragma once";
  }
}

}  // namespace
}  // namespace bitloom
