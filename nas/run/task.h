// The data and the model of a run.
#pragma once
#include "datasets/task.h"
#include "nas/run/config.h"

namespace bitloom {

// A data path sets the task: npz for a file ending in .npz, else cifar10.
void settle_task(RunConfig& config);
// The task's splits, with the augmentation the config asks for; settles the task.
TaskData load_task(RunConfig& config);
// The model for that data.
ModelSpec make_model(const RunConfig& config, const TaskData& data);

}  // namespace bitloom
