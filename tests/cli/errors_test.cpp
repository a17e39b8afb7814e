// Tests of the program's failures: one table of bad command lines, files and disks with the message of each. A failure is one line, a
// nonzero exit code and nothing left behind. (A row a failure: the table is read best in one piece, however long.)
#include <algorithm>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <regex>

#include "core/io.h"
#include "core/zip.h"
#include "nn/models/models.h"
#include "nn/network.h"
#include "tests/support/program.h"

namespace bitloom {
namespace {

using testing::kSearch;
using testing::Outcome;
using testing::run_program;
using testing::SearchCopy;
using testing::striped_task;
using testing::TempFolder;
using testing::write_bytes;

constexpr int kFailed = 1, kUsage = 2;

struct BadRun {
  std::string name;
  std::string arguments;  // of the program, in a folder with task.npz
  int code;
  std::string message;                                       // what the error line contains
  std::function<void(const TempFolder&)> prepare = nullptr;  // makes further files
  bool trains = false;                                       // what was trained before it failed stays
  std::string before = "";                                   // shell commands
};

std::ostream& operator<<(std::ostream& out, const BadRun& bad) { return out << "bitloom " << bad.arguments; }

void write_text(const std::string& path, const std::string& text) { write_bytes(path, {text.begin(), text.end()}); }

// Makes bad.npz from the good task.
template <class F>
auto bad_task(F damage) {
  return [damage](const TempFolder& folder) {
    Npz arrays = striped_task();
    damage(arrays);
    write_npz(folder / "bad.npz", arrays);
  };
}

// Makes bad.npz with an array of a type that write_npz refuses.
auto bad_dtype(const std::string& array, const std::string& dtype, const std::string& shape, size_t bytes) {
  return [=](const TempFolder& folder) {
    std::string header = "{'descr': '" + dtype + "', 'fortran_order': False, 'shape': " + shape + ", }";
    header.append(117 - header.size(), ' ') += '\n';
    const std::string npy = std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + std::string(bytes, '\0');
    ZipContents contents = read_zip(folder / "task.npz");
    contents[array + ".npy"] = {npy.begin(), npy.end()};
    write_zip(folder / "bad.npz", contents, Compression::kStored);
  };
}

// Makes cifar/ with a first batch of zeros, but for one byte, and of a size; the batches are too large to be written for nothing.
auto bad_cifar(int64_t size, int64_t at, uint8_t byte) {
  return [=](const TempFolder& folder) {
    std::filesystem::create_directory(folder / "cifar");
    write_text(folder / "cifar/test_batch.bin", "");
    std::ofstream file(folder / "cifar/data_batch_1.bin", std::ios::binary);
    file.seekp(at);
    file.put(char(byte));
    file.close();
    std::filesystem::resize_file(folder / "cifar/data_batch_1.bin", uintmax_t(size));
  };
}

// Makes weights.npz of a model for other data or another model.
auto weights_of(const std::string& model, int64_t classes) {
  return [=](const TempFolder& folder) {
    write_npz(folder / "weights.npz", Network(find_model(model).make(8, 8, 3, classes), Rng(1)).state().arrays());
  };
}

void warmup_with_nan(const TempFolder& folder) {
  weights_of("resnet8", 4)(folder);
  Npz weights = read_npz(folder / "weights.npz");
  weights.at("conv0.weight") = NpyArray::from(Tensor(Shape{16, 3, 3, 3}, std::numeric_limits<float>::quiet_NaN()));
  write_npz(folder / "weights.npz", weights);
}

// Copies the finished run and replaces the end of one of its files, from byte `at` on (counted from the end if negative).
auto damaged_run(const std::string& name, int64_t at, const std::string& end) {
  return [=](const TempFolder& folder) {
    std::filesystem::copy(testing::finished_search() + "/run", folder / "run", std::filesystem::copy_options::recursive);
    std::string text = read_text(folder / ("run/" + name));
    text.resize(size_t(at < 0 ? int64_t(text.size()) + at : at));
    write_text(folder / ("run/" + name), text + end);
  };
}

auto finished_run() { return damaged_run("log.csv", 0, "as it was"); }

auto shell(const std::string& command) {
  return [command](const TempFolder& folder) {
    ASSERT_EQ(std::system(("cd '" + folder.path() + "' && " + command).c_str()), 0) << command;
  };
}

// A folder run, as `bitloom train` leaves it.
void float_run(const TempFolder& folder) {
  finished_run()(folder);
  const std::string result = R"({"task": "npz", "data": "npz", "model": "resnet8", "seed": 3, "command": "bitloom train",
    "test_accuracy_float": 0.5, "seconds": {"warmup": 1.5}})";
  write_text(folder / "run/result.json", result);
  shell("rm run/network.blig")(folder);
}

