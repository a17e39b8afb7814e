// Matrix multiplication kernels on the core: right results, and cycles as rtl_kernel_inner.tsv and
// rtl_kernel_layer.tsv have them.
#include <gtest/gtest.h>

#include <cmath>

#include "core/rng.h"
#include "tests/support/mpic.h"

namespace bitloom::mpic {
namespace {

constexpr uint32_t kWeights = 0x4000, kActivations = 0x10000, kBias = 0x18000, kOutput = 0x1c000;

// "a8w4": widths of activations (unsigned) and weights (signed).
struct Kernel {
  explicit Kernel(const std::string& name) : a(name[1] - '0'), w(name[3] - '0') {}
  int a, w;
  int groups() const { return a / w; }
};

// Lines `count` elements long and packed, element 0 in the low bits.
std::vector<std::vector<int>> random_lines(Core& core, uint32_t at, int lines, int count, int bits, bool is_signed, Rng rng) {
  std::vector<std::vector<int>> all;
  for (int line = 0; line < lines; ++line) {
    std::vector<int> values;
    std::vector<uint32_t> words(size_t(count * bits) / 32);
    for (int i = 0; i < count; ++i) {
      values.push_back(int(rng.below(int64_t(1) << bits)) - (is_signed ? 1 << (bits - 1) : 0));
      words[size_t(i * bits / 32)] |= (uint32_t(values.back()) & ((1u << bits) - 1)) << (i * bits % 32);
    }
    core.writable_memory().write(at + uint32_t(line * count * bits / 8), words.data(), words.size() * 4);
    all.push_back(values);
  }
  return all;
}

int64_t product(const std::vector<int>& a, const std::vector<int>& w) {
  int64_t sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += int64_t(a[i]) * w[i];
  return sum;
}

// The 4x2 block: weights at a0 to a3, activations at a4 and a5, sums in s0 to s7, as many passes as t0 says.
std::string inner_loop(const Kernel& kernel) {
  std::string text = "inner: lp.setup 0, t0, inner_last\n";
  for (int c = 0; c < 4; ++c) text += str("p.lw t", c + 3, ", 4(a", c, "!)\n");
  for (int g = 0; g < kernel.groups(); ++g) {
    text += "p.lw t1, 4(a4!)\n p.lw t2, 4(a5!)\n";
    for (int k = 0; k < 8; ++k) {
      const bool last = g + 1 == kernel.groups() && k == 7;
      text += str(last ? "inner_last: " : "", "pv.sdotusp.b s", k, ", t", 1 + k / 4, ", t", 3 + k % 4, "\n");
    }
  }
  return text + "inner_end: ";
}

TEST(RtlKernels, InnerLoop) {
  const Table table = measured("rtl_kernel_inner");
  Tally tally("rtl_kernel_inner.tsv");
  for (size_t i = 0; i < table.size(); ++i) {
    const Kernel kernel(table(i, "kernel"));
    const int k = std::stoi(table(i, "K")), passes = k * kernel.w / 32;
    TestCore core(0, 1 << 17);
    core.load(inner_loop(kernel) + "ebreak");
    core.mpic_mode(uint32_t(std::stoi(table(i, "fmt"))), 0, 8);
    const auto weights = random_lines(core, kWeights, 4, k, kernel.w, true, Rng(i).split("w"));
    const auto activations = random_lines(core, kActivations, 2, k, kernel.a, false, Rng(i).split("a"));
    for (int c = 0; c < 4; ++c) core.set_reg(10 + c, kWeights + uint32_t(c * k * kernel.w / 8));
    for (int p = 0; p < 2; ++p) core.set_reg(14 + p, kActivations + uint32_t(p * k * kernel.a / 8));
    core.set_reg(5, uint32_t(passes));
    const RunResult result = core.run(100000);
    const Counters counters = core.counters();
    bool good = result.reason == StopReason::kBreakpoint && core.read_csr(Csr::simd_group) == 0;
    for (int s = 0; s < 8; ++s)
      good = good && core.x(str("s", s)) == uint32_t(product(activations[size_t(s / 4)], weights[size_t(s % 4)]));
    tally.check(good && counters.cycles == std::stoull(table(i, "cycles_rtl")) &&
                    counters.instructions == std::stoull(table(i, "instr_issued")) && std::stoi(table(i, "SBC_after")) == 0,
                str(table.line(i), ": cycles ", counters.cycles, ", instructions ", counters.instructions,
                    good ? "" : ", results are wrong"));
  }
}

// Four channels of a pixel become bytes: accumulator times s8 plus a bias from gp, shifted, clipped, and packed by p.insert.
std::string requantize_pixel(const Kernel& kernel, int pixel) {
  std::string text;
  const int per_byte = 8 / kernel.a;
  for (int c = 0; c < 4; ++c) {
    const int lane = c % per_byte;
    const char* const reg = lane == 0 ? "t2" : "t3";
    text += str("lw ", reg, ", ", 4 * c, "(gp)\n p.mac ", reg, ", s", pixel * 4 + c, ", s8\n srai ", reg, ", ", reg,
                ", 16\n p.clipu ", reg, ", ", reg, ", ", kernel.a + 1, "\n");
    if (lane > 0) text += str("p.insert t2, t3, ", kernel.a - 1, ", ", lane * kernel.a, "\n");
    if (lane == per_byte - 1) text += str("sb t2, ", c / per_byte, "(s1", pixel, ")\n");
  }
  return text;
}

// 16 channels of 8 pixels. a6: bytes of a line of weights, a7: of activations; ra, tp count; s9 holds the first weights of the block, sp the
// activations, s10 and s11 point to the outputs.
std::string layer(const Kernel& kernel, int k) {
  const int pixel_bytes = 16 * kernel.a / 8;
  std::string text = str("la s9, ", kWeights, "\n la gp, ", kBias, "\n li a6, ", k * kernel.w / 8, "\n li a7, ",
                         k * kernel.a / 8, "\n li t0, ", k * kernel.w / 32, "\n li ra, 4\n li s10, ", kOutput, "\n");
  text += str("channels: li sp, ", kActivations, "\n li tp, 4\n pixels: addi s11, s10, ", pixel_bytes, "\n");
  text += "mv a0, s9\n add a1, a0, a6\n add a2, a1, a6\n add a3, a2, a6\n mv a4, sp\n add a5, a4, a7\n";
  for (int s = 0; s < 8; ++s) text += str("li s", s, ", 0\n");
  text += inner_loop(kernel) + "mv sp, a5\n" + requantize_pixel(kernel, 0) + requantize_pixel(kernel, 1);
  text += str("addi s10, s10, ", 2 * pixel_bytes, "\n addi tp, tp, -1\n bnez tp, pixels\n");
  text += str("mv s9, a3\n addi gp, gp, 16\n addi s10, s10, ", 4 * kernel.a / 8 - 8 * pixel_bytes,
              "\n addi ra, ra, -1\n bnez ra, channels\n ebreak\n");
  return text;
}

// The RTL ran code of its own around the same inner loop, so only the inner loop's cycles are exact; of the rest 6 cycles a block may differ.
TEST(RtlKernels, Layer) {
  const Table table = measured("rtl_kernel_layer");
  Tally tally("rtl_kernel_layer.tsv");
  for (size_t i = 0; i < table.size(); ++i) {
    const Kernel kernel(table(i, "kernel"));
    const std::string& shape = table(i, "MxNxK");
    if (shape.rfind("16x8x", 0) != 0) {
      tally.skip("not 16 channels of 8 pixels: " + shape);
      continue;
    }
    const int k = std::stoi(shape.substr(5)),
              multiplier = int(65536.0 * (1 << kernel.a) / (std::sqrt(k) * (1 << (kernel.a + kernel.w - 1))));
    TestCore core(0, 1 << 17);
    const Image image = assemble(layer(kernel, k), "layer", kTestEntry);
    image.load(core.writable_memory());
    core.reset(kTestEntry);
    core.mpic_mode(uint32_t(std::stoi(table(i, "fmt"))), 0, 8);
    core.set_reg(24, uint32_t(multiplier));  // s8
    const auto weights = random_lines(core, kWeights, 16, k, kernel.w, true, Rng(i).split("w"));
    const auto activations = random_lines(core, kActivations, 8, k, kernel.a, false, Rng(i).split("a"));
    std::vector<int32_t> bias;
    for (int c = 0; c < 16; ++c) bias.push_back(int32_t(Rng(i).split("bias", uint64_t(c)).below(1 << 20)));
    core.writable_memory().write(kBias, bias.data(), bias.size() * 4);

    uint64_t begin = 0, inside = 0;
    const uint32_t inner = image.find("inner")->address, inner_end = image.find("inner_end")->address;
    core.observe([&](const Core::Observed& o) {
      if (o.pc == inner) begin = o.issued;
      if (o.pc == inner_end) inside += o.issued - begin;
    });
    const RunResult result = core.run(1000000);
    bool good = result.reason == StopReason::kBreakpoint;
    for (int p = 0; p < 8; ++p) {
      for (int c = 0; c < 16; ++c) {
        const int64_t sum = product(activations[size_t(p)], weights[size_t(c)]) * multiplier + bias[size_t(c)];
        const int64_t clipped = std::min<int64_t>(std::max<int64_t>(int32_t(sum) >> 16, 0), (1 << kernel.a) - 1);
        const int bit = (p * 16 + c) * kernel.a;
        const uint32_t got = core.memory().load<uint8_t>(kOutput + uint32_t(bit / 8)) >> bit % 8 & ((1u << kernel.a) - 1);
        good = good && got == uint32_t(clipped);
      }
    }
    const uint64_t rtl = std::stoull(table(i, "cycles_rtl")), cycles = core.counters().cycles;
    const double off = std::abs(double(cycles) - double(rtl)) / 16;
    tally.check(good && inside == std::stoull(table(i, "inner_loop_cycles")) && off <= 6,
                str(table.line(i), ": inside ", inside, ", all ", cycles, good ? "" : ", outputs are wrong"));
    std::printf("  %s %s: %llu cycles, RTL %llu\n", table(i, "kernel").c_str(), shape.c_str(),
                static_cast<unsigned long long>(cycles), static_cast<unsigned long long>(rtl));
  }
}

}  // namespace
}  // namespace bitloom::mpic
