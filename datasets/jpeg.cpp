// Pictures: JPEG files, decoded by libjpeg row by row into the shape that is wanted.
#include "datasets/jpeg.h"

// clang-format off
#include <cstdio>  // for jpeglib.h
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/cancel.h"
#include "core/error.h"

namespace bitloom {
namespace {

constexpr int64_t kChannels = 3;

// Which samples of a line make one of the resized line.
struct Taps {
  int64_t first;
  std::vector<float> weights;
  int64_t end() const { return first + int64_t(weights.size()); }
};

double lanczos(double x) {
  constexpr double kLobes = 3;
  if (x == 0) return 1;
  if (std::fabs(x) >= kLobes) return 0;
  return kLobes * std::sin(M_PI * x) * std::sin(M_PI * x / kLobes) / (M_PI * M_PI * x * x);
}

// Of a line of that length, of which there are `in` samples, to `out`, the ends of both at the same places; beyond the ends there is nothing.
std::vector<Taps> taps_of(int64_t in, double length, int64_t out) {
  std::vector<Taps> all;
  const double step = length / double(out), stretch = std::max(step, 1.0), support = 3 * stretch;
  for (int64_t i = 0; i < out; ++i) {
    if (step == 1) {
      all.push_back({i, {1}});
      continue;
    }
    const double centre = (double(i) + 0.5) * step;
    const int64_t first = std::max<int64_t>(0, std::llround(centre - support)),
                  end = std::min<int64_t>(in, std::llround(centre + support));
    std::vector<double> weights;
    double sum = 0;
    for (int64_t k = first; k < end; ++k) sum += weights.emplace_back(lanczos((double(k) + 0.5 - centre) / stretch));
    Taps taps{first, {}};
    for (const double weight : weights) taps.weights.push_back(float(weight / sum));
    all.push_back(std::move(taps));
  }
  return all;
}

// A picture in another size, from its rows as they come.
class Resizer {
 public:
  // Of a picture that is decoded at a part of its size, the last row and column may stand for less than others.
  Resizer(const jpeg_decompress_struct& in, int64_t h, int64_t w)
      : down_(taps_of(in.output_height, double(in.image_height) / in.scale_denom, h)),
        across_(taps_of(in.output_width, double(in.image_width) / in.scale_denom, w)),
        line_(size_t(w * kChannels)),
        sums_(size_t(h * w * kChannels)) {}

  void add(const uint8_t* row) {
    float* line = line_.data();
    for (const Taps& taps : across_) {
      float sum[kChannels] = {};
      const uint8_t* in = row + taps.first * kChannels;
      for (const float weight : taps.weights)
        for (float& channel : sum) channel += weight * float(*in++);
      line = std::copy_n(sum, kChannels, line);
    }
    for (size_t y = done_; y < down_.size() && down_[y].first <= row_; ++y) {
      if (row_ >= down_[y].end()) continue;
      const float weight = down_[y].weights[size_t(row_ - down_[y].first)];
      float* sums = sums_.data() + y * line_.size();
      for (size_t i = 0; i < line_.size(); ++i) sums[i] += weight * line_[i];
    }
    ++row_;
    while (done_ < down_.size() && down_[done_].end() <= row_) ++done_;
  }

  std::vector<uint8_t> picture() const {
    std::vector<uint8_t> out;
    out.reserve(sums_.size());
    for (const float sum : sums_) out.push_back(uint8_t(std::clamp(sum + 0.5f, 0.0f, 255.0f)));
    return out;
  }

