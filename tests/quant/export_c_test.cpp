// The exported C against the interpreter, at every layer and output.
#include "quant/export_c/export_c.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "core/io.h"
#include "datasets/sources.h"
#include "quant/export_c/front_end.h"
#include "quant/lower.h"
#include "tests/support/export_cases.h"
#include "tests/support/exported_c.h"
#include "tests/support/files.h"
#include "tests/support/integer_graph.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::ExportCase;
using testing::RandomGraph;
using testing::TempFolder;

constexpr QuantScheme kByte{8, false, 1};

TEST(ExportC, RandomGraphsGiveTheInterpretersCodes) {
  const std::vector<ExportCase> cases = testing::random_graph_cases(60);
  std::set<IntegerOp> ops;
  std::set<std::tuple<IntegerOp, int, int>> pairs;
  int in_place = 0;
  for (const ExportCase& c : cases) {
    const MemoryPlan plan = plan_c_export(c.graph);
    for (size_t i = 1; i < c.graph.layers.size(); ++i) {
      const IntegerLayer& layer = c.graph.layers[i];
      ops.insert(layer.op);
      in_place += plan.layers[i].in_place;
      const int act_bits = c.graph.layers[size_t(layer.inputs[0])].out.bits;
      for (const ChannelGroup& group : layer.groups) pairs.insert({layer.op, act_bits, group.bits});
    }
  }
  EXPECT_EQ(ops.size() + 1, testing::all_integer_ops().size()) << "an op does not occur (inputs are not counted)";
  EXPECT_EQ(pairs.size(), 36u)
      << "conv2d, depthwise and linear by activation bits 2, 4, 8 by weight bits 0, 2, 4, 8: one is missing";
  EXPECT_GT(in_place, 10);
  BITLOOM_EXPECT_EXPORTED_EQUAL(cases, "gcc");
}

TEST(ExportC, AwkwardShapesGiveTheInterpretersCodes) { BITLOOM_EXPECT_EXPORTED_EQUAL(testing::awkward_cases(), "clang"); }

TEST(ExportC, ModelsWithRandomPrecisionsGiveTheInterpretersCodes) {
  BITLOOM_EXPECT_EXPORTED_EQUAL(testing::model_cases(3), "gcc");
}

TEST(ExportC, RoundsAsRequantizeDoes) {
  // A 1x1 layer with weight 1 feeds the rule with the code itself: 256 sums by 1000 rules, for four kinds of output.
  std::vector<ExportCase> cases;
  for (const QuantScheme& out :
       {QuantScheme{2, false, 1}, QuantScheme{4, true, 1}, QuantScheme{8, false, 1}, QuantScheme{8, true, 1}}) {
    Rng rng(uint64_t(out.bits) + out.is_signed);
    RandomGraph g(Rng(1), 1, 256, 1, kByte);
    g.window(IntegerOp::kConv2d, 0, 1000, {1, 1}, {1, 1}, {0, 0, 0, 0}, out, {2});
    g.window(IntegerOp::kConv2d, 1, 1, {1, 1}, {1, 1}, {0, 0, 0, 0}, kByte, {2});
    IntegerLayer& layer = g.graph.layers[1];
    for (size_t o = 0; o < 1000; ++o) {
      layer.weights[o] = 1;
      layer.shift[o] = uint8_t(rng.below(32));
      layer.multiplier[o] = int32_t(rng.below(8000000)) - 4000000;
      layer.offset[o] = int32_t(rng.below(2000000000)) - 1000000000;
      if (o % 4 == 0) layer.offset[o] = layer.shift[o] ? 1 << (layer.shift[o] - 1) : 0;  // halves and exact codes
      if (o % 8 == 0) layer.multiplier[o] = 1 << rng.below(20);
    }
    TensorT<int16_t> codes(Shape{1, 1, 256, 1});
    for (int64_t i = 0; i < 256; ++i) codes[i] = int16_t(i);
    cases.push_back({str(out.bits, " bits"), g.graph, codes});
  }
  BITLOOM_EXPECT_EXPORTED_EQUAL(cases, "gcc");
}

