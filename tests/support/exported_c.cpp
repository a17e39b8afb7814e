// Exported C against the interpreter.
#include "tests/support/exported_c.h"

#include <sys/wait.h>

#include <cstdlib>

#include "core/io.h"
#include "quant/export_c/export_c.h"
#include "quant/integer/anomaly_score.h"
#include "quant/integer/run.h"
#include "tests/support/files.h"

namespace bitloom::testing {
namespace {

void write_source(const std::string& path, const std::string& text) { write_bytes(path, {text.begin(), text.end()}); }

// The networks, named n0, n1, ..., and a table of them for trace_main.c.
void write_sources(const std::vector<ExportCase>& cases, const TempFolder& folder) {
  std::string text = "#include \"networks.h\"\n\n", table;
  int64_t inputs = 1, outputs = 1, scratch = 2;  // of the largest
  for (size_t n = 0; n < cases.size(); ++n) {
    const std::string name = str("n", n);
    const Shape& shape = cases[n].samples.shape();
    ExportOptions options;
    options.name = name;
    for (const TextFile& file : export_c(cases[n].graph, TensorT<int16_t>(Shape{1, shape[1], shape[2], shape[3]}, 0), options))
      if (file.name.find("_selftest") == std::string::npos) write_source(folder / file.name, file.text);
    text += str("#include \"", name, ".h\"\n");
    const bool scored = reconstructs(cases[n].graph);
    const char* in = cases[n].graph.layers.front().out.is_signed ? "int8_t" : "uint8_t";
    const IntegerLayer& last = cases[n].graph.layers.back();
    inputs = std::max(inputs, shape[1] * shape[2] * shape[3]);
    outputs = std::max(outputs, last.h * last.w * last.c);
    scratch = std::max(scratch, plan_c_export(cases[n].graph).size);
    const char* out = last.out.bits == 32 ? "int32_t" : last.out.is_signed ? "int8_t" : "uint8_t";
    if (scored)
      text += str("static uint32_t score_", n, "(const void* in, const void* out) {\n  return ", name, "_anomaly_score((const ",
                  in, "*)in, (const ", out, "*)out);\n}\n");
    table += str("    {&", name, "_network, ", scored ? str("score_", n) : std::string("0"), "},\n");
  }
  write_source(folder / "networks.h",
               str("#include \"bitloom_kernels.h\"\n\nenum { INPUT_CODES = ", inputs, ", OUTPUT_CODES = ", outputs,
                   ", SCRATCH_BYTES = ", scratch,
                   " };\n\ntypedef struct {\n  const bitloom_description* network;\n"
                   "  uint32_t (*score)(const void* in, const void* out);\n} traced;\nextern const traced networks[",
                   cases.size(), "];\n"));
  write_source(folder / "networks.c", text + "\nconst traced networks[] = {\n" + table + "};\n");
  std::filesystem::copy("tests/cross/trace_main.c", folder.path());
}

void append_codes(const std::vector<int32_t>& codes, int bits, std::vector<uint8_t>& bytes) {
  for (int32_t code : codes) {
    for (int shift = 0; shift < (bits == 32 ? 32 : 8); shift += 8) bytes.push_back(uint8_t(uint32_t(code) >> shift));
  }
}

// Compares what the program wrote, record by record, with run_layers.
std::string first_difference(const std::vector<ExportCase>& cases, const std::vector<uint8_t>& actual) {
  size_t at = 0;
  for (const ExportCase& c : cases) {
    const IntegerRunner runner(c.graph);
    const int64_t images = c.samples.shape()[0], size = c.samples.size() / images;
    for (int64_t n = 0; n < images; ++n) {
      const std::vector<std::vector<int32_t>> layers = runner.run_layers(c.samples.data() + n * size);
      for (size_t i = 1; i < layers.size(); ++i) {
        const IntegerLayer& layer = c.graph.layers[i];
        std::vector<uint8_t> expected;
        append_codes(layers[i], layer.out.bits, expected);
        for (size_t k = 0; k < expected.size(); ++k, ++at) {
          if (at >= actual.size()) return str(c.name, ": the program's output ends in image ", n, " layer ", i);
          if (actual[at] == expected[k]) continue;
          return str(c.name, " image ", n, " layer ", i, " ", to_string(layer.op), " ", layer.h, "x", layer.w, "x", layer.c,
                     " window ", layer.kh, "x", layer.kw, " bits ", layer.out.bits, " byte ", k, ": expected ",
                     int(expected[k]), ", got ", int(actual[at]));
        }
      }
      if (reconstructs(c.graph)) {
        const uint32_t score =
            anomaly_score(anomaly_rule(c.graph), c.samples.data() + n * size, layers.back().data(), int64_t(size));
        for (int shift = 0; shift < 32; shift += 8, ++at)
          if (at >= actual.size() || actual[at] != uint8_t(score >> shift)) return str(c.name, " image ", n, ": another score");
      }
      if (at >= actual.size() || actual[at++] != 0) return str(c.name, ": bitloom_infer did not return 0");
    }
  }
  return at == actual.size() ? "" : "the program writes more than was asked for";
}

}  // namespace

std::string difference_of_exported(const std::vector<ExportCase>& cases, const std::string& target) {
  const TempFolder folder;
  write_sources(cases, folder);
  std::vector<uint8_t> input;
  for (size_t n = 0; n < cases.size(); ++n) {
    const TensorT<int16_t>& samples = cases[n].samples;
    const int64_t size = samples.size() / samples.shape()[0];
    for (int64_t i = 0; i < samples.size(); ++i) {
      if (i % size == 0) input.push_back(uint8_t(n));
      input.push_back(uint8_t(samples[i]));
    }
  }
  write_bytes(folder / "in", input);
  const std::string command = "BITLOOM='" BITLOOM_PROGRAM "' tests/cross/run.sh " + target + " '" + folder.path() +
                              "' -DBITLOOM_TRACE <'" + folder / "in" + "' >'" + folder / "out" + "' 2>'" + folder / "err" + "'";
  const int status = std::system(command.c_str());
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  const std::string errors = read_text(folder / "err").substr(0, 3000);
  if (code == 77) return "skip: " + errors;
  if (code != 0) return str(target, ": exit code ", code, ": ", errors);
  return first_difference(cases, read_file(folder / "out"));
}

}  // namespace bitloom::testing
