// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/state.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <optional>

#include "cli/json_text.h"
#include "cli/values.h"
#include "cli/vms/flat_json.h"
#include "cli/vms/names.h"

namespace supermachine::cli {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::array<std::string_view, 3> kStatusNames{"starting", "running", "exited"};

Error damaged(const std::string& what) {
  return {Errc::kCorrupt, "state.json is damaged: " + what};
}

// Digits only, all of them.
std::optional<int> digits(std::string_view text) {
  int value = 0;
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

class Reader {
 public:
  explicit Reader(const FlatJson& json) : json_(json) {}

  Result<std::string> string(const std::string& name) const {
    if (auto value = json_.string(name)) return *std::move(value);
    return damaged(name);
  }
  Result<std::vector<std::string>> strings(const std::string& name) const {
    if (auto value = json_.strings(name)) return *std::move(value);
    return damaged(name);
  }
  Result<std::int64_t> number(const std::string& name, std::int64_t min, std::int64_t max) const {
    const auto value = json_.number(name);
    if (value && *value >= min && *value <= max) return *value;
    return damaged(name);
  }
  // `absent` where there is none.
  Result<std::int64_t> number_or(std::int64_t absent, const std::string& name, std::int64_t min,
                                 std::int64_t max) const {
    if (!json_.has(name)) return absent;
    return number(name, min, max);
  }
  Result<bool> boolean(const std::string& name) const {
    if (const auto value = json_.boolean(name)) return *value;
    return damaged(name);
  }
  Result<TimePoint> time(const std::string& name) const {
    const std::string text = SM_TRY(string(name));
    if (text.empty()) return TimePoint{};
    auto time = parse_time(text);
    if (!time.ok()) return damaged(name);
    return time;
  }
  Result<VmStatus> status(const std::string& name) const {
    const std::string text = SM_TRY(string(name));
    for (std::size_t i = 0; i < kStatusNames.size(); ++i) {
      if (text == kStatusNames[i]) return static_cast<VmStatus>(i);
    }
    return damaged(name);
  }

 private:
  const FlatJson& json_;
};

// A path that stays below the VM's directory.
bool stays_below(const std::string& path) {
  return !path.starts_with('/') && ("/" + path + "/").find("/../") == std::string::npos &&
         path.find('\0') == std::string::npos;
}

}  // namespace

TimePoint now() {
  return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

std::string format_time(TimePoint time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const std::time_t whole = seconds.time_since_epoch().count();
  std::tm parts{};
  ::gmtime_r(&whole, &parts);
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ",
                parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                parts.tm_sec, static_cast<int>((time - seconds).count()));
  return text.data();
}

Result<TimePoint> parse_time(std::string_view text) {
  const Error wrong(Errc::kCorrupt, "no time like 2026-01-02T03:04:05Z");
  constexpr std::string_view kForm = "0000-00-00T00:00:00";
  if (text.size() <= kForm.size() || !text.ends_with('Z')) return wrong;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] != '0' && text[i] != kForm[i]) return wrong;
  }
  const auto part = [&](std::size_t at, std::size_t length) {
    return digits(text.substr(at, length)).value_or(-1);
  };
  std::tm parts{};
  parts.tm_year = part(0, 4) - 1900;
  parts.tm_mon = part(5, 2) - 1;
  parts.tm_mday = part(8, 2);
  parts.tm_hour = part(11, 2);
  parts.tm_min = part(14, 2);
  parts.tm_sec = part(17, 2);
  const std::array ok{parts.tm_year >= 70,  // 1970
                      parts.tm_mon >= 0 && parts.tm_mon < 12,
                      parts.tm_mday >= 1 && parts.tm_mday <= 31,
                      parts.tm_hour >= 0 && parts.tm_hour < 24,
                      parts.tm_min >= 0 && parts.tm_min < 60,
                      parts.tm_sec >= 0 && parts.tm_sec <= 60,
                      parts.tm_year < 300};  // nanoseconds in 64 bits end in 2262
  for (const bool fits : ok) {
    if (!fits) return wrong;
  }
  std::string fraction(text.substr(kForm.size(), text.size() - kForm.size() - 1));
  if (!fraction.empty()) {
    if (fraction[0] != '.' || fraction.size() < 2 || fraction.size() > 10) return wrong;
    fraction.erase(0, 1);
    fraction.resize(9, '0');
  }
  const auto nanoseconds = fraction.empty() ? std::optional(0) : digits(fraction);
  if (!nanoseconds) return wrong;
  return TimePoint(std::chrono::seconds(::timegm(&parts)) + std::chrono::nanoseconds(*nanoseconds));
}

