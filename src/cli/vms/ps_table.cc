#include "cli/vms/ps_table.h"

#include <algorithm>
#include <array>

#include "cli/json_text.h"

namespace supermachine::cli {
namespace {

constexpr std::size_t kShownCommand = 20;
constexpr std::size_t kGap = 3;

using Row = std::array<std::string, 7>;

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

// In characters, of which each byte that begins one counts.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

Row row_of(const VmEntry& entry, bool whole, TimePoint at) {
  if (!entry.problem.empty()) return {entry.short_name(), "", "", "", "Damaged", "", ""};
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

std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

std::string human_duration(std::chrono::nanoseconds duration) {
  struct Unit {
    const char* name;
    std::int64_t seconds;
  };
  constexpr std::array<Unit, 4> kUnits{
      {{"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}}};
  const std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  for (const Unit& unit : kUnits) {
    const std::int64_t count = seconds / unit.seconds;
    if (count < 1) continue;
    return std::to_string(count) + " " + unit.name + (count == 1 ? "" : "s");
  }
  return "less than a second";
}

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
  std::vector<Row> rows{{"VM ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAME"}};
  for (const VmEntry& entry : entries) rows.push_back(row_of(entry, whole, at));
  std::array<std::size_t, 7> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] + kGap - width(row[i]), ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
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
