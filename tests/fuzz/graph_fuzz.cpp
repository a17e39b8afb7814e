// libFuzzer: any bytes as an integer graph file are a graph that runs within its own proofs, or one clear line. Magic, version and checksum
// are added here, since no fuzzer would find them.
#include <zlib.h>

#include <numeric>
#include <vector>

#include "quant/integer/graph.h"
#include "quant/integer/run.h"
#include "tests/fuzz/memory_file.h"

namespace {

using bitloom::IntegerGraph;
using bitloom::IntegerLayer;

// Small graphs are run on an image of largest codes, where sums are near their bounds; the sanitizers watch.
void run(const IntegerGraph& graph) {
  constexpr int64_t kMostWork = 1 << 20;
  int64_t work = 0;
  for (const IntegerLayer& layer : graph.layers) {
    if (layer.h > kMostWork || layer.w > kMostWork || layer.c > kMostWork) return;
    const double pixels = double(layer.h) * double(layer.w), window = double(layer.kh) * double(layer.kw);
    if (pixels * double(layer.c) * window > double(kMostWork)) return;
    work += int64_t(pixels * double(layer.c) * window) + bitloom::macs(graph, layer);
    if (work > kMostWork) return;
  }
  const IntegerLayer& input = graph.layers.front();
  const std::vector<int16_t> image(size_t(input.h * input.w * input.c), int16_t(input.out.hi()));
  const std::vector<std::vector<int32_t>> codes = bitloom::IntegerRunner(graph).run_layers(image.data());
  for (size_t i = 0; i < codes.size(); ++i) {
    const IntegerLayer& layer = graph.layers[i];
    if (int64_t(codes[i].size()) != layer.h * layer.w * layer.c) std::abort();
    for (const int32_t code : codes[i])
      if (code < layer.out.lo() || code > layer.out.hi()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint8_t> bytes = {'B', 'L', 'I', 'G', 1, 0, 0, 0};
  bytes.insert(bytes.end(), data, data + size);
  const uint32_t crc = uint32_t(crc32_z(0, bytes.data(), bytes.size()));
  for (int i = 0; i < 4; ++i) bytes.push_back(uint8_t(crc >> 8 * i));
  const bitloom::testing::MemoryFile file(bytes.data(), bytes.size());
  try {
    run(bitloom::load_graph(file.path()));
  } catch (const bitloom::Error& error) {
    bitloom::testing::check_message(error, file.path());
  }
  return 0;
}
