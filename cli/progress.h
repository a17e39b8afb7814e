// Progress of long work, on stderr: one redrawn line on a terminal, otherwise a plain line now and then.
#pragma once
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>

namespace bitloom {

// Where progress goes and what time it is.
struct ProgressSink {
  std::ostream* out = nullptr;
  int columns = 0;                  // width of the terminal to redraw one line on; 0: plain lines
  std::function<double()> seconds;  // monotonic
};
ProgressSink stderr_sink();

//   Progress progress("search", epochs * images, "img");
//   progress.update(done, "loss 0.512  acc 81.2%");
// Rate and remaining time count from the construction, so work done before it (a resumed run's) does not distort them.
class Progress {
 public:
  // total 0: unknown. unit names what is counted ("img"), already_done is where a resumed run starts.
  Progress(std::string label, int64_t total, std::string unit = "", int64_t already_done = 0,
           ProgressSink sink = stderr_sink());
  // Closes the line if work ended early, by an exception for example.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap enough to call after every step. The update that reaches `total` is always shown and is the last.
  void update(int64_t done, const std::string& note = "");
  // Ends work whose total is unknown or that stopped before it (early stop).
  void finish(const std::string& note = "");

 private:
  void show(const std::string& note, double now, bool last);
  std::string line(const std::string& note, double now, bool last) const;

  std::string label_, unit_;
  int64_t total_, first_, done_;
  ProgressSink sink_;
  double start_, next_show_;
  bool line_open_ = false, finished_ = false;
};

// "0:07", "12:05", "1:02:33"; "-:--" when not finite.
std::string clock_text(double seconds);

}  // namespace bitloom
