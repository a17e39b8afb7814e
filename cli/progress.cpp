// Progress of long work, on stderr.
#include "cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <utility>

namespace bitloom {
namespace {

constexpr double kRedrawSeconds = 0.1, kPlainSeconds = 10;
constexpr int kBarColumns = 24;

// Three significant digits: "0.0412", "7.35", "612", "1530".
std::string rate_text(double rate) {
  char text[64];
  std::snprintf(text, sizeof text, rate >= 100 ? "%.0f" : "%#.3g", rate);
  return text;
}

std::string bar(double fraction) {
  const int full = int(fraction * kBarColumns);
  std::string text = "[" + std::string(size_t(full), '=');
  if (full < kBarColumns) text += ">" + std::string(size_t(kBarColumns - full - 1), ' ');
  return text + "]";
}

// The first `columns` characters of a UTF-8 text.
std::string cut(const std::string& text, int columns) {
  int used = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80 && ++used > columns) return text.substr(0, i);
  }
  return text;
}

}  // namespace

ProgressSink stderr_sink() {
  ProgressSink sink;
  sink.out = &std::cerr;
  if (isatty(STDERR_FILENO)) {
    winsize size{};
    sink.columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
  }
  sink.seconds = [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); };
  return sink;
}

std::string clock_text(double seconds) {
  if (!(seconds >= 0 && seconds < 1e9)) return "-:--";
  const long s = std::lround(seconds);
  char text[64];
  if (s < 3600) {
    std::snprintf(text, sizeof text, "%ld:%02ld", s / 60, s % 60);
  } else {
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
  }
  return text;
}

Progress::Progress(std::string label, int64_t total, std::string unit, int64_t already_done, ProgressSink sink)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      first_(already_done),
      done_(already_done),
      sink_(std::move(sink)),
      start_(sink_.seconds()),
      next_show_(start_ + (sink_.columns > 0 ? kRedrawSeconds : kPlainSeconds)) {}

Progress::~Progress() {
  if (line_open_) *sink_.out << '\n' << std::flush;
}

void Progress::update(int64_t done, const std::string& note) {
  if (finished_) return;
  done_ = done;
  if (total_ > 0 && done_ >= total_) return finish(note);
  const double now = sink_.seconds();
  if (now < next_show_) return;
  show(note, now, false);
}

void Progress::finish(const std::string& note) {
  if (std::exchange(finished_, true)) return;
  show(note, sink_.seconds(), true);
}

void Progress::show(const std::string& note, double now, bool last) {
  const std::string text = line(note, now, last);
  if (sink_.columns > 0) {
    // One column stays free: writing into the last one makes some terminals wrap.
    *sink_.out << '\r' << cut(text, sink_.columns - 1) << "\033[K";
    line_open_ = !last;
    if (last) *sink_.out << '\n';
  } else {
    *sink_.out << text << '\n';
  }
  sink_.out->flush();
  next_show_ = now + (sink_.columns > 0 ? kRedrawSeconds : kPlainSeconds);
}

std::string Progress::line(const std::string& note, double now, bool last) const {
  const double elapsed = now - start_;
  const double rate = elapsed > 0 ? double(done_ - first_) / elapsed : 0;
  std::string text = label_;
  if (total_ > 0) {
    const double fraction = std::clamp(double(done_) / double(total_), 0.0, 1.0);
    if (sink_.columns > 0 && !last) text += "  " + bar(fraction);
    char percent[16];
    std::snprintf(percent, sizeof percent, "  %3d%%", int(fraction * 100));
    text += percent;
  } else {
    text += "  " + std::to_string(done_);
  }
  if (rate > 0) text += "  " + rate_text(rate) + (unit_.empty() ? "" : " " + unit_) + "/s";
  if (last) {
    text += "  in " + clock_text(elapsed);
  } else if (total_ > 0) {
    text += "  ETA " + clock_text(rate > 0 ? double(total_ - done_) / rate : NAN);
  }
  return note.empty() ? text : text + "  " + note;
}

}  // namespace bitloom