// Makes a.json of the finished search's, with the first match of a pattern replaced.
auto own_assignment(const std::string& pattern, const std::string& text) {
  return [=](const TempFolder& folder) {
    const std::string found = read_text(testing::finished_search() + "/run/assignment.json");
    write_text(folder / "a.json",
               pattern.empty() ? found
                               : std::regex_replace(found, std::regex(pattern), text, std::regex_constants::format_first_only));
  };
}

const std::string kTrain = "train --data task.npz --out out ", kBad = "train --data bad.npz --out out";
const std::string kCifar = "train --task cifar10 --out out --data ";

std::vector<BadRun> bad_command_lines() {
  const std::string search = "search --data task.npz --out out ";
  return {
      {"NoSubcommand", "", kUsage, "A subcommand is required"},
      {"UnknownSubcommand", "trian --out out", kUsage, "there is no subcommand 'trian'"},
      {"UnknownFlag", kTrain + "--colour=red", kUsage, "not expected: --colour=red"},
      {"NoOut", "train --data task.npz", kUsage, "--out is required"},
      {"NegativeEpochs", kTrain + "--epochs -1", kUsage, "--epochs"},
      {"EndlessEpochs", kTrain + "--epochs 1000000000000000000", kUsage, "--epochs"},
      {"EpochsInWords", kTrain + "--epochs two", kUsage, "--epochs"},
      {"LearningRateZero", kTrain + "--lr 0", kUsage, "--lr: '0' is not a positive number"},
      {"LearningRateNaN", kTrain + "--finetune-lr nan", kUsage, "--finetune-lr: 'nan' is not a positive number"},
      {"NegativeStrength", search + "--lambda -1", kUsage, "--lambda: '-1' is not a number of 0 or more"},
      {"BatchZero", kTrain + "--batch 0", kUsage, "--batch"},
      {"NegativeSeed", kTrain + "--seed -1", kUsage, "--seed"},
      {"UnknownModel", kTrain + "--model resnet9", kUsage, "resnet9 not in"},
      {"UnknownTask", "train --task cifar11 --out out", kUsage, "cifar11 not in"},
      {"UnknownSchedule", kTrain + "--schedule warp", kUsage, "warp not in"},
      {"FoldBeyondTheLast", kTrain + "--fold 6/5", kFailed, "--fold '6/5': expected K/N"},
      {"FoldOfNothing", kTrain + "--fold 2/5x", kFailed, "--fold '2/5x': expected K/N"},
      {"FoldOfImages", kTrain + "--fold 2/5", kFailed, "data of task npz are not parted"},
      {"UnknownAugmentation", kTrain + "--augment spin=3", kFailed, "--augment: unknown item 'spin'; known: flip, "},
      {"AugmentationWithoutNumber", kTrain + "--augment flip,crop", kFailed, "--augment: 'crop' has no valid number"},
      {"BadPrecisions", kTrain + "--quant w3a8", kUsage, "--quant: 'w3a8' is not of the form wNaM"},
      {"ThreeWeightBits", search + "--weight-bits 3", kUsage, "--weight-bits: '3' is not one of"},
      {"NoActivationBits", search + "--act-bits 0", kUsage, "--act-bits: '0' is not one of"},
      {"OnlyZeroWeightBits", search + "--weight-bits 0", kUsage, "--weight-bits: offer at least one of 2, 4, 8"},
      {"ZeroBitsByLayer", search + "--granularity layer --weight-bits 0,2,8", kFailed, "offer --weight-bits 2,4,8"},
      {"EmptyWeightBits", search + "--weight-bits ''", kUsage, "--weight-bits"},
      {"FixedAtTwoWidths", search + "--granularity fixed --weight-bits 2,4", kUsage, "--granularity fixed wants one"},
      {"BudgetWithoutUnit", search + "--budget 30xx", kUsage, "--budget: '30xx' is not an amount for this cost"},
      {"BudgetOfAnotherCost", search + "--cost energy --budget 30kB", kUsage,
       "--budget: '30kB' is not an amount for this cost"},
      {"StrengthOfAnotherRecipe", search + "--recipe progressive --lambda 1", kUsage,
       "--lambda is for --recipe paper; --recipe progressive is told what the network may cost: --budget"},
      {"DistillationAboveOne", search + "--distill 1.5", kUsage, "--distill"},
      {"SensitivityOfOnePrecision",
       "sensitivity --data task.npz --warmup run/warmup.npz --out out --weight-bits 8 --act-bits 8", kUsage,
       "sensitivity compares precisions: offer more than one"},
      {"SensitivityWithoutWeights", "sensitivity --data task.npz --out out", kUsage, "--warmup is required"},
      {"InfiniteBudget", search + "--budget infkB", kUsage, "--budget: 'infkB' is not an amount"},
      {"BudgetOutOfReach", search + "--budget 1kB", kFailed,
       "--budget 1kB: no assignment of the precisions offered costs less than 19."},
      {"LastBudgetOfASweepOutOfReach", "sweep --data task.npz --out out --budgets 60%,1kB", kFailed,
       "--budget 1kB: no assignment of the precisions offered costs less than 19."},
      {"BudgetBelowEverything",
       "search --data task.npz --out out --act-bits 2,4,8 --weight-bits 0,2,8 --cost cycles --budget 0.01k", kFailed,
       "--budget 0.01k: no assignment of the precisions offered costs less than 0.000"},
      {"AssignmentAndQuant", kTrain + "--quant w4a8 --assignment a.json", kUsage, "excludes"},
      {"MissingAssignment", kTrain + "--assignment a.json", kFailed, "cannot open a.json"},
      {"EvalOfNothing", "eval --data task.npz", kUsage, "name a run's folder, --import FILE, or --model FILE.onnx"},
      {"EvalOfTwoThings", "eval run --import weights.npz", kUsage, "excludes"},
      {"GoldenWithoutImport", "eval --golden golden.npz", kUsage, "--import"},
      {"InfoOfUnknownModel", "info --model resnet9", kUsage, "resnet9 not in"},
      {"InfoAsJsonOfNoRun", "info --json", kUsage, "--json requires run"},
  };
}