TEST(ExportC, TrainedNetworksGiveTheInterpretersCodesOnRealImages) {
  BITLOOM_NEEDS(testing::data_path("cifar-10-batches-bin/test_batch.bin"));
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "BITLOOM_FAST is set";
  const std::shared_ptr<Dataset> data = load_cifar10(testing::data_path("")).test;
  const Samples& test = testing::samples_of(data);
  const auto images = [&](int64_t count) {
    TensorT<int16_t> codes(Shape{count, test.h, test.w, test.c});
    for (int64_t i = 0; i < codes.size(); ++i) codes[i] = test.codes[size_t(i)];
    return codes;
  };
  std::vector<ExportCase> cases;
  for (const auto& entry : std::filesystem::directory_iterator("results/cifar10")) {
    const std::string file = entry.path().string() + "/network.blig";
    const bool many = std::getenv("BITLOOM_SLOW") || entry.path().filename() == "channel-1";
    if (file_exists(file)) cases.push_back({file, load_graph(file), images(many ? 100 : 10)});
  }
  ASSERT_GE(cases.size(), 7u);
  BITLOOM_EXPECT_EXPORTED_EQUAL(cases, "host");
}

// Builds the files as a user would and returns the exit code, or -1 where the compiler fails; `printed` is what it prints.
int run_selftest(const TempFolder& folder, const std::vector<TextFile>& files, const std::string& flags, std::string* printed) {
  for (const TextFile& file : files) testing::write_bytes(folder / file.name, {file.text.begin(), file.text.end()});
  const std::string built =
      "cd '" + folder.path() + "' && cc -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Werror " + flags + " *.c -o t";
  if (std::system(built.c_str()) != 0) return -1;
  const int status = std::system(("cd '" + folder.path() + "' && ./t >printed").c_str());
  *printed = read_text(folder / "printed");
  return WEXITSTATUS(status);
}

