// Where the files of exported C lie, for the tools that build firmware.
#pragma once
#include <vector>

#include "core/io.h"
#include "core/names.h"
#include "quant/export_c/names.h"

namespace bitloom {

enum class CLayout { kFlat, kCMake, kArduino };
template <>
struct NamesOf<CLayout> {
  static constexpr const char* kWhat = "layout";
  static constexpr Named<CLayout> kAll[] = {
      {CLayout::kFlat, "flat"}, {CLayout::kCMake, "cmake"}, {CLayout::kArduino, "arduino"}};
};

// The files of export_c(), of a network of these names, and what says how to build them. Those of several networks may share a folder: what is added is the same for all of
// them, or bears a network's name.
//   flat     as they are
//   cmake    CMakeLists.txt: a library and a test for each network of the folder; with zephyr/module.yml, a module of Zephyr
//   arduino  a library of Arduino's: library.properties, src/, and the self-test as an example
std::vector<TextFile> laid_out(std::vector<TextFile> files, CLayout layout, const CNames& names);

}  // namespace bitloom
