// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_text.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "cli/json_text.h"
#include "cli/sizes.h"

namespace supermachine::cli {
namespace {

constexpr std::size_t kBarWidth = 24;

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

std::string human_rate(double rate) { return human_size(static_cast<std::uint64_t>(rate)) + "/s"; }

// "3 s", "2 min 5 s".
std::string human_left(double left) {
  const auto whole = static_cast<std::uint64_t>(std::min(left, 1e6)) + 1;
  if (whole < 60) return std::to_string(whole) + " s";
  return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
}

std::string bar_of(double part) {
  const auto full = static_cast<std::size_t>(std::clamp(part, 0.0, 1.0) * kBarWidth);
  std::string bar = "[" + std::string(full, '=');
  if (full < kBarWidth) bar += '>';
  bar.resize(kBarWidth + 1, ' ');
  return bar + "]";
}

// What comes from outside is printed: no control character gets to the terminal.
std::string plain(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return text;
}

}  // namespace

std::string progress_name(const Progress& progress) {
  std::string name = stage_name(progress.stage);
  if (!progress.item.empty()) name += " " + plain(progress.item);
  return name;
}

std::string progress_begin(const Progress& progress) {
  return progress_name(progress) + (progress.note.empty() ? "" : ": " + plain(progress.note));
}

std::string progress_end(const Progress& progress, std::uint64_t base) {
  std::string line = progress_name(progress) + ":";
  const double took = seconds(progress.elapsed);
  if (progress.done > base) {
    const std::uint64_t moved = progress.done - base;
    line += " " + human_size(moved) + " in " + human_time(progress.elapsed);
    if (took > 0) line += ", " + human_rate(static_cast<double>(moved) / took);
  } else {
    line += " " + human_time(progress.elapsed);
  }
  if (!progress.note.empty()) line += ", " + plain(progress.note);
  return line;
}

std::string progress_bar(const Progress& progress, double rate, std::size_t columns) {
  std::string line = progress_name(progress);
  if (progress.total != 0) {
    line += "  " + bar_of(static_cast<double>(progress.done) / static_cast<double>(progress.total));
    line += " " + human_size(progress.done) + " of " + human_size(progress.total);
  } else if (progress.done != 0) {
    line += "  " + human_size(progress.done);
  } else {
    line += "  " + human_left(seconds(progress.elapsed) - 1);
  }
  if (rate >= 1 && progress.done != 0) {
    line += ", " + human_rate(rate);
    if (progress.total > progress.done) {
      line +=
          ", " + human_left(static_cast<double>(progress.total - progress.done) / rate) + " left";
    }
  }
  if (!progress.note.empty()) line += ", " + plain(progress.note);
  if (line.size() > columns) line.resize(columns);
  return line;
}

std::string progress_json(const Progress& progress) {
  std::array<char, 64> elapsed{};
  std::snprintf(elapsed.data(), elapsed.size(), "%.3f", seconds(progress.elapsed) * 1000);
  return std::string(R"({"stage":)") + json_string(stage_name(progress.stage)) + R"(,"item":)" +
         json_string(progress.item) + R"(,"done":)" + std::to_string(progress.done) +
         R"(,"total":)" + std::to_string(progress.total) + R"(,"elapsed_ms":)" + elapsed.data() +
         R"(,"finished":)" + (progress.finished ? "true" : "false") + R"(,"note":)" +
         json_string(progress.note) + "}";
}

}  // namespace supermachine::cli
