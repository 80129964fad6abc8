// SPDX-License-Identifier: Apache-2.0
// A measurement that was taken several times.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace supermachine::bench {

class Series {
 public:
  void add(double value) { values_.push_back(value); }
  [[nodiscard]] bool empty() const { return values_.empty(); }
  [[nodiscard]] double last() const { return values_.back(); }
  [[nodiscard]] double min() const { return *std::ranges::min_element(values_); }
  [[nodiscard]] double max() const { return *std::ranges::max_element(values_); }
  [[nodiscard]] double median() const {
    std::vector<double> sorted = values_;
    std::ranges::sort(sorted);
    const std::size_t half = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }
  // The smallest value that `percent` of all do not exceed.
  [[nodiscard]] double percentile(double percent) const {
    std::vector<double> sorted = values_;
    std::ranges::sort(sorted);
    const auto rank = static_cast<std::size_t>(percent / 100 * static_cast<double>(sorted.size()));
    return sorted[std::min(rank, sorted.size() - 1)];
  }

 private:
  std::vector<double> values_;
};

// Lines of a Markdown table: what, how it is spread, and the median over `base`'s.
void print_header(const char* unit);
void print_line(const std::string& what, const Series& series, const Series& base);

}  // namespace supermachine::bench