 private:
  const std::vector<Taps> down_, across_;
  std::vector<float> line_, sums_;
  int64_t row_ = 0;
  size_t done_ = 0;  // rows of the result that need no more
};

// libjpeg reports by calling back, and must not be thrown through.
struct Reports : jpeg_error_mgr {
  std::jmp_buf jump;
};

[[noreturn]] void leave(j_common_ptr info) { std::longjmp(static_cast<Reports*>(info->err)->jump, 1); }

// Warnings say that pixels are missing or guessed, but for these.
void judge(j_common_ptr info, int level) {
  if (level >= 0) return;
  for (const int harmless : {JWRN_EXTRANEOUS_DATA, JWRN_TOO_MUCH_DATA, JWRN_JFIF_MAJOR, JWRN_ADOBE_XFORM})
    if (info->err->msg_code == harmless) return;
  leave(info);
}

// Ends pictures that are sent again and again.
void count_scans(j_common_ptr info) {
  constexpr int kMaxScans = 200;
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
  info->err->msg_code = JERR_BAD_PROGRESSION;
  leave(info);
}

class Decoder {
 public:
  Decoder(const std::vector<uint8_t>& bytes, const std::string& where) : where_(where) {
    info_.err = jpeg_std_error(&reports_);
    reports_.error_exit = leave;
    reports_.emit_message = judge;
    attempt([this] { jpeg_create_decompress(&info_); });
    info_.mem->max_memory_to_use = kMaxMemory;
    progress_.progress_monitor = count_scans;
    info_.progress = &progress_;
    jpeg_mem_src(&info_, bytes.data(), static_cast<unsigned long>(bytes.size()));
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { jpeg_destroy_decompress(&info_); }

  std::vector<uint8_t> picture(int64_t h, int64_t w) {
    attempt([this] { jpeg_read_header(&info_, TRUE); });
    BITLOOM_CHECK(!info_.arith_code, where_, ": is coded arithmetically, which few programs read; save it as a baseline JPEG");
    const bool cmyk = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
    info_.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    info_.scale_denom = 8;
    const auto small = [&](int64_t side, int64_t wanted) { return side < 2 * wanted * int64_t(info_.scale_denom); };
    while (info_.scale_denom > 1 && (small(info_.image_height, h) || small(info_.image_width, w))) info_.scale_denom /= 2;
    attempt([this] { jpeg_start_decompress(&info_); });
    Resizer resizer(info_, h, w);
    std::vector<uint8_t> row(size_t(info_.output_width) * size_t(info_.output_components));
    while (info_.output_scanline < info_.output_height) {
      check_cancel();
      uint8_t* start = row.data();
      attempt([this, &start] { jpeg_read_scanlines(&info_, &start, 1); });
      if (cmyk) take_black(row);
      resizer.add(row.data());
    }
    return resizer.picture();
  }

 private:
  static constexpr long kMaxMemory = 256L << 20;

  // Nothing with a destructor may begin its life in `step`, which is left by a jump.
  template <class Step>
  void attempt(Step step) {
    if (setjmp(reports_.jump)) fail();
    step();
  }

  [[noreturn]] void fail() {
    const int code = reports_.msg_code;
    const std::string size = str(info_.image_width, " x ", info_.image_height);
    BITLOOM_CHECK(code != JWRN_JPEG_EOF && code != JERR_INPUT_EOF, where_, ": cut: the file ends in the middle of the picture");
    BITLOOM_CHECK(code != JERR_NO_BACKING_STORE && code != JERR_OUT_OF_MEMORY, where_, ": a progressive picture of ", size,
                  " pixels takes more than ", kMaxMemory >> 20,
                  " MB to decode; make it smaller, or save it as a baseline JPEG");
    char text[JMSG_LENGTH_MAX];
    reports_.format_message(reinterpret_cast<j_common_ptr>(&info_), text);
    throw Error(str(where_, ": damaged, or not read by libjpeg: ", text));
  }

  // Pixels of four inks, stored as what is not printed, to three lights.
  static void take_black(std::vector<uint8_t>& row) {
    uint8_t* out = row.data();
    for (const uint8_t* in = out, *end = in + row.size(); in < end; in += 4)
      for (int64_t k = 0; k < kChannels; ++k) *out++ = uint8_t((in[k] * in[3] + 127) / 255);
  }

  const std::string& where_;
  Reports reports_;
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct info_{};
};

// What a file that is no JPEG is, judged by its first bytes.
std::string other_format(const std::vector<uint8_t>& bytes) {
  const std::string start(bytes.begin(), bytes.begin() + std::ptrdiff_t(std::min<size_t>(bytes.size(), 12)));
  const std::pair<std::string_view, const char*> kinds[] = {
      {"\x89PNG", "is a PNG picture"}, {"GIF8", "is a GIF picture"}, {"BM", "is a BMP picture"},
      {"II*", "is a TIFF picture"},    {"MM", "is a TIFF picture"},  {"<", "is a page of HTML or an SVG"}};
  for (const auto& [magic, kind] : kinds)
    if (start.compare(0, magic.size(), magic) == 0) return kind;
  if (start.size() == 12 && start.substr(8) == "WEBP") return "is a WebP picture";
  if (start.size() == 12 && start.substr(4, 4) == "ftyp") return "is a HEIC or AVIF picture";
  return start.empty() ? "is empty" : "is no JPEG file";
}

}  // namespace

std::vector<uint8_t> parse_jpeg(const std::vector<uint8_t>& bytes, int64_t h, int64_t w, const std::string& where) {
  constexpr uint8_t kStart[] = {0xff, 0xd8};
  BITLOOM_CHECK(bytes.size() >= 2 && std::memcmp(bytes.data(), kStart, 2) == 0, where, ": ", other_format(bytes),
                ", whatever its name says; convert it to JPEG");
  return Decoder(bytes, where).picture(h, w);
}

}  // namespace bitloom
