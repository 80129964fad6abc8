// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_table.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "cli/json_text.h"

namespace supermachine::cli {
namespace {

constexpr std::array kPercentiles{50U, 95U, 99U};

std::string number(double value, int width) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%*.2f", width, value);
  return text.data();
}

double milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

}  // namespace

std::chrono::nanoseconds BenchLine::percentile(unsigned percent) const {
  std::vector<std::chrono::nanoseconds> sorted = times;
  std::ranges::sort(sorted);
  const std::size_t rank = (sorted.size() * percent + 99) / 100;  // rounded up, from 1
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

std::string BenchResult::table() const {
  std::string out =
      "| what, ms            | VMs alive |      p50 |      p95 |      p99 |\n"
      "|---------------------|-----------|----------|----------|----------|\n";
  for (const BenchLine& line : lines) {
    std::array<char, 32> vms{};
    std::snprintf(vms.data(), vms.size(), "%9u", line.vms);
    out += "| " + padded(line.what, 19) + " | " + vms.data() + " |";
    for (const unsigned percent : kPercentiles) {
      out += " " + number(milliseconds(line.percentile(percent)), 8) + " |";
    }
    out += "\n";
  }
  for (const BenchMemory& each : memory) {
    out += "memory of each of " + std::to_string(each.vms) +
           " idle VMs: " + number(static_cast<double>(each.bytes_each) / (1 << 20), 0) + " MiB\n";
  }
  return out;
}

std::string BenchResult::json() const {
  std::string out = "{\"times\": [";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    out += std::string(i == 0 ? "\n" : ",\n") + "  {\"what\": " + json_string(lines[i].what) +
           ", \"vms\": " + std::to_string(lines[i].vms) +
           ", \"rounds\": " + std::to_string(lines[i].times.size());
    for (const unsigned percent : kPercentiles) {
      out += ", \"p" + std::to_string(percent) +
             "_ns\": " + std::to_string(lines[i].percentile(percent).count());
    }
    out += "}";
  }
  out += "\n], \"memory\": [";
  for (std::size_t i = 0; i < memory.size(); ++i) {
    out += std::string(i == 0 ? "\n" : ",\n") + "  {\"vms\": " + std::to_string(memory[i].vms) +
           ", \"bytes_each\": " + std::to_string(memory[i].bytes_each) + "}";
  }
  return out + "\n]}\n";
}

}  // namespace supermachine::cli
