// The built-in machines: does it sound as it should?
//
// A machine turns: it hums at multiples of its rate, each as loud as its build makes it, and hisses with a spectrum of its own, at a speed and loudness
// that differ from recording to recording and waver within one. Four machines have normal recordings only to be learnt from; in tests half of the recordings have one of
// three faults, at several strengths: knocks at the rate of a damaged bearing that ring in the housing (R. Randall and J. Antoni, Mechanical Systems and Signal
// Processing 25, 2011), a hum at half the rate, as of a loose part, or a hiss that swells with every turn, as of an unbalanced fan. Not recordings: what is
// measured on it says how the method works, and nothing about machines.
#include <algorithm>
#include <cmath>
#include <complex>
#include <utility>

#include "core/cancel.h"
#include "core/error.h"
#include "core/parallel.h"
#include "datasets/frame_vectors.h"
#include "datasets/sources.h"

namespace bitloom {
namespace {

constexpr double kRate = double(LogMel::kRate), kTurn = 2 * M_PI;
constexpr int32_t kMachines = 4;
constexpr int kOvertones = 24;

enum class Fault { kNone, kKnocks, kLoose, kUnbalanced };
constexpr int kFaults = 3;

// What all recordings of a machine share.
struct Machine {
  double hz, hiss, tilt, ring_hz;
  std::complex<double> overtones[kOvertones];  // loudness and phase
};

Machine build(Rng rng) {
  Machine m;
  m.hz = rng.uniform(40, 110);
  m.hiss = rng.uniform(0.2, 0.5);
  m.tilt = rng.uniform(0.5, 0.95);
  m.ring_hz = rng.uniform(2500, 5500);
  for (int k = 0; k < kOvertones; ++k) {
    const double loudness = std::pow(10, rng.uniform(-1.5, 0)) / std::sqrt(double(k + 1));
    m.overtones[k] = std::polar(loudness, rng.uniform(0, kTurn));
  }
  return m;
}

std::vector<int16_t> record(const Machine& m, Fault fault, Rng rng) {
  constexpr int64_t kLength = FrameVectors::kNeeded;
  // Long fades of speed and load are sums of two slow waves.
  const double speed = rng.uniform(0.96, 1.04), load = std::pow(10, rng.uniform(-0.15, 0.15)), strength = rng.uniform(0.4, 1);
  const double slow = rng.uniform(0.1, 0.4), slower = rng.uniform(0.03, 0.1), start = rng.uniform(0, kTurn);
  std::vector<double> sound(static_cast<size_t>(kLength));
  double turns = rng.uniform(), hiss = 0, ring = 0, ring_before = 0, knock_at = 0;
  const double damping = std::exp(-M_PI * 250 / kRate), swing = 2 * damping * std::cos(kTurn * m.ring_hz / kRate);
  for (int64_t i = 0; i < kLength; ++i) {
    const double t = double(i) / kRate;
    const double waver = std::sin(kTurn * slow * t + start) + std::sin(kTurn * slower * t);
    turns += m.hz * speed * (1 + 0.004 * waver) / kRate;
    double hum = 0;
    // sin((k+1) x + phase) for all k by powers of exp(ix).
    const std::complex<double> turn = std::polar(1.0, kTurn * turns);
    std::complex<double> power = 1;
    for (const std::complex<double>& overtone : m.overtones) hum += std::imag(overtone * (power *= turn));
    hiss = m.tilt * hiss + rng.normal();
    double noise = m.hiss * hiss;
    if (fault == Fault::kLoose)
      hum += 0.5 * strength * (std::sin(kTurn * 0.5 * turns) + std::sin(kTurn * 1.5 * turns) + std::sin(kTurn * 2.5 * turns));
    if (fault == Fault::kUnbalanced) noise *= 1 + strength * std::sin(kTurn * turns / 16);
    double push = 0;
    if (fault == Fault::kKnocks && turns >= knock_at) {
      push = 1.2 * strength;
      knock_at = turns + 3.57 * (1 + 0.02 * rng.normal());
    }
    const double rung = swing * ring - damping * damping * ring_before + push;
    ring_before = ring, ring = rung;
    sound[size_t(i)] = load * (1 + 0.05 * waver) * (hum + noise + ring);
  }
  constexpr double kLevel = 700;  // of full scale 32,767, so that hardly anything is cut off
  std::vector<int16_t> samples;
  for (const double v : sound) samples.push_back(int16_t(std::lround(std::clamp(v * kLevel, -32767.0, 32767.0))));
  return samples;
}

// `each` recordings of every machine; with anomalies, every second one has a fault.
std::shared_ptr<FrameVectors> recordings(const char* name, int64_t each, bool anomalies, const Rng& rng) {
  BITLOOM_CHECK(each > 0, "synthetic machines ", name, ": ", each, " recordings asked; ask for one at least");
  const LogMel log_mel;
  const int64_t count = each * kMachines, size = FrameVectors::kFrames * FrameVectors::kBands;
  std::vector<int32_t> machines, labels;
  for (int64_t i = 0; i < count; ++i) {
    machines.push_back(int32_t(i % kMachines));
    if (anomalies) labels.push_back(int32_t(i / kMachines % 2));
  }
  std::vector<float> frames(static_cast<size_t>(count * size));
  parallel_for(count, [&](int64_t i) {
    check_cancel();
    const Machine machine = build(rng.split("machine", uint64_t(i % kMachines)));
    const bool faulty = anomalies && i / kMachines % 2 == 1;
    const Fault fault = faulty ? Fault(1 + i / kMachines / 2 % kFaults) : Fault::kNone;
    FrameVectors::frames_of(record(machine, fault, rng.split(name, uint64_t(i))), log_mel, &frames[size_t(i * size)]);
  });
  return std::make_shared<FrameVectors>(str("synthetic machines ", name), std::move(frames), machines, labels);
}

}  // namespace

TaskData make_synthetic_machines(uint64_t seed, int64_t train, int64_t val, int64_t test) {
  const Rng rng = Rng(seed).split("synthetic machines");
  Task task;
  task.name = "synthetic_ad";
  task.kind = TaskKind::kReconstruction;
  task.metric = &roc_auc();
  TaskData data{std::move(task), recordings("train", train, false, rng), recordings("val", val, false, rng),
                recordings("test", test, true, rng)};
  validate(data);
  return data;
}

}  // namespace bitloom
