// The data and the model of a run.
#pragma once
#include "datasets/class_folders.h"
#include "datasets/task.h"
#include "nas/run/config.h"
#include "nn/network.h"

namespace bitloom {

// Unless the task is given, a data path sets it: npz or, without y_train, ad for a file ending in .npz, kws or ad for folders or an archive of .wav files, whose names
// tell which, vww for those of .jpg files, else cifar10.
void settle_task(RunConfig& config);
// The task's splits, with the augmentation and the metric the config asks for; settles the task. Pictures judged by balanced accuracy are trained on
// as many of each class.
TaskData load_task(RunConfig& config, const LoadObserver& observer = {});
// The model for that data. One from a file must be for samples of their shape and have as many outputs as they have classes; ONNX does not say what
// its outputs are, the data do.
ModelSpec make_model(const RunConfig& config, const TaskData& data);
// A file with a model and its weights is the warm-up of what quantizes it, unless another is given.
void settle_warmup(RunConfig& config);
// Loads the weights of an .npz file or of a model's own file.
void load_start(Network& network, const std::string& path);
// What results call the model: its name, or its file's.
std::string model_name(const RunConfig& config);

}  // namespace bitloom
