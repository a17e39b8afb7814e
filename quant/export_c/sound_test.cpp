// The part of the self-test that hears.
#include "core/error.h"
#include "quant/export_c/front_end.h"
#include "quant/export_c/text.h"
#include "quant/integer/anomaly_score.h"
#include "quant/integer/run.h"

namespace bitloom {
namespace {

// A second of noise that fades, by integers alone, so that a self-test can make it too.
std::vector<int16_t> test_sound() {
  std::vector<int16_t> sound;
  uint32_t word = 1;
  for (int32_t i = 0; i < Mfcc::kSamples; ++i) {
    word = word * 1664525u + 1013904223u;
    sound.push_back(int16_t((int32_t(word >> 16) - 32768) / (1 + i / 1000)));
  }
  return sound;
}

const char* const kMakeSound = R"c(
static int16_t sound[16000];

static void make_sound(void) {
  uint32_t word = 1;
  int32_t i;
  for (i = 0; i < 16000; ++i) {
    word = word * 1664525u + 1013904223u;
    sound[i] = (int16_t)(((int32_t)(word >> 16) - 32768) / (1 + i / 1000));
  }
}
)c";

const char* const kMfccTest = R"c(
static int sound_differs(void) {
  static int8_t codes[$NAME_INPUT_SIZE];
  int32_t i;
  int differs;
  make_sound();
  $name_front_end(sound, codes);
  differs = $name_infer_sound(sound, sound_out);
  for (i = 0; i < $NAME_INPUT_SIZE; ++i) differs |= codes[i] != sound_codes[i];
  for (i = 0; i < $NAME_OUTPUT_SIZE; ++i) differs |= sound_out[i] != sound_outputs[i];
  return differs;
}
)c";

const char* const kLogMelTest = R"c(
static int sound_differs(void) {
  uint32_t score = 0;
  int32_t i, hop;
  int differs = 0;
  make_sound();
  $name_hear_begin();
  for (hop = 0; hop < 10; ++hop) differs |= $name_hear(sound + hop * $NAME_HOP, sound_out, &score) != (hop < 5 ? 2 : 0);
  for (i = 0; i < $NAME_OUTPUT_SIZE; ++i) differs |= sound_out[i] != sound_outputs[i];
  return differs || score != sound_score;
}
)c";

// The codes of the sound, (1, as the graph takes them): of a machine's, of the five frames that end with ten hops.
TensorT<int16_t> codes_of(const FixedMfcc& mfcc, const IntegerLayer& in) {
  TensorT<int16_t> codes(Shape{1, in.h, in.w, in.c});
  mfcc.run(test_sound().data(), codes.data());
  return codes;
}
TensorT<int16_t> codes_of(const FixedLogMel& log_mel, const IntegerLayer& in) {
  TensorT<int16_t> codes(Shape{1, in.h, in.w, in.c});
  const std::vector<int16_t> sound = test_sound();
  for (int64_t frame = 0; frame < 5; ++frame)
    log_mel.run(sound.data() + (frame + 4) * LogMel::kStride, codes.data() + frame * LogMel::kBands);
  return codes;
}

}  // namespace

std::string sound_test_c(const FrontEnd& front_end, const IntegerGraph& graph, const CNames& names) {
  const TensorT<int16_t> codes = std::visit([&](const auto& f) { return codes_of(f, graph.layers.front()); }, front_end);
  const TensorT<int32_t> outputs = IntegerRunner(graph).run(codes);
  std::ostringstream text;
  put_c_array(text, names.output.c_str(), "sound_outputs",
              std::vector<int32_t>(outputs.data(), outputs.data() + outputs.size()));
  text << names.fill("static $output sound_out[$NAME_OUTPUT_SIZE];\n");
  if (std::holds_alternative<FixedMfcc>(front_end)) {
    put_c_array(text, "int8_t", "sound_codes", std::vector<int16_t>(codes.data(), codes.data() + codes.size()));
    text << kMakeSound << names.fill(kMfccTest);
  } else {
    text << "static const uint32_t sound_score = "
         << c_literal(anomaly_score(anomaly_rule(graph), codes.data(), outputs.data(), codes.size())) << ";\n"
         << kMakeSound << names.fill(kLogMelTest);
  }
  return text.str();
}

}  // namespace bitloom
