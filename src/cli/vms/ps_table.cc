// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/ps_table.h"

#include "cli/json_text.h"
#include "cli/table.h"

namespace supermachine::cli {
namespace {

constexpr std::size_t kShownCommand = 20;

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : between) + word;
  return all;
}

std::string shown_command(const std::vector<std::string>& command, bool whole) {
  std::string text = printable(joined(command, " "));
  if (!whole && text.size() > kShownCommand) {
    std::size_t cut = kShownCommand - 1;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;  // UTF-8
    text = text.substr(0, cut) + "…";
  }
  return "\"" + text + "\"";
}

TableRow row_of(const VmEntry& entry, bool whole, TimePoint at) {
  if (!entry.problem.empty())
    return {entry.short_name(), "", "", "", "Damaged", "", entry.state.name};
  const VmState& state = entry.state;
  return {whole ? state.id : entry.short_name(),
          printable(state.image),
          shown_command(state.command, whole),
          human_duration(at - state.created) + " ago",
          status_text(entry, at),
          entry.alive ? printable(joined(state.ports, ", ")) : "",
          state.name};
}

}  // namespace

std::string status_text(const VmEntry& entry, TimePoint at) {
  if (!entry.problem.empty()) return "Damaged";
  const VmState& state = entry.state;
  switch (state.status) {
    case VmStatus::kStarting:
      return "Starting";
    case VmStatus::kRunning:
      return "Up " + human_duration(at - state.started);
    case VmStatus::kExited:
      break;
  }
  return "Exited (" + std::to_string(state.exit_code) + ") " + human_duration(at - state.finished) +
         " ago";
}

std::string ps_table(const std::vector<VmEntry>& entries, bool whole, TimePoint at) {
  std::vector<TableRow> rows{{"VM ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAME"}};
  for (const VmEntry& entry : entries) rows.push_back(row_of(entry, whole, at));
  return table_text(rows);
}

std::string ps_json(const std::vector<VmEntry>& entries, TimePoint at) {
  std::string out = "[";
  for (const VmEntry& entry : entries) {
    const VmState& state = entry.state;
    if (out.size() > 1) out += ",";
    if (!entry.problem.empty()) {
      out += "\n  {\"id\": " + json_string(entry.short_name()) +
             ", \"status\": \"damaged\", \"error\": " + json_string(entry.problem) + "}";
      continue;
    }
    const auto time = [](TimePoint point) {
      return point == TimePoint{} ? "null" : json_string(format_time(point));
    };
    const bool exited = state.status == VmStatus::kExited;
    const char* status = exited                               ? "exited"
                         : state.status == VmStatus::kRunning ? "running"
                                                              : "starting";
    out += "\n  {\"id\": " + json_string(state.id) + ", \"name\": " + json_string(state.name) +
           ", \"image\": " + json_string(state.image) +
           ", \"command\": " + json_strings(state.command) + ", \"status\": \"" + status +
           "\", \"status_text\": " + json_string(status_text(entry, at)) +
           ", \"exit_code\": " + (exited ? std::to_string(state.exit_code) : "null") +
           ", \"error\": " + (state.error.empty() ? "null" : json_string(state.error)) +
           ", \"created\": " + time(state.created) + ", \"started\": " + time(state.started) +
           ", \"finished\": " + time(state.finished) + ", \"ports\": " + json_strings(state.ports) +
           ", \"pid\": " + (entry.alive ? std::to_string(state.pid) : "null") +
           ", \"socket\": " + (entry.alive ? json_string(entry.socket_path()) : "null") + "}";
  }
  return out + (out.size() > 1 ? "\n]\n" : "]\n");
}

}  // namespace supermachine::cli
