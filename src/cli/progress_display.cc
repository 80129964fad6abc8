// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_display.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "cli/progress_text.h"
#include "cli/verbs.h"

namespace supermachine::cli {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(50);
constexpr auto kSampled = std::chrono::seconds(4);
constexpr auto kLong = std::chrono::seconds(1);
constexpr std::size_t kDefaultColumns = 80;
constexpr std::size_t kDefaultRows = 24;
constexpr const char* kPrefix = "supermachine: ";

std::pair<std::size_t, std::size_t> size_of(int terminal) {
  winsize size{};
  if (::ioctl(terminal, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    return {kDefaultRows, kDefaultColumns};
  }
  return {size.ws_row, size.ws_col};
}

}  // namespace

ProgressStyle choose_progress_style(bool quiet, bool json, bool is_the_point) {
  if (quiet) return ProgressStyle::kNone;
  if (json) return ProgressStyle::kJson;
  const char* terminal = std::getenv("TERM");
  const bool is_dumb = terminal != nullptr && std::string_view(terminal) == "dumb";
  if (::isatty(STDERR_FILENO) == 1 && !is_dumb) return ProgressStyle::kLive;
  return is_the_point ? ProgressStyle::kLines : ProgressStyle::kLongLines;
}

ProgressDisplay::ProgressDisplay(ProgressStyle style, int fd) : style_(style), fd_(fd) {}

ProgressDisplay::~ProgressDisplay() {
  steps_.clear();
  if (drawn_ != 0) redraw({});
}

ProgressCallback ProgressDisplay::callback() {
  if (style_ == ProgressStyle::kNone) return {};
  return [this](const Progress& progress) { show(progress); };
}

ProgressDisplay::Step& ProgressDisplay::step_of(const Progress& progress) {
  const auto found = std::ranges::find_if(steps_, [&](const Step& step) {
    return step.now.stage == progress.stage && step.now.item == progress.item;
  });
  if (found != steps_.end()) return *found;
  steps_.emplace_back();
  return steps_.back();
}

void ProgressDisplay::forget(const Step& step) {
  steps_.erase(steps_.begin() + (&step - steps_.data()));
}

void ProgressDisplay::show(const Progress& progress) {
  if (style_ == ProgressStyle::kJson) return write(progress_json(progress) + "\n");
  Step& step = step_of(progress);
  // What a download resumes was there before, and came at no rate.
  if (step.base == 0 && progress.note.starts_with("resumed") && !progress.finished) {
    step.base = progress.done;
    step.samples.clear();
  }
  step.now = progress;
  const auto now = Clock::now();
  step.samples.push_back({now, progress.done});
  while (step.samples.size() > 2 && now - step.samples.front().when > kSampled) {
    step.samples.pop_front();
  }
  style_ == ProgressStyle::kLive ? show_live(step) : show_lines(step);
  if (progress.finished) forget(step_of(progress));
}

void ProgressDisplay::show_lines(const Step& step) {
  const bool is_long = style_ == ProgressStyle::kLines || step.now.elapsed >= kLong;
  if (!is_long) return;
  if (step.now.finished) return write(kPrefix + progress_end(step.now, step.base) + "\n");
  Step& shown = step_of(step.now);
  if (std::exchange(shown.announced, true)) return;
  write(kPrefix + progress_begin(step.now) + "\n");
}

double ProgressDisplay::rate_of(const Step& step) {
  if (step.samples.size() < 2) return 0;
  const Sample& first = step.samples.front();
  const Sample& last = step.samples.back();
  const double time = std::chrono::duration<double>(last.when - first.when).count();
  if (time <= 0 || last.done <= first.done) return 0;
  return static_cast<double>(last.done - first.done) / time;
}

void ProgressDisplay::show_live(const Step& changed) {
  const auto now = Clock::now();
  if (changed.now.finished) {
    std::string line = progress_end(changed.now, changed.base);
    const auto [rows, columns] = size_of(fd_);
    if (line.size() >= columns) line.resize(columns - 1);
    return redraw(line + "\n");
  }
  if (changed.now.elapsed.count() != 0 && now - drawn_at_ < kRedraw) return;
  redraw({});
}

// Takes away what was drawn, leaves `above` for good, and draws what is under way below it.
void ProgressDisplay::redraw(const std::string& above) {
  std::string text = "\r";
  if (drawn_ != 0) text += "\x1b[" + std::to_string(drawn_) + "A";
  text += "\x1b[J" + above;
  drawn_ = 0;
  const auto [rows, columns] = size_of(fd_);
  std::size_t hidden = 0;
  for (const Step& step : steps_) {
    if (step.now.finished) continue;
    if (drawn_ + 2 >= rows) {
      ++hidden;
      continue;
    }
    text += progress_bar(step.now, rate_of(step), columns - 1) + "\n";
    ++drawn_;
  }
  if (hidden != 0 && rows > 1) {
    text += "and " + std::to_string(hidden) + " more\n";
    ++drawn_;
  }
  write(text);
  drawn_at_ = Clock::now();
}

void ProgressDisplay::write(const std::string& text) const {
  std::string_view left = text;
  while (!left.empty()) {
    const ssize_t wrote = ::write(fd_, left.data(), left.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && errno == EAGAIN) {  // somebody made our terminal non-blocking
      pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
      if (::poll(&ready, 1, 1000) > 0) continue;
      return;
    }
    if (wrote <= 0) return;  // nobody reads it any more, which is no reason to stop the work
    left.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

}  // namespace supermachine::cli
