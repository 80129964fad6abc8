// SPDX-License-Identifier: Apache-2.0
#include "support/series.h"

#include <cstdio>

namespace supermachine::bench {

void print_header(const char* unit) {
  std::printf("| %-34s | median, %-5s | %8s | %8s | %8s | %8s | ratio |\n", "what", unit, "min",
              "p95", "p99", "max");
  std::printf("|---|---|---|---|---|---|---|\n");
}

void print_line(const std::string& what, const Series& series, const Series& base) {
  std::printf("| %-34s | %13.1f | %8.1f | %8.1f | %8.1f | %8.1f | %5.2f |\n", what.c_str(),
              series.median(), series.min(), series.percentile(95), series.percentile(99),
              series.max(), series.median() / base.median());
  std::fflush(stdout);
}

}  // namespace supermachine::bench
