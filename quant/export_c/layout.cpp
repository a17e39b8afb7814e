// Files for build systems beside the exported C.
#include "quant/export_c/layout.h"

#include <string>

namespace bitloom {
namespace {

const char* const kCMakeLists =
    R"c(# The networks of this folder, exported by bitloom: a static library each (kws of kws.c), and bitloom_kernels, which they share also with those of
# other folders. In a project of its own, ctest runs the self-tests. The same for every network.
cmake_minimum_required(VERSION 3.13)

if(ZEPHYR_CURRENT_MODULE_DIR)  # a module of Zephyr: unused functions and constants go when the program is linked
  zephyr_library_named(bitloom_networks)
  file(GLOB sources ${CMAKE_CURRENT_LIST_DIR}/*.c)
  zephyr_library_sources(${sources})
  zephyr_include_directories(${CMAKE_CURRENT_LIST_DIR})
  return()
endif()

project(bitloom_networks C)

if(NOT TARGET bitloom_kernels)
  add_library(bitloom_kernels STATIC bitloom_kernels.c)
  target_include_directories(bitloom_kernels PUBLIC ${CMAKE_CURRENT_LIST_DIR})
  target_compile_features(bitloom_kernels PUBLIC c_std_99)
endif()
foreach(shared bitloom_mfcc bitloom_log_mel)
  if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/${shared}.c AND NOT TARGET ${shared})
    add_library(${shared} STATIC ${shared}.c)
    target_link_libraries(${shared} PUBLIC bitloom_kernels)
  endif()
endforeach()

if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
  enable_testing()
endif()
file(GLOB selftests RELATIVE ${CMAKE_CURRENT_LIST_DIR} *_selftest.c)
foreach(selftest ${selftests})
  string(REGEX REPLACE "_selftest[.]c$" "" name ${selftest})
  set(sources)
  foreach(source ${name}.c ${name}_network.c ${name}_front_end.c)
    if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/${source})
      list(APPEND sources ${source})
    endif()
  endforeach()
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${CMAKE_CURRENT_LIST_DIR})
  target_link_libraries(${name} PUBLIC bitloom_kernels)
  foreach(shared bitloom_mfcc bitloom_log_mel)
    if(TARGET ${shared})
      target_link_libraries(${name} PUBLIC ${shared})
    endif()
  endforeach()
  if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
    add_executable(${name}_selftest ${selftest})
    target_link_libraries(${name}_selftest PRIVATE ${name})
    add_test(NAME ${name} COMMAND ${name}_selftest)
  endif()
endforeach()
)c";

const char* const kZephyrModule = R"c(# A module for ZEPHYR_EXTRA_MODULES; exported by bitloom.
name: bitloom_networks
build:
  cmake: .
)c";

const char* const kLibraryProperties = R"c(name=bitloom_networks
version=1.0.0
author=bitloom
maintainer=bitloom
sentence=Quantized neural networks as C, exported by bitloom.
paragraph=Integer networks of mixed precision and the kernels that they share. Another network deployed into this folder joins them.
category=Data Processing
url=https://arxiv.org/abs/2206.08852
architectures=*
)c";

const char* const kSketch =
    R"c(// Runs the self-test of a network on the board, and tells on the serial port whether it computes what it should.
#include <$network.h>

void setup() {
  Serial.begin(115200);
  while (!Serial) {
  }
  Serial.println($name_selftest() == 0 ? "$name: passed" : "$name: FAILED");
}

void loop() {}
)c";

std::vector<TextFile> arduino_library(std::vector<TextFile> files, const CNames& names) {
  const std::string sketch = names.name + "_selftest";
  std::vector<TextFile> library = {{"library.properties", kLibraryProperties},
                                   {"examples/" + sketch + "/" + sketch + ".ino", names.fill(kSketch)}};
  for (TextFile& file : files) library.push_back({"src/" + file.name, std::move(file.text)});
  return library;
}

}  // namespace

std::vector<TextFile> laid_out(std::vector<TextFile> files, CLayout layout, const CNames& names) {
  switch (layout) {
    case CLayout::kFlat: break;
    case CLayout::kCMake:
      files.push_back({"CMakeLists.txt", kCMakeLists});
      files.push_back({"zephyr/module.yml", kZephyrModule});
      break;
    case CLayout::kArduino: return arduino_library(std::move(files), names);
  }
  return files;
}

}  // namespace bitloom
