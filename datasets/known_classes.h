// What the classes of published tasks are called.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace bitloom {

// Of tasks whose classes are always the same: "cifar10", and "kws" where there are as many as Speech Commands' 12; else none.
std::vector<std::string> known_classes(const std::string& task, int64_t count);

}  // namespace bitloom
