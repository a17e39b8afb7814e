// What is asked of a network.
#pragma once

namespace bitloom {

// Its output is a score for each class, or its input again.
enum class TaskKind { kClassification, kReconstruction };

}  // namespace bitloom