TEST(ExportC, SelfTestPassesAndTellsWhenANetworkIsWrong) {
  if (std::system("cc --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no C compiler";
  IntegerGraph graph = testing::random_integer_graph(Rng(4));
  const TensorT<int16_t> samples = testing::random_input(graph, 5, Rng(4));
  const TempFolder folder;
  std::string printed;
  EXPECT_EQ(run_selftest(folder, export_c(graph, samples), "", &printed), 0);
  EXPECT_EQ(printed, "bitloom self-test: 0 of 5 samples differ\n");
  EXPECT_EQ(run_selftest(folder, export_c(graph, samples), "-DBITLOOM_QUIET", &printed), 0);
  EXPECT_EQ(printed, "");
  std::vector<TextFile> files = export_c(graph, samples);
  for (int32_t& offset : graph.layers.back().offset) offset = -offset - 1;
  for (const TextFile& file : export_c(graph, samples)) {
    if (file.name == "bitloom_network.c") files[1] = file;
  }
  EXPECT_EQ(run_selftest(folder, files, "", &printed), 1);
}

// A keyword network of little weights behind the front end.
IntegerGraph keyword_graph() {
  RandomGraph g(Rng(1), 49, 10, 1, QuantScheme{8, true, 0.973});
  g.window(IntegerOp::kConv2d, 0, 8, {10, 4}, {2, 2}, {4, 5, 1, 1}, kByte, {2, 8});
  g.linear(1, 12, {32, true, 1});
  return g.graph;
}

constexpr const char* kUndefined = "-fsanitize=undefined -fno-sanitize-recover=all";

// Twelve sounds of so many samples: of every loudness, one-sided, constant, silent, extreme.
std::vector<int16_t> awkward_sounds(int64_t samples) {
  std::vector<int16_t> sounds;
  Rng rng(3);
  for (int which = 0; which < 12; ++which) {
    for (int64_t i = 0; i < samples; ++i) {
      const int noise = int(rng.below(65536)) - 32768;
      const int cases[] = {noise,
                           noise / 256,
                           noise / 8192,
                           0,
                           32767,
                           -32768,
                           -1 - std::abs(noise / 4),
                           i % 2 ? 32767 : -32768,
                           int(20000 * std::sin(0.3 * double(i))),
                           i == 777 ? 1 : 0,
                           i == 777 ? 1 : -30000,
                           i < samples / 2 ? noise : 0};
      sounds.push_back(int16_t(cases[which]));
    }
  }
  return sounds;
}

// Runs the exported front end on sounds in a file; `size` codes of each go to the file "printed".
int run_on(const TempFolder& folder, std::vector<TextFile> files, const std::vector<int16_t>& sounds, const std::string& size) {
  const auto at = std::find_if(files.begin(), files.end(), [](const TextFile& f) { return f.name == "bitloom_selftest.c"; });
  at->text =
      "#include <stdio.h>\n#include \"bitloom_front_end.h\"\n"
      "int main(void) {\n  static int16_t s[BITLOOM_SAMPLES];\n  static int8_t codes[" +
      size +
      "];\n  FILE* in = fopen(\"sounds\", \"rb\");\n  if (!in) return 1;\n"
      "  while (fread(s, sizeof s, 1, in) == 1) {\n    bitloom_front_end(s, codes);\n"
      "    fwrite(codes, sizeof codes, 1, stdout);\n  }\n  return fclose(in);\n}\n";
  const auto* bytes = reinterpret_cast<const uint8_t*>(sounds.data());
  testing::write_bytes(folder / "sounds", {bytes, bytes + sounds.size() * sizeof(int16_t)});
  std::string printed;
  return run_selftest(folder, files, kUndefined, &printed);
}

// The self-test passes, and of awkward sounds of so many samples the C makes the codes, `count` of them, that `features` makes.
template <class Features>
void expect_exported_front_end(const IntegerGraph& graph, const Features& features, int64_t samples, const char* size,
                               int64_t count) {
  const FrontEnd front_end = features;
  const std::vector<TextFile> files = export_c(graph, testing::random_input(graph, 2, Rng(2)), {"", {}, &front_end});
  const TempFolder folder;
  std::string printed;
  EXPECT_EQ(run_selftest(folder, files, kUndefined, &printed), 0);
  EXPECT_EQ(printed, "bitloom self-test: 0 of 3 samples differ\n");

  const std::vector<int16_t> sounds = awkward_sounds(samples);
  EXPECT_EQ(run_on(folder, files, sounds, size), 0);
  const std::string codes = read_text(folder / "printed");
  ASSERT_EQ(int64_t(codes.size()), int64_t(sounds.size()) / samples * count);
  std::vector<int16_t> expected(static_cast<size_t>(count));
  for (int64_t i = 0; i < int64_t(codes.size()); ++i) {
    if (i % count == 0) features.run(sounds.data() + i / count * samples, expected.data());
    ASSERT_EQ(int8_t(codes[size_t(i)]), expected[size_t(i % count)]) << i / count << " " << i % count;
  }
}

TEST(ExportC, FrontEndComputesWhatFixedMfccDoes) {
  if (std::system("cc --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no C compiler";
  const IntegerGraph graph = keyword_graph();
  const FixedMfcc mfcc = mfcc_of(graph);
  expect_exported_front_end(graph, mfcc, Mfcc::kSamples, "BITLOOM_INPUT_SIZE", Mfcc::kFrames * Mfcc::kCoefficients);
}

// An autoencoder of little weights behind the front end.
IntegerGraph machine_graph() {
  RandomGraph g(Rng(1), 1, 1, 640, QuantScheme{8, true, 0.7});
  g.linear(0, 16, kByte);
  g.linear(1, 640, {8, true, 0.9});
  return g.graph;
}

TEST(ExportC, LogMelFrontEndComputesWhatFixedLogMelDoes) {
  if (std::system("cc --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no C compiler";
  const IntegerGraph graph = machine_graph();
  const FixedLogMel log_mel = log_mel_of(graph);
  expect_exported_front_end(graph, log_mel, LogMel::kWindow, "BITLOOM_BANDS", LogMel::kBands);
}

TEST(ExportC, FrontEndsWantNetworksOfTheirFeatures) {
  RandomGraph g(Rng(1), 49, 10, 1, kByte);
  g.linear(0, 12, {32, true, 1});
  EXPECT_EQ(error_of([&] { mfcc_of(g.graph); }),
            "front end: the network 'random' takes 49x10x1 codes of 8 unsigned bits; MFCC are 49x10x1 of 8 signed ones");
  EXPECT_EQ(error_of([&] { log_mel_of(g.graph); }),
            "front end: the network 'random' takes 49x10x1 codes of 8 unsigned bits; five log-mel frames, to be reconstructed, "
            "are 640 of 8 signed ones");
}

// One program of two networks with a front end each, which also asks what they are.
const char* const kTwoNetworks =
    "#include <string.h>\n#include \"ad_front_end.h\"\n#include \"kws_front_end.h\"\n"
    R"c(
#if KWS_INPUT_SIZE != 490 || KWS_INPUT_HEIGHT != 49 || KWS_INPUT_WIDTH != 10 || KWS_INPUT_CHANNELS != 1 || KWS_OUTPUT_SIZE != 12
#error "the macros of kws"
#endif
#if KWS_INPUT_MIN != -128 || KWS_INPUT_MAX != 127 || KWS_INPUT_ZERO_POINT != 0 || KWS_INPUT_BITS != 8 || KWS_SCRATCH_BYTES < 1
#error "the macros of the input of kws"
#endif
#if AD_INPUT_SIZE != 640 || AD_OUTPUT_SIZE != 640 || AD_HOP != 512
#error "the macros of ad"
#endif

static const bitloom_description* const networks[2] = {&kws_network, &ad_network};
static const char* const names[KWS_OUTPUT_SIZE] = KWS_CLASS_NAMES;

int main(void) {
  static float values[KWS_INPUT_SIZE], results[KWS_OUTPUT_SIZE];
  static int8_t codes[KWS_INPUT_SIZE];
  static int32_t out[KWS_OUTPUT_SIZE], again[KWS_OUTPUT_SIZE];
  static int16_t scratch[4096];
  if (kws_selftest() != 0 || ad_selftest() != 0) return 1;
  if (strcmp(networks[0]->name, "kws") != 0 || strcmp(networks[1]->name, "ad") != 0) return 2;
  if (strcmp(names[1], "go \"?\\") != 0 || strcmp(names[2], "$" "name") != 0 ||
      strcmp(kws_network.class_names[11], "c11") != 0 || ad_network.class_names) return 3;
  if (kws_network.input_scale != KWS_INPUT_SCALE || ad_network.output.c != 640) return 4;
  for (int i = 0; i < KWS_INPUT_SIZE; ++i) codes[i] = (int8_t)(i * 7 % 256 - 128);
  for (int i = 0; i < KWS_INPUT_SIZE; ++i) values[i] = ((float)codes[i] + (float)(i % 9 - 4) * 0.12f) * KWS_INPUT_SCALE;
  values[0] = -1e30f;  // code -128
  values[73] = 1e30f;  // code 127
  if (kws_infer(codes, out) != 0 || kws_infer_float(values, results) != 0) return 5;
  for (int i = 0; i < KWS_OUTPUT_SIZE; ++i)
    if (results[i] != (float)out[i] * KWS_OUTPUT_SCALE) return 6;
  if (KWS_SCRATCH_BYTES > sizeof scratch || networks[0]->infer(codes, again, scratch) != 0) return 7;
  return memcmp(out, again, sizeof out) == 0 ? 0 : 8;
}
)c";

// The files of both, with another main().
std::vector<TextFile> two_networks() {
  const IntegerGraph kws = keyword_graph(), ad = machine_graph();
  const FrontEnd mfcc = mfcc_of(kws), log_mel = log_mel_of(ad);
  std::vector<std::string> classes;
  for (int i = 0; i < 12; ++i) classes.push_back(i == 1 ? "go \"?\\" : i == 2 ? "$name" : str("c", i));
  std::vector<TextFile> files = export_c(kws, testing::random_input(kws, 2, Rng(2)), {"kws", classes, &mfcc});
  for (const TextFile& file : export_c(ad, testing::random_input(ad, 2, Rng(2)), {"ad", {}, &log_mel})) {
    const auto same = std::find_if(files.begin(), files.end(), [&](const TextFile& f) { return f.name == file.name; });
    if (same == files.end())
      files.push_back(file);
    else
      EXPECT_EQ(same->text, file.text) << file.name << " is shared";
  }
  files.push_back({"main.c", kTwoNetworks});
  return files;
}

TEST(ExportC, TwoNetworksAreOneProgramInCAndInCxx) {
  const std::vector<TextFile> files = two_networks();
  ASSERT_EQ(files.size(), 17u);
  const TempFolder folder;
  for (const TextFile& file : files) testing::write_bytes(folder / file.name, {file.text.begin(), file.text.end()});
  const std::string warnings = " -O1 -Wall -Wextra -Wconversion -Wcast-qual -Werror -DBITLOOM_NO_MAIN ";
  int compilers = 0;
  const std::vector<std::string> compilers_to_try = {"gcc -std=c99", "g++ -x c++ -std=c++17",
                                                     "clang -std=c99 -Wcomma -Wpedantic",
                                                     "clang++ -x c++ -std=c++17 -Wcomma -Wpedantic -Wno-deprecated"};
  for (const std::string& compiler : compilers_to_try) {
    if (std::system((compiler.substr(0, compiler.find(' ')) + " --version >/dev/null 2>&1").c_str()) != 0) continue;
    ++compilers;
    EXPECT_EQ(std::system(("cd '" + folder.path() + "' && " + compiler + warnings + "*.c -o t && ./t").c_str()), 0) << compiler;
  }
  if (compilers == 0) GTEST_SKIP() << "there is no compiler";
}

TEST(ExportC, RefusesNamesThatNoNetworkCanHave) {
  const IntegerGraph graph = keyword_graph();
  const TensorT<int16_t> samples = testing::random_input(graph, 1, Rng(1));
  const auto error = [&](const ExportOptions& options) { return error_of([&] { export_c(graph, samples, options); }); };
  for (const char* name : {"1st", "a-b", "_x", "k w", "kws.h", "../x", "a$b", "k\xc3\xbc"})
    EXPECT_NE(error({name, {}, nullptr}).find("functions begin with it; give a letter"), std::string::npos) << name;
  EXPECT_NE(error({std::string(49, 'a'), {}, nullptr}).find("up to 47"), std::string::npos);
  EXPECT_NE(error({"Bitloom2", {}, nullptr}).find("shared by all networks"), std::string::npos);
  EXPECT_EQ(error({"Math", {}, nullptr}), "--name 'Math': its header would hide another one of that name; give another name");
  EXPECT_NE(error({"features", {}, nullptr}).find("would hide"), std::string::npos) << "glibc's, which <stdint.h> includes";
  for (const char* name : {"test", "all", "clean", "help", "install", "preinstall"})
    EXPECT_NE(error({name, {}, nullptr}).find("CMake has a target"), std::string::npos) << name;
  EXPECT_NE(error({"m", {}, nullptr}).find("the system's library of that name"), std::string::npos);
  EXPECT_NE(error({"con", {}, nullptr}).find("devices of Windows"), std::string::npos);
  for (const char* name : {"kws_front_end", "kws_selftest", "kws_network", "KWS_Network"})
    EXPECT_NE(error({name, {}, nullptr}).find("is a file of the network named by what is before it"), std::string::npos)
        << name;
  for (const char* name : {"network", "selftest", "tests", "kws_networks"}) EXPECT_EQ(error({name, {}, nullptr}), "") << name;
  EXPECT_EQ(error({"kws", {"yes", "no"}, nullptr}),
            "C export: the network 'random' has 12 outputs, 2 names of classes are given");
}

// A program that includes both would otherwise have the declarations of the first alone, and no word of it.
TEST(ExportC, HeadersOfNamesThatDifferInCaseAreTwo) {
  const IntegerGraph graph = keyword_graph();
  const FrontEnd front_end = mfcc_of(graph);
  std::set<std::string> guards;
  for (const char* name : {"kws", "Kws"})
    for (const TextFile& file : export_c(graph, testing::random_input(graph, 1, Rng(1)), {name, {}, &front_end})) {
      if (file.name != str(name, ".h") && file.name != str(name, "_front_end.h")) continue;
      const size_t at = file.text.find("#ifndef ");
      guards.insert(file.text.substr(at, file.text.find('\n', at) - at));
    }
  EXPECT_EQ(guards.size(), 4u);
}

TEST(ExportC, RefusesBytesThatAreNoInputCodes) {
  if (std::system("cc --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no C compiler";
  RandomGraph g(Rng(1), 2, 2, 3, QuantScheme{4, true, 1});
  g.linear(0, 5, {32, true, 1});
  std::vector<TextFile> files = export_c(g.graph, testing::random_input(g.graph, 1, Rng(1)));
  files.back().text =
      "#include \"bitloom_network.h\"\n"
      "int main(void) {\n  int8_t in[12] = {7, -8};\n  int32_t out[5];\n  int result = bitloom_infer(in, out);\n"
      "  in[11] = 8;\n  result += 2 * bitloom_infer(in, out);\n  in[11] = -9;\n  return result + 4 * bitloom_infer(in, "
      "out);\n}\n";
  const TempFolder folder;
  std::string printed;
  EXPECT_EQ(run_selftest(folder, files, "", &printed), 6);
}

TEST(ExportC, NamesWhatItCannotExport) {
  RandomGraph g(Rng(1), 2, 3, 4, kByte);
  EXPECT_EQ(error_of([&] { export_c(g.graph, testing::random_input(g.graph, 1, Rng(1))); }),
            "C export: network 'random' has no layer after its input");
  g.linear(0, 5, kByte);
  EXPECT_EQ(error_of([&] {
              export_c(g.graph, TensorT<int16_t>(Shape{1, 3, 2, 4}, int16_t(0)));
            }),
            "C export: expected samples of shape (1,2,3,4), got (1,3,2,4)");
}

}  // namespace
}  // namespace bitloom