std::vector<BadRun> bad_data() {
  return {
      {"NoData", "train --task cifar10 --out out", kFailed, "--task cifar10 needs --data PATH"},
      {"MissingNpz", "train --data gone.npz --out out", kFailed, "cannot open gone.npz: No such file or directory"},
      {"MissingCifar", kCifar + "gone", kFailed, "cannot open gone: No such file or directory"},
      {"EmptyCifarFolder", kCifar + "cifar", kFailed, "cifar: holds neither test_batch.bin nor", shell("mkdir cifar")},
      {"TruncatedCifarBatch", kCifar + "cifar", kFailed,
       "cifar/data_batch_1.bin: expected 30730000 bytes, got 30729999: not a CIFAR-10 binary batch, or truncated",
       bad_cifar(30729999, 0, 0)},
      {"CifarLabel200", kCifar + "cifar", kFailed, "cifar/data_batch_1.bin: row 7 has label 200, expected 0 .. 9",
       bad_cifar(30730000, 7 * 3073, 200)},
      {"TruncatedArchive", kCifar + "cut.tar.gz", kFailed, "the archive is truncated or damaged",
       shell("tar c task.npz | gzip | head -c 20000 > cut.tar.gz")},
      {"ArchiveThatIsText", kCifar + "text.tar.gz", kFailed, "text.tar.gz: unpacked byte 0: not a tar header",
       shell("seq 1000 > text.tar.gz")},
      {"ArchiveOfOtherFiles", kCifar + "other.tar.gz", kFailed, "data_batch_1.bin is not in the archive",
       shell("tar czf other.tar.gz task.npz")},
      {"NpzThatIsText", kBad, kFailed, "bad.npz: ", shell("seq 1000 > bad.npz")},
      {"TruncatedNpz", kBad, kFailed, "bad.npz: ", shell("head -c 20000 task.npz > bad.npz")},
      {"MissingArray", kBad, kFailed, "bad.npz: no array 'y_test'; the file holds x_test, x_train, y_train",
       bad_task([](Npz& a) { a.erase("y_test"); })},
      {"FiveAxes", kBad, kFailed, "bad.npz: x_train has rank 5, expected (N,H,W,C), (N,H,W) or (N,F)", bad_task([](Npz& a) {
         a["x_train"].shape = {256, 2, 4, 8, 3};
       })},
      {"TooFewLabels", kBad, kFailed, "bad.npz: y_train has shape (255), expected (256), one number for each sample",
       bad_task([](Npz& a) { a["y_train"] = NpyArray::from(std::vector<int64_t>(255)); })},
      {"TestSamplesOfAnotherShape", kBad, kFailed, "(8,4,6) uint8 and (8,8,3) uint8", bad_task([](Npz& a) {
         a["x_test"].shape = {64, 8, 4, 6};
       })},
      {"ComplexSamples", kBad, kFailed, "entry 'x_train.npy': dtype '<c8' is not supported",
       bad_dtype("x_train", "<c8", "(2, 3)", 48)},
      {"ObjectSamples", kBad, kFailed, "entry 'x_train.npy': dtype '|O' is not supported",
       bad_dtype("x_train", "|O", "(2,)", 16)},
      {"NamesThatDriveTerminals", kBad, kFailed, "entry 'x_train.npy': dtype '\\n\\x1b[2J' is not supported",
       bad_dtype("x_train", "\n\x1b[2J", "(2,)", 16)},
      {"ElementsWithoutBytes", kBad, kFailed, "entry 'y_train.npy': dtype '|S0' has an unsupported size",
       bad_dtype("y_train", "|S0", "(400000000,)", 0)},
      {"ZipForATar", kCifar + "cifar.tar.gz", kFailed, "cifar.tar.gz: is a zip archive; a .tar.gz archive is expected",
       shell("cp task.npz cifar.tar.gz")},
      {"IntegerSamples", kBad, kFailed, "bad.npz: x_train has dtype '<i4', expected uint8 or float32",
       bad_dtype("x_train", "<i4", "(2, 2)", 16)},
      {"LabelsOfText", kBad, kFailed, "bad.npz: y_train: labels are text; use numpy.unique(y, return_inverse=True)[1]",
       bad_dtype("y_train", "|S1", "(256,)", 256)},
      {"OneHotLabels", kBad, kFailed, "bad.npz: y_train has shape (256,4); use y.argmax(1)",
       bad_dtype("y_train", "<f4", "(256, 4)", 4096)},
      {"LabelAboveAll", kBad, kFailed, "bad.npz: y_train[0] is 1000, expected 0 .. 255",
       bad_task([](Npz& a) { a["y_train"] = NpyArray::from(std::vector<int64_t>(256, 1000)); })},
      {"NegativeLabel", kBad, kFailed, "bad.npz: y_train[0] is -1, expected 0 .. 255",
       bad_task([](Npz& a) { a["y_train"] = NpyArray::from(std::vector<int64_t>(256, -1)); })},
      {"LabelOnlyInTest", kBad, kFailed, "bad.npz: y_test[0] is 4, expected 0 .. 3 as in y_train",
       bad_task([](Npz& a) { a["y_test"] = NpyArray::from(std::vector<int64_t>(64, 4)); })},
      {"NaNSample", kBad, kFailed, "bad.npz: x_train: element 0 of sample 0 is nan; values must be finite",
       bad_task([](Npz& a) {
         a["x_train"] = NpyArray::from(Tensor(Shape{256, 8, 8, 3}, std::numeric_limits<float>::quiet_NaN()));
         a["x_test"] = NpyArray::from(Tensor(Shape{64, 8, 8, 3}, 0.0f));
       })},
      {"LabelsForAnAutoencoder", kTrain + "--model autoencoder", kFailed,
       "model autoencoder learns without labels, but dataset 'npz'"},
      {"ImagesWithoutLabels", kBad, kFailed,
       "without labels, model autoencoder learns what is normal of vectors, but the samples of dataset 'npz' are 8x8x3; give "
       "y_train to tell classes, or x as (N,F)",
       bad_task([](Npz& a) {
         a.erase("y_train");
         a.erase("y_test");
       })},
      {"NoLabelsForAClassifier", kBad + " --model resnet8", kFailed, "model resnet8 needs labels, but dataset 'npz' has none",
       bad_task([](Npz& a) {
         a.erase("y_train");
         a.erase("y_test");
       })},
  };
}

