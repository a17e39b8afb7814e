// What the kernels of the interpreter share.
#include "quant/integer/kernels.h"

#include <algorithm>

namespace bitloom::integer {

const uint8_t* pad_images(const uint8_t* images, int64_t count, const IntegerLayer& in, const IntegerLayer& layer,
                          uint8_t* padded) {
  if (layer.pt + layer.pb + layer.pl + layer.pr == 0) return images;
  const uint8_t zero = uint8_t(-in.out.lo());
  const int64_t left = layer.pl * in.c, right = layer.pr * in.c, run = in.w * in.c, row = left + run + right;
  uint8_t* out = padded;
  for (int64_t n = 0; n < count; ++n) {
    out = std::fill_n(out, layer.pt * row, zero);
    for (int64_t y = 0; y < in.h; ++y, images += run) {
      out = std::fill_n(out, left, zero);
      out = std::copy_n(images, run, out);
      out = std::fill_n(out, right, zero);
    }
    out = std::fill_n(out, layer.pb * row, zero);
  }
  return padded;
}

}  // namespace bitloom::integer
