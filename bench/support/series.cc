// SPDX-License-Identifier: Apache-2.0
#include "support/series.h"

#include <cstdio>

namespace supermachine::bench {

void print_header(const char* unit) {
  std::printf("| %-34s | median, %-4s | %8s | %8s | ratio |\n", "what", unit, "min", "max");
  std::printf("|%.36s|%.14s|%.10s|%.10s|%.7s|\n", "------------------------------------",
              "--------------", "----------", "----------", "-------");
}

void print_line(const std::string& what, const Series& series, const Series& base) {
  std::printf("| %-34s | %12.1f | %8.1f | %8.1f | %5.2f |\n", what.c_str(), series.median(),
              series.min(), series.max(), series.median() / base.median());
  std::fflush(stdout);
}

}  // namespace supermachine::bench