std::vector<BadRun> bad_runs() {
  const std::string warmup = kTrain + "--warmup weights.npz", import = "eval --data task.npz --import weights.npz";
  return {
      {"MissingWarmup", warmup, kFailed, "cannot open weights.npz: No such file or directory"},
      {"WarmupOfAnotherModel", warmup, kFailed, "weights.npz: these weights are not for model resnet8: array ",
       weights_of("ds_cnn", 4)},
      {"WarmupOfAnotherWidth", warmup + " --width 0.5", kFailed,
       "weights.npz: these weights are not for model resnet8 x0.5: array 'conv0.weight' has shape (16,3,3,3), expected "
       "(8,3,3,3)",
       weights_of("resnet8", 4)},
      {"ImportOfAnotherWidth", import + " --width 0.75", kFailed,
       "weights.npz: these weights are not for model resnet8 x0.75: ", weights_of("resnet8", 4)},
      {"WidthWithoutChannels", warmup + " --width 0.01", kFailed,
       "model resnet8: layer 'conv0' has 16 channels; at --width 0.01 it would have 0"},
      {"WarmupForOtherClasses", warmup, kFailed,
       "weights.npz: these weights are not for model resnet8: array 'dense0.weight' has shape", weights_of("resnet8", 5)},
      {"WarmupWithNaN", warmup, kFailed, "weights.npz: array 'conv0.weight': element 0 is not a finite number",
       warmup_with_nan},
      {"TruncatedWarmup", warmup, kFailed, "weights.npz: ", shell("head -c 20000 task.npz > weights.npz")},
      {"OutOfARunWithAnotherSeed", std::regex_replace(kSearch, std::regex("--seed 3"), "--seed 4"), kFailed,
       "run holds another run: its seed is 3, not 4; choose another --out or remove the folder", finished_run()},
      {"OutOfARunOnOtherSamples", kSearch, kFailed, "run holds another run: its data is \"",
       [](const TempFolder& folder) {
         finished_run()(folder);
         Npz arrays = striped_task();
         arrays["x_train"].bytes[5] ^= 1;
         write_npz(folder / "task.npz", arrays);
       }},
      {"BegunOnOtherLabels", kSearch, kFailed, "run holds another run: its data is \"",
       [](const TempFolder& folder) {
         finished_run()(folder);
         shell("rm run/[abd-v]*")(folder);
         Npz arrays = striped_task();
         std::swap(arrays["y_test"].bytes.front(), arrays["y_test"].bytes[8]);
         std::swap(arrays["y_test"].bytes[16], arrays["y_test"].bytes[8]);
         write_npz(folder / "task.npz", arrays);
       }},
      {"OutOfARunThatRoundsOtherwise", kSearch, kFailed, "run holds another run: its arithmetic is \"by hand\", not \"",
       [](const TempFolder& folder) {
         finished_run()(folder);
         const std::string config = read_text(folder / "run/config.json");
         write_text(folder / "run/config.json",
                    std::regex_replace(config, std::regex("\"arithmetic\": \"[^\"]*\""), "\"arithmetic\": \"by hand\""));
       }},
      {"CheckpointsWithoutConfig", std::regex_replace(kSearch, std::regex("--lambda 0.2"), "--lambda 0.3"), kFailed,
       "run/warmup.ckpt.npz: belongs to another run: its configuration is ",
       [](const TempFolder& folder) {
         finished_run()(folder);
         shell("rm run/config.json")(folder);
       }},
      {"ConfigThatIsAList", kSearch, kFailed, "run/config.json: not a run's config.json: is an array, expected an object",
       damaged_run("config.json", 0, "[1,2,3]")},
      {"ConfigThatIsNull", kSearch, kFailed, "run/config.json: not a run's config.json: is null, expected an object",
       damaged_run("config.json", 0, "null")},
      {"DeepConfig", kSearch, kFailed, "run/config.json: not a run's config.json: ",
       damaged_run("config.json", 0, std::string(300000, '[') + std::string(300000, ']'))},
      {"DeepResult", "report run", kFailed, "run/result.json: not a run's result: ",
       damaged_run("result.json", 0, std::string(3000000, '[') + std::string(3000000, ']'))},
      {"ReportOfAnUnfinishedRun", "report run", kFailed,
       "run: this run has not come to its end; run its command again, which its config.json holds",
       [](const TempFolder& folder) {
         finished_run()(folder);
         shell("rm run/result.json")(folder);
       }},
      {"InfoOfAnUnfinishedRun", "info run", kFailed,
       "run: this run has not come to its end; run its command again, which its config.json holds",
       [](const TempFolder& folder) {
         finished_run()(folder);
         shell("rm run/result.json run/network.blig")(folder);
       }},
      {"InfoOfAFloatRun", "info run", kFailed, "run: a float run has no integer network; make one with", float_run},
      {"EvalOfAFloatRun", "eval run --data task.npz", kFailed, "run: a float run has no integer network; make one with",
       float_run},
      {"DeployOfAFloatRun", "deploy --model run --out c", kFailed, "run: a float run has no integer network; make one with",
       float_run},
      {"SimulationOfAFloatRun", "simulate --model run", kFailed, "run: a float run has no integer network; make one with",
       float_run},
      {"AssignmentOfAnotherModel", kTrain + "--assignment a.json --model ds_cnn", kFailed,
       "a.json: is for model 'resnet8', not ds_cnn", own_assignment("", "")},
      {"AssignmentWithThreeBits", kTrain + "--assignment a.json", kFailed,
       "a.json: not an assignment: key layers[0].weight_bits[0] is 3: layer 'conv0', channel 0 can have 0, 2, 4, 8",
       own_assignment("\"weight_bits\":\\[.", "\"weight_bits\":[3")},
      {"TruncatedCheckpoint", kSearch, kFailed, "run/search.ckpt.npz: ", damaged_run("search.ckpt.npz", -100, ""), true},
      {"CheckpointOfAnotherStage", kSearch, kFailed,
       "run/search.ckpt.npz: belongs to another run: its stage is warmup, not search; choose another --out or remove the file",
       [](const TempFolder& folder) {
         finished_run()(folder);
         shell("cp run/warmup.ckpt.npz run/search.ckpt.npz")(folder);
       },
       true},
      {"LossTurnsNaN", kTrain + "--optimizer sgd --lr 1e30 --batch 32", kFailed,
       "warmup: the loss is no longer finite (epoch 1, batch ", nullptr, true},
      {"LossTurnsNaNInTheLastStep", kTrain + "--optimizer sgd --lr 1e30 --batch 256 --epochs 1", kFailed,
       "warmup: the loss is no longer finite (epoch 1, validation)", nullptr, true},
      {"EvalOfMissingRun", "eval gone --data task.npz", kFailed, "cannot open gone: No such file or directory"},
      {"EvalOfEmptyFolder", "eval empty --data task.npz", kFailed, "cannot open empty/network.blig", shell("mkdir empty")},
      {"GraphOfWrongMagic", "eval run --data task.npz", kFailed, "run/network.blig: offset 4: the file is not an integer graph",
       damaged_run("network.blig", 0, std::string(1000, 'x'))},
      {"TruncatedGraph", "info run", kFailed, "run/network.blig: ", damaged_run("network.blig", -1, "")},
      {"EmptyGraph", "info run", kFailed, "run/network.blig: offset 0: the file is too short",
       damaged_run("network.blig", 0, "")},
      {"DamagedConfig", "eval run", kFailed, "run/config.json: not a run's config.json: ", damaged_run("config.json", 50, "")},
      {"DamagedResult", "eval run --data task.npz", kFailed,
       "run/result.json: not a run's result: ", damaged_run("result.json", 50, "")},
      {"EvalOnOtherSamples", "eval run --data bad.npz", kFailed,
       "run/network.blig: reads 8x8x3 samples, dataset 'npz' has 4x16x3",
       [](const TempFolder& folder) {
         finished_run()(folder);
         bad_task([](Npz& a) { a["x_train"].shape = {256, 4, 16, 3}, a["x_test"].shape = {64, 4, 16, 3}; })(folder);
       }},
      {"EvalOnOtherClasses", "eval run --data bad.npz", kFailed, "run/network.blig: gives 4 outputs, dataset 'npz' wants 192",
       [](const TempFolder& folder) {
         finished_run()(folder);
         bad_task([](Npz& a) { a.erase("y_train"), a.erase("y_test"); })(folder);
       }},
      {"ReportOfMissingRun", "report run gone", kFailed, "cannot open gone/result.json: No such file or directory",
       finished_run()},
      {"ReportOfDamagedResult", "report run", kFailed,
       "run/result.json: not a run's result: ", damaged_run("result.json", 50, "")},
      {"ReportOfOtherJson", "report run", kFailed,
       "run/result.json: not a run's result: ", damaged_run("result.json", 0, "{}")},
      {"ReportOfNestedResult", "report run", kFailed,
       "run/result.json: not a run's result: not JSON that bitloom reads: nested more",
       damaged_run("result.json", 0, std::string(3000000, '['))},
      {"EvalOfNestedConfig", "eval run", kFailed,
       "run/config.json: not a run's config.json: not JSON that bitloom reads: nested more",
       damaged_run("config.json", 0, std::string(3000000, '['))},
      {"SearchInNestedConfig", kSearch, kFailed,
       "run/config.json: not a run's config.json: not JSON that bitloom reads: nested more",
       damaged_run("config.json", 0, std::string(3000000, '['))},
      {"ReportOfOtherChannels", "report run", kFailed,
       "run/result.json: not a run's result: key layers[0].channels has a key that is no bit-width",
       [](const TempFolder& folder) {
         finished_run()(folder);
         std::string text = read_text(folder / "run/result.json");
         const size_t at = text.find("\"8\"", text.find("\"channels\""));
         write_text(folder / "run/result.json", text.replace(at, 3, "\"abc\""));
       }},
      {"ImportOfWrongShapes", import, kFailed,
       "weights.npz: these weights are not for model resnet8: array 'dense0.weight' has shape", weights_of("resnet8", 5)},
      {"ImportOfSomethingElse", "eval --data task.npz --import task.npz", kFailed,
       "task.npz: these weights are not for model resnet8: array 'conv0.weight' is missing"},
      {"GoldenWithoutInput", import + " --golden task.npz", kFailed, "task.npz: array 'input' is missing",
       weights_of("resnet8", 4)},
  };
}

