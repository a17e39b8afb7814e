// Whole files in and out, and how every output of the project is written: atomically.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace bitloom {

// Errors name the path and the reason the system gives.
std::vector<uint8_t> read_file(const std::string& path);
std::string read_text(const std::string& path);

// Writes a temporary file beside `path`, fsyncs and renames it; on any failure (disk full, no permission) removes the temporary
// file, leaves an existing `path` as it was, and throws Error.
void write_file_atomic(const std::string& path, const void* data, size_t size);
void write_text_atomic(const std::string& path, const std::string& text);

bool file_exists(const std::string& path);
// Creates the folder and its parents, and removes the temporary files that writers killed in it left behind. Error when it cannot
// be created or written into.
void make_output_folder(const std::string& path);

}  // namespace bitloom
