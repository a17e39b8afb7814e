// 2-D convolution kernels. Layouts: x (N,H,W,C), w (OC,KH,KW,C), y (N,OH,OW,OC), all contiguous fp32; outputs must not
// alias inputs and are overwritten. A fully connected layer is the 1x1 case over a 1x1 image.
#pragma once
#include <cstdint>
#include <memory>

namespace bitloom {

struct Conv2dShape {
  int64_t n = 0, h = 0, w = 0, c = 0;      // input
  int64_t oc = 0, kh = 1, kw = 1;          // filters
  int64_t sh = 1, sw = 1;                  // stride
  int64_t pt = 0, pb = 0, pl = 0, pr = 0;  // zero padding: top, bottom, left, right
  int64_t oh() const { return (h + pt + pb - kh) / sh + 1; }
  int64_t ow() const { return (w + pl + pr - kw) / sw + 1; }
  int64_t in_floats() const { return h * w * c; }          // of an image
  int64_t out_floats() const { return oh() * ow() * oc; }  // of an image
  int64_t macs() const { return n * oh() * ow() * oc * kh * kw * c; }
};

// A batch in blocks of neighbouring images, few enough that a block's inputs and outputs stay in the second-level cache: what is done before and after a convolution
// meets them there. Sizes differ by at most one; a function of the shape only.
class ImageBlocks {
 public:
  explicit ImageBlocks(const Conv2dShape& s);
  int64_t count() const { return count_; }
  int64_t first(int64_t block) const { return block * images_ / count_; }
  int64_t images(int64_t block) const { return first(block + 1) - first(block); }
  // Calls f(block) for those of a chunk, in order.
  template <typename F>
  void of_chunk(int64_t chunk, int64_t chunks, F f) const {
    for (int64_t b = chunk * count_ / chunks; b < (chunk + 1) * count_ / chunks; ++b) f(b);
  }

 private:
  int64_t images_, count_;
};

// The forward pass or the input gradient, its filters prepared once for all blocks; threads may share it. The arrays it was made from must outlive it.
class ConvPass {
 public:
  virtual ~ConvPass() = default;
  // From the inputs (or gradients) of a block of `images` images to its outputs (or input gradients).
  virtual void run(const float* in, float* out, int64_t images) const = 0;
};

// The gradient of the filters, summed over blocks: chunk k has those of blocks [k * blocks / chunks, (k + 1) * blocks / chunks), added in order. A chunk is
// one sum; where there are few, it is divided into parts. Threads may add to different ones.
class ConvWeightGrad {
 public:
  virtual ~ConvWeightGrad() = default;
  virtual int64_t chunks() const = 0;
  virtual int64_t parts() const { return 1; }
  virtual void add(const float* x, const float* dy, int64_t images, int64_t chunk, int64_t part) = 0;
  // dw = the sum of all chunks, folded in order.
  virtual void finish(float* dw) = 0;
};

std::unique_ptr<ConvPass> conv2d_forward_pass(const float* w, const float* bias, const Conv2dShape& s);
std::unique_ptr<ConvPass> conv2d_input_grad_pass(const float* w, const Conv2dShape& s);
std::unique_ptr<ConvWeightGrad> conv2d_weight_grad_pass(const Conv2dShape& s);

// All blocks of a batch, in parallel.
// in_floats, out_floats: of an image.
void run_blocks(const ConvPass& pass, const Conv2dShape& s, int64_t in_floats, const float* in, int64_t out_floats, float* out);
void run_blocks(ConvWeightGrad& pass, const Conv2dShape& s, const float* x, const float* dy, float* dw);

// y = conv(x, w) + bias. `bias` (OC) may be null. The order of sums depends on the shape only.
void conv2d_forward(const float* x, const float* w, const float* bias, float* y, const Conv2dShape& s);

// dx = gradient of the input.
void conv2d_input_grad(const float* dy, const float* w, float* dx, const Conv2dShape& s);

// dw = gradient of the filters, summed over the batch in an order that depends on the shape only.
void conv2d_weight_grad(const float* x, const float* dy, float* dw, const Conv2dShape& s);

}  // namespace bitloom