std::vector<BadRun> bad_places() {
  const std::string train = "train --data task.npz --out ";
  return {
      {"OutIsAFile", train + "task.npz", kFailed, "cannot create the folder task.npz: Not a directory"},
      {"OutBelowAFile", train + "task.npz/out", kFailed, "cannot create the folder task.npz/out: Not a directory"},
      {"OutInProc", train + "/proc/bitloom", kFailed, "cannot create the folder /proc/bitloom: "},
      {"OutWithoutName", train + "''", kFailed, "cannot create the folder"},
      {"DemoBelowAFile", "demo --out task.npz/demo", kFailed, "cannot create the folder task.npz/demo"},
      {"PictureBelowAFile", "report run --svg task.npz/pareto.svg", kFailed,
       "cannot write task.npz/pareto.svg: Not a directory", finished_run()},
      {"FilesMayNotGrow", kTrain + "--batch 256 --epochs 1", kFailed, "cannot write out/warmup.ckpt.npz (", nullptr, true,
       "ulimit -f 64;"},
      {"NewlineInAName", "disasm \"$(printf 'x\\n\\033[2Jy')\"", kFailed, "'x\\n\\x1b[2Jy' is neither a file nor a word"},
      {"FullOutputOfHelp", "search --help >/dev/full", kFailed, "cannot write to the standard output: No space left on device"},
      {"FullOutput", "info --model resnet8 >/dev/full", kFailed,
       "cannot write to the standard output: No space left on device"},
  };
}

