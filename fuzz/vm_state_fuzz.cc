// SPDX-License-Identifier: Apache-2.0
// Properties: a VM's state that is read is written and read as the same again; and whatever a line
// of its log or a time is taken for, is written so.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cli/vms/log.h"
#include "cli/vms/state.h"

using namespace supermachine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);  // bytes as characters
  if (const auto state = cli::parse_state(text); state.ok()) {
    const auto again = cli::parse_state(cli::state_json(state.value()));
    if (!again.ok() || again.value() != state.value()) std::abort();
  }
  if (const auto entry = cli::parse_log_line(text); entry.ok()) {
    const std::string line = cli::log_line(entry.value());
    const auto again = cli::parse_log_line(std::string_view(line).substr(0, line.size() - 1));
    if (!again.ok() || again.value() != entry.value()) std::abort();
  }
  if (const auto time = cli::parse_time(text); time.ok()) {
    const auto again = cli::parse_time(cli::format_time(time.value()));
    if (!again.ok() || again.value() != time.value()) std::abort();
  }
  return 0;
}
