// Networks of one's own on the command line: JSON and ONNX where the built-in ones have names.
#include <nlohmann/json.hpp>

#include "core/io.h"
#include "core/state_dict.h"
#include "nn/model_spec_json.h"
#include "nn/models/models.h"
#include "tests/support/program.h"

namespace bitloom {
namespace {

using testing::Outcome;
using testing::run_program;
using testing::TempFolder;

// For striped_task(): every kind of layer that only own networks have.
const std::string kOwn = R"({"name": "mine", "input": [8, 8, 3], "layers": [
  {"name": "conv0", "kind": "conv2d", "channels": 6, "kernel": [3, 3], "norm": true, "activation": "relu6"},
  {"name": "pool0", "kind": "max_pool", "kernel": [3, 3], "stride": [2, 2], "padding": [1, 1, 1, 1]},
  {"name": "dw0", "kind": "depthwise", "kernel": [3, 3], "norm": true, "activation": "relu"},
  {"name": "dense0", "kind": "conv2d", "channels": 4, "kernel": [4, 4], "padding": "valid", "bias": true}]})";

const std::string kSearchOwn =
    "search --data task.npz --batch 32 --epochs 2 --search-epochs 1 --finetune-epochs 1 --weight-bits 0,2,4,8 --act-bits 2,4,8 "
    "--cost energy --budget 50% --seed 3 ";

struct Folder : TempFolder {
  Folder() {
    write_npz(*this / "task.npz", testing::striped_task());
    write_text_atomic(*this / "mine.json", kOwn);
  }
  Outcome run(const std::string& arguments) const { return run_program(path(), arguments); }
};

TEST(OwnModel, IsPrintedAndReadAgain) {
  const Folder folder;
  for (const ModelEntry& entry : all_models()) {
    const Outcome printed = folder.run(str("info --model ", entry.name, " --write-spec"));
    ASSERT_EQ(printed.code, 0) << printed.err;
    EXPECT_TRUE(model_from_json(printed.out, "printed") == entry.make(entry.h, entry.w, entry.c, entry.classes));
    write_text_atomic(folder / "copy.json", printed.out);
    EXPECT_EQ(folder.run("info --model copy.json --write-spec").out, printed.out);
  }
  EXPECT_NE(folder.run("info --model mine.json").out.find("mine: of mine.json, at w8a8"), std::string::npos);
}

TEST(OwnModel, IsSearchedDeployedAndNotNeededAfterwards) {
  const Folder folder;
  const Outcome found = folder.run(kSearchOwn + "--model mine.json --out run");
  ASSERT_EQ(found.code, 0) << found.err;
  const nlohmann::json result = nlohmann::json::parse(read_text(folder / "run/result.json"));
  EXPECT_EQ(result.at("model"), "mine");
  EXPECT_GE(result.at("agreement"), 0.98);
  EXPECT_TRUE(model_from_json(read_text(folder / "run/model.json"), "model.json") == model_from_json(kOwn, "own"));

  // The same network in another file is the same run, and another one in the same file is not.
  write_text_atomic(folder / "other.json", to_json(model_from_json(kOwn, "own")));
  EXPECT_EQ(folder.run(kSearchOwn + "--model other.json --out run").code, 0);
  std::string changed = kOwn;
  changed.replace(changed.find("relu6"), 5, "relu");
  write_text_atomic(folder / "mine.json", changed);
  const Outcome refused = folder.run(kSearchOwn + "--model mine.json --out run");
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("run holds another run: its start is "), std::string::npos) << refused.err;

  std::filesystem::remove(folder / "mine.json");
  std::filesystem::remove(folder / "other.json");
  for (const char* command : {"info run", "deploy --model run --out c", "deploy --model run --target mpic --out mpic",
                              "eval run --data task.npz", "simulate --model run --data task.npz --images 3 --check"}) {
    const Outcome after = folder.run(command);
    EXPECT_EQ(after.code, 0) << command << ": " << after.err;
  }
}

// The outputs that PyTorch computed (tests/data/onnx) are the labels: every sample is right.
TEST(OwnModel, OfOnnxStartsFromItsWeights) {
  const TempFolder folder;
  const std::string model = std::filesystem::absolute("tests/data/onnx/residual.onnx").string();
  const Npz stored = read_npz("tests/data/onnx/residual.npz");
  const Tensor x = stored.at("x").to_float("x"), y = stored.at("y").to_float("y");
  std::vector<int64_t> classes, every = {0, 1, 2, 3, 4};
  for (int64_t r = 0; r < 3; ++r)
    classes.push_back(std::max_element(y.data() + 5 * r, y.data() + 5 * r + 5) - y.data() - 5 * r);
  Tensor more(Shape{5, 8, 6, 3});
  for (int64_t i = 0; i < more.size(); ++i) more[i] = x[i % x.size()];
  write_npz(folder / "data.npz", {{"x_train", NpyArray::from(more)},
                                  {"y_train", NpyArray::from(every)},
                                  {"x_val", NpyArray::from(more)},
                                  {"y_val", NpyArray::from(every)},
                                  {"x_test", NpyArray::from(x)},
                                  {"y_test", NpyArray::from(classes)}});
  const Outcome scored = run_program(folder.path(), "eval --model " + model + " --data data.npz --json");
  ASSERT_EQ(scored.code, 0) << scored.err;
  EXPECT_EQ(nlohmann::json::parse(scored.out).at("test_score_float"), 1);

  const Outcome quantized =
      run_program(folder.path(), "train --quant w8a8 --batch 5 --finetune-epochs 0 --augment none --model " + model +
                                     " --data data.npz --out run");
  ASSERT_EQ(quantized.code, 0) << quantized.err;
  const nlohmann::json result = nlohmann::json::parse(read_text(folder / "run/result.json"));
  EXPECT_EQ(result.at("test_score_float"), 1);
  EXPECT_EQ(result.at("test_score_integer"), 1);
  EXPECT_FALSE(file_exists(folder / "run/warmup.npz")) << "the float network was not trained again";
}

TEST(OwnModel, MistakesAreOneLine) {
  const Folder folder;
  const auto error = [&](const std::string& arguments) {
    const Outcome o = folder.run(arguments);
    EXPECT_NE(o.code, 0) << arguments;
    EXPECT_EQ(std::count(o.err.begin(), o.err.end(), '\n'), 1) << o.err;
    return o.err;
  };
  std::string other = kOwn;
  other.replace(other.find("[8, 8, 3]"), 9, "[8, 8, 1]");
  write_text_atomic(folder / "grey.json", other);
  EXPECT_EQ(error("train --data task.npz --model grey.json --out out"),
            "error: grey.json: reads 8x8x1 samples (height, width, channels), dataset 'npz' has 8x8x3\n");
  write_text_atomic(folder / "bad.json", "{\"name\": \"bad\"");
  EXPECT_NE(error("train --data task.npz --model bad.json --out out").find("error: bad.json: not JSON: "), std::string::npos);
  EXPECT_NE(error("train --data task.npz --model none.onnx --out out").find("none.onnx"), std::string::npos);
  EXPECT_NE(folder.run("eval --model mine.json --data task.npz").err.find("--import FILE"), std::string::npos);
  EXPECT_FALSE(file_exists(folder / "out"));
}

}  // namespace
}  // namespace bitloom