// Every path below a folder, and what the files hold.
std::map<std::string, std::string> contents(const std::string& folder) {
  std::map<std::string, std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    found[entry.path().string().substr(folder.size() + 1)] = entry.is_directory() ? "folder" : read_text(entry.path().string());
  return found;
}

class BadRunTest : public ::testing::TestWithParam<BadRun> {};

TEST_P(BadRunTest, SaysWhatIsWrongAndLeavesNothing) {
  const BadRun& bad = GetParam();
  const SearchCopy folder({"task.npz"});
  if (bad.prepare) bad.prepare(folder);
  const std::map<std::string, std::string> before = contents(folder.path());
  const Outcome outcome = run_program(folder.path(), bad.arguments, bad.before);

  EXPECT_EQ(outcome.code, bad.code);
  EXPECT_EQ(outcome.out, "");
  const size_t line = bad.trains ? std::min(outcome.err.find("error: "), outcome.err.size()) : 0;
  const std::string error = outcome.err.substr(line);
  EXPECT_EQ(error.find("error: "), 0u) << outcome.err;
  EXPECT_EQ(error, printable(error.substr(0, error.size() - 1)) + "\n") << "not one printable line";
  EXPECT_NE(error.find(bad.message), std::string::npos) << error << "expected: " << bad.message;
  EXPECT_TRUE(line == 0 || outcome.err[line - 1] == '\n') << outcome.err;

  for (const auto& [path, text] : contents(folder.path())) {
    const std::string file = std::filesystem::path(path).filename().string();
    const bool stays = bad.trains && (path == "out" || file == "config.json" || file.find(".ckpt.npz") == file.size() - 9);
    const auto old = before.find(path);
    EXPECT_TRUE(stays || (old != before.end() && old->second == text))
        << path << (old == before.end() ? " is left" : " changed");
  }
}

