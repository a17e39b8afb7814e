// The runs of channels (split_channels) that shares of precisions lead to, on average. T is a double or a Real.
#pragma once
#include <cmath>
#include <vector>

#include "mpic/compile/plan/pieces.h"

namespace bitloom::mpic {

// Channels that keep their order. `share(c)`: that of one precision in channel c; runs in place of which others lie are counted by their own.
// Of certain shares, 0 or 1, exactly what split_channels finds where blocks may begin anywhere.
template <class T, class Share>
void add_runs_in_order(int64_t channels, const Share& share_of, ChannelRuns<T>& runs) {
  const auto share = [&](int64_t c) { return c < 0 || c >= channels ? T(0.0) : share_of(c); };
  std::vector<T> ends(size_t(channels + kBlockChannels), T(0.0));  // the share in which a channel is the last one of a block
  for (int64_t c = 0; c < channels; ++c) {
    T block = share(c);
    for (int64_t k = 1; k < kBlockChannels; ++k) block = block * share(c - k);
    T& end = ends[size_t(c + kBlockChannels)];
    end = block * (1.0 - share(c - kBlockChannels) + ends[size_t(c)]);
    runs.channels += share(c);
    runs.single += share(c) - end * double(kBlockChannels);
    runs.block_runs += block * (1.0 - share(c - kBlockChannels));
    runs.single_runs += (share(c) - end) * (1.0 - share(c + 1));
  }
}

// `channels` of one precision side by side, of as many as the layer has. A block is taken to begin at about kBlockChannels - 1 channels, and
// singles are what blocks leave on average; where one precision has them all, what is left is known.
template <class T>
ChannelRuns<T> sorted_run(const T& channels, int64_t of) {
  using std::exp;
  constexpr double kBlock = kBlockChannels, kLeft = kBlock - 1;
  const T cube = channels * channels * channels * (1.0 / (kLeft * kLeft * kLeft)),
          has_block = cube * cube / (cube * cube + 1.0);
  const T few = 1.0 - has_block, alone = exp((channels - double(of)) * 3.0);
  const auto unless_alone = [&](const T& usual, double known) { return usual + alone * (known - usual); };
  return {channels, unless_alone(has_block * (kLeft / 2) + few * channels, double(of % kBlockChannels)),
          unless_alone(has_block, of >= kBlockChannels),
          unless_alone(has_block * (kLeft / kBlock) + few * (1.0 - exp(channels * -3.0)), of % kBlockChannels > 0)};
}

// Where four codes do not fill whole bytes, runs behind others have singles before their first block: block_alignment() channels may be the
// beginning with equal right.
template <class T>
void align_runs(LayerMix<T>& mix) {
  T all = 1e-9;
  for (const ChannelRuns<T>& runs : mix.runs) all += runs.block_runs + runs.single_runs;
  for (ChannelRuns<T>& runs : mix.runs) {
    const T behind = runs.block_runs * ((all - runs.block_runs - runs.single_runs) / all);
    T singles = 0.0, sequences = 0.0;
    for (size_t o = 0; o < mix.out.size(); ++o) {
      const double alignment = double(block_alignment(kMixBits[o]));
      singles += mix.out[o] * ((alignment - 1) / 2);
      sequences += mix.out[o] * ((alignment - 1) / alignment);
    }
    runs.single += behind * singles;
    runs.single_runs += behind * sequences;
  }
}

}  // namespace bitloom::mpic
