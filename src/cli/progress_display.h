// SPDX-License-Identifier: Apache-2.0
// Shows on standard error what long work is doing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "supermachine/progress.h"

namespace supermachine::cli {

enum class ProgressStyle : std::uint8_t {
  kNone,
  kLive,       // for a terminal: bars that move, and one line for each step that has ended
  kLines,      // a line when a step begins and one when it ends
  kLongLines,  // the same for steps that take longer than a second
  kJson,       // an object a line for every event
};

// What suits standard error. `is_the_point`: the work is what the user asked for, not what had to
// be done before, so that a file or pipe gets all lines.
ProgressStyle choose_progress_style(bool quiet, bool json, bool is_the_point);

// Put callback() where work reports to; keep the object until the work is done. When it goes,
// nothing is left on the terminal but whole lines. Its calls come one at a time.
class ProgressDisplay {
 public:
  explicit ProgressDisplay(ProgressStyle style, int fd = 2);  // `fd` is borrowed
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;
  ~ProgressDisplay();

  // Empty where nothing is shown.
  [[nodiscard]] ProgressCallback callback();

 private:
  using Clock = std::chrono::steady_clock;
  struct Sample {
    Clock::time_point when;
    std::uint64_t done;
  };
  struct Step {
    Progress now;
    std::uint64_t base = 0;      // bytes that were there before
    bool announced = false;      // in lines
    std::deque<Sample> samples;  // of the last seconds
  };

  void show(const Progress& progress);
  Step& step_of(const Progress& progress);
  void forget(const Step& step);
  void show_lines(const Step& step);
  void show_live(const Step& changed);
  void redraw(const std::string& above);
  [[nodiscard]] static double rate_of(const Step& step);
  void write(const std::string& text) const;

  ProgressStyle style_;
  int fd_;
  std::vector<Step> steps_;  // under way, oldest first
  std::size_t drawn_ = 0;    // lines below which the cursor stands
  Clock::time_point drawn_at_;
};

}  // namespace supermachine::cli
