// What is asked of a network.
#pragma once
#include "core/names.h"

namespace bitloom {

// Its output is a score for each class, or its input again.
enum class TaskKind { kClassification, kReconstruction };
template <>
struct NamesOf<TaskKind> {
  static constexpr const char* kWhat = "kind of task";
  static constexpr Named<TaskKind> kAll[] = {{TaskKind::kClassification, "classification"},
                                             {TaskKind::kReconstruction, "reconstruction"}};
};

}  // namespace bitloom
