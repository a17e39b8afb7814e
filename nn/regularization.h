// What keeps a network from learning its training samples by heart.
#pragma once
#include "core/rng.h"
#include "datasets/dataset.h"

namespace bitloom {

struct Regularization {
  double label_smoothing = 0;  // so much of every target is spread evenly over all classes (arXiv 1512.00567, section 7)
  double mixup = 0;            // at most so much of every sample and its target is another's (arXiv 1710.09412)
  double average = 0;  // decay, a step, of the average of the weights that is validated and kept (WeightAverage); 0: none
};

// The batch to train on instead. Every sample is mixed with the next one of the batch, which an epoch's order has put there by chance, in one share for the
// whole batch, drawn evenly from 0 to `mixup`; the batch's targets say what is to be answered. Labels stay those of the greater share.
// `classes`: 0 without, as for a reconstruction, which is to answer with the mixture.
Batch regularized(const Batch& batch, const Regularization& options, int64_t classes, Rng rng);

}  // namespace bitloom
