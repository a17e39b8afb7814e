// numpy .npz archives (zip of .npy arrays): what checkpoints, imported models and user datasets are stored in.
// Format: numpy.lib.format version 1.0 and 2.0 (read), PKWARE APPNOTE 6.3 (stored and deflated entries, zip64).
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace bitloom {

// One array as stored: little-endian bytes in C order. dtype is numpy's descr: "<f4", "<f8", "|u1", "|i1", "<i4", "<i8",
// "|S12" ...
struct NpyArray {
  std::string dtype;
  std::vector<int64_t> shape;  // any rank
  std::vector<uint8_t> bytes;
  int64_t size() const;

  // Converted copies; Error names `what` and the stored dtype when the conversion would not be exact in kind (floats to
  // integers).
  Tensor to_float(const std::string& what) const;                // from <f4, <f8, |u1, |i1, <i4, <i8; rank <= 4
  std::vector<int64_t> to_int64(const std::string& what) const;  // from integer types
  std::string to_text() const;                                   // |S: trailing NULs dropped

  static NpyArray from(const Tensor& values);
  static NpyArray from(const std::vector<int64_t>& values);
  static NpyArray from_text(const std::string& text);  // |S
};

using Npz = std::map<std::string, NpyArray>;  // key without ".npy"

// Errors name the path, the entry and the byte offset: missing, truncated, not a zip, bad CRC, bad header, unsupported method.
// Hostile sizes are refused before memory is allocated.
Npz read_npz(const std::string& path);
// Writes to a temporary file beside `path`, flushes it to the disk and renames it: `path` is never half written.
void write_npz(const std::string& path, const Npz& arrays, bool compress = true);

}  // namespace bitloom