std::string name_of(const ::testing::TestParamInfo<BadRun>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(CommandLine, BadRunTest, ::testing::ValuesIn(bad_command_lines()), name_of);
INSTANTIATE_TEST_SUITE_P(Data, BadRunTest, ::testing::ValuesIn(bad_data()), name_of);
INSTANTIATE_TEST_SUITE_P(Runs, BadRunTest, ::testing::ValuesIn(bad_runs()), name_of);
INSTANTIATE_TEST_SUITE_P(Places, BadRunTest, ::testing::ValuesIn(bad_places()), name_of);

// A disk of 64 kB, which this one program sees.
TEST(FullDiskTest, IsNamedAndLeavesNoTemporaryFile) {
  const SearchCopy folder({"task.npz"});
  const std::string mount = "unshare -rm sh -c 'mkdir -p out && mount -t tmpfs -o size=64k bitloom out";
  if (std::system(("cd '" + folder.path() + "' && " + mount + "' 2>/dev/null").c_str()) != 0)
    GTEST_SKIP() << "mounting is not permitted";
  // The words that follow, "exec" and the program's, are the arguments of this shell.
  const std::string shell = mount + " && shift && \"$@\"; code=$?; ls -A out; exit $code' sh";
  const Outcome outcome = run_program(folder.path(), kTrain + "--batch 256 --epochs 1", shell);
  EXPECT_EQ(outcome.code, kFailed);
  EXPECT_NE(outcome.err.find("error: cannot write out/warmup.ckpt.npz ("), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find(" bytes): No space left on device\n"), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.out, "config.json\n");
}

}  // namespace
}  // namespace bitloom