std::string state_json(const VmState& state) {
  std::string out = "{\"version\": " + std::to_string(kVersion);
  const auto add = [&](const char* name, const std::string& value) {
    out += ",\n \"" + std::string(name) + "\": " + value;
  };
  const auto time = [](TimePoint point) {
    return json_string(point == TimePoint{} ? "" : format_time(point));
  };
  add("id", json_string(state.id));
  add("name", json_string(state.name));
  add("image", json_string(state.image));
  add("command", json_strings(state.command));
  add("env", json_strings(state.env));
  add("workdir", json_string(state.workdir));
  add("user", json_string(state.user));
  add("ports", json_strings(state.ports));
  add("stop_signal", std::to_string(state.stop_signal));
  add("remove", state.remove ? "true" : "false");
  add("status", json_string(kStatusNames[static_cast<std::size_t>(state.status)]));
  add("created", time(state.created));
  add("started", time(state.started));
  add("finished", time(state.finished));
  add("pid", std::to_string(state.pid));
  add("pid_start", std::to_string(state.pid_start));
  add("socket", json_string(state.socket));
  add("exit_code", std::to_string(state.exit_code));
  add("error", json_string(state.error));
  return out + "}\n";
}

Result<VmState> parse_state(std::string_view text) {
  if (text.size() > kMaxStateBytes) return damaged("it is too long");
  const auto json = FlatJson::parse(text);
  if (!json.ok()) return damaged(json.error().message());
  const Reader read(json.value());
  const auto version = json.value().number("version");
  if (version != kVersion) return damaged("it is of another version");
  constexpr std::int64_t kMaxPid = std::int64_t{1} << 22;  // see proc(5), pid_max
  VmState state;
  state.id = SM_TRY(read.string("id"));
  state.name = SM_TRY(read.string("name"));
  state.image = SM_TRY(read.string("image"));
  state.command = SM_TRY(read.strings("command"));
  state.env = SM_TRY(read.strings("env"));
  state.workdir = SM_TRY(read.string("workdir"));
  state.user = SM_TRY(read.string("user"));
  state.ports = SM_TRY(read.strings("ports"));
  state.stop_signal =
      static_cast<int>(SM_TRY(read.number_or(SIGTERM, "stop_signal", 1, kMaxSignal)));
  state.remove = SM_TRY(read.boolean("remove"));
  state.status = SM_TRY(read.status("status"));
  state.created = SM_TRY(read.time("created"));
  state.started = SM_TRY(read.time("started"));
  state.finished = SM_TRY(read.time("finished"));
  state.pid = SM_TRY(read.number("pid", 1, kMaxPid));
  state.pid_start = SM_TRY(read.number("pid_start", 0, INT64_MAX));
  state.socket = SM_TRY(read.string("socket"));
  state.exit_code = static_cast<int>(SM_TRY(read.number("exit_code", 0, 255)));
  state.error = SM_TRY(read.string("error"));
  if (state.id.size() != kIdLength || !is_hex(state.id)) return damaged("id");
  if (!is_valid_name(state.name)) return damaged("name");
  if (!stays_below(state.socket)) return damaged("socket");
  return state;
}

std::string readable_name(std::string_view text, std::string_view short_id) {
  if (text.size() > kMaxStateBytes) return {};
  const auto json = FlatJson::parse(text);
  if (!json.ok()) return {};
  const std::string id = json.value().string("id").value_or("");
  const std::string name = json.value().string("name").value_or("");
  return id.starts_with(short_id) && is_valid_name(name) ? name : std::string();
}

}  // namespace supermachine::cli
