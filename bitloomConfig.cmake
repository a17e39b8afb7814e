# find_package(bitloom): the installed library, by `make install` or CMake alike, wherever the prefix was moved.
include(CMakeFindDependencyMacro)
find_dependency(OpenMP COMPONENTS CXX)
find_dependency(ZLIB)
find_dependency(JPEG)
get_filename_component(bitloom_lib "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
find_path(bitloom_include core/version.h NO_DEFAULT_PATH NO_CACHE REQUIRED
          PATHS "${bitloom_lib}/../include/bitloom" "${bitloom_lib}/../../include/bitloom")
if(NOT TARGET bitloom::bitloom)
  add_library(bitloom::bitloom STATIC IMPORTED)
  set_target_properties(bitloom::bitloom PROPERTIES
    IMPORTED_LOCATION "${bitloom_lib}/libbitloom.a"
    INTERFACE_INCLUDE_DIRECTORIES "${bitloom_include}"
    INTERFACE_COMPILE_FEATURES cxx_std_17
    INTERFACE_LINK_LIBRARIES "OpenMP::OpenMP_CXX;ZLIB::ZLIB;JPEG::JPEG")
endif()
