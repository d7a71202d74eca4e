#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace handforge {

// Progress of a long command on stderr: on a terminal one line that is drawn over, elsewhere (log
// files, pipes) a log line every ten seconds.
//   rendering [=======>            ]  412/1000  41 %  23.1 tuples/s  ETA 0:25  rejected 12
// `Update` may be called from any thread.
class Progress {
 public:
  enum class Style { kAutomatic, kTerminal, kLog };

  // Work that was finished by an earlier run (`already_done`) does not count towards the rate.
  Progress(std::string label,
           std::string unit,
           uint64_t total,
           uint64_t already_done = 0,
           Style style = Style::kAutomatic);
  // Leaves the last line in place.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // The work has become more or less than it was.
  void SetTotal(uint64_t total);
  // `note` is shown behind the estimate ("loss 0.31").
  void Update(uint64_t done, const std::string& note = "");
  // Draws the final state and gives the line back; called by the destructor too.
  void Finish();

  // Wipes the bar that is on the terminal, if any, so that something else can be written there.
  // The next update draws it again.
  static void Clear();

 private:
  using Clock = std::chrono::steady_clock;

  double SecondsSince(Clock::time_point time) const;
  void DrawLine(const std::string& note);

  const std::string label_;
  const std::string unit_;
  const uint64_t already_done_;
  const bool on_terminal_;
  const Clock::time_point start_;

  std::mutex mutex_;
  Clock::time_point last_drawn_;
  uint64_t total_;
  uint64_t done_;
  std::string note_;
  bool finished_ = false;
};

// The line without control characters: the bar is left out where `columns` is 0 or the line would
// not fit. `seconds` is the time since the start of this run.
std::string ProgressLine(const std::string& label,
                         const std::string& unit,
                         uint64_t done,
                         uint64_t total,
                         uint64_t already_done,
                         double seconds,
                         const std::string& note,
                         int columns);

// "0:05", "12:34", "1:02:03"; "-" for what is unknown (negative or not finite).
std::string FormatDuration(double seconds);

}  // namespace handforge
