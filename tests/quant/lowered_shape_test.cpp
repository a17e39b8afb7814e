// The shape of a lowered network, from its assignment alone.
#include "quant/lowered_shape.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "quant/lower.h"
#include "tests/support/random_qat.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::quant_options;
using testing::RandomQat;

// All that lowering decides without looking at a weight, as text.
std::string shape_of(const IntegerLayer& l) {
  std::string text = str(l.name, " ", to_string(l.op), " ", l.h, "x", l.w, "x", l.c, " window ", l.kh, "x", l.kw, " / ", l.sh,
                         "x", l.sw, " pad ", l.pt, ",", l.pb, ",", l.pl, ",", l.pr, " a", l.out.bits, "s", l.out.is_signed);
  for (const int32_t in : l.inputs) text += str(" <", in);
  for (const ChannelGroup& group : l.groups) text += str(" ", group.channels, "@", group.bits);
  return text;
}

TEST(LoweredShape, IsThatOfTheLoweredNetwork) {
  for (const char* model : {"resnet8", "ds_cnn", "mobilenet_v1", "autoencoder", "pooled", "windowed"})
    for (uint64_t seed = 0; seed < (std::getenv("BITLOOM_FAST") ? 1 : 4); ++seed) {
      RandomQat net(model, quant_options({0, 2, 4, 8}, {2, 4, 8}), Rng(seed));
      net.qat.assign(testing::random_assignment(net.qat, Rng(seed + 100)));
      const IntegerGraph lowered = lower(net.qat, "random");
      const IntegerGraph shape = lowered_shape(net.network.spec(), net.qat.assignment(), net.qat.input_quant().is_signed);
      ASSERT_EQ(shape.layers.size(), lowered.layers.size());
      for (size_t i = 0; i < shape.layers.size(); ++i)
        EXPECT_EQ(shape_of(shape.layers[i]), shape_of(lowered.layers[i])) << model << ", seed " << seed;
    }
}

}  // namespace
}  // namespace bitloom
