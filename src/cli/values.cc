// SPDX-License-Identifier: Apache-2.0
#include "cli/values.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>

#include "cli/fd.h"
#include "cli/parse.h"

namespace supermachine::cli {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = kKiB * 1024;
constexpr std::uint64_t kGiB = kMiB * 1024;

Error bad_value(std::string_view option, std::string_view text, const std::string& wanted) {
  return usage_error(std::string(option) + " takes " + wanted + ", not '" + std::string(text) +
                     "'");
}

// Bytes per unit, 0 for no unit that we know. Nothing at all is MiB.
std::uint64_t unit_of(std::string_view suffix) {
  std::string unit(suffix);
  std::ranges::transform(unit, unit.begin(), [](unsigned char c) { return std::tolower(c); });
  if (unit.size() > 1 && (unit.substr(1) == "b" || unit.substr(1) == "ib")) unit.resize(1);
  if (unit.empty() || unit == "m") return kMiB;
  if (unit == "b") return 1;
  if (unit == "k") return kKiB;
  if (unit == "g") return kGiB;
  return 0;
}

bool is_name(std::string_view name) {
  return !name.empty() && std::ranges::none_of(name, [](unsigned char c) {
    return std::isspace(c) != 0 || c == '\0';
  });
}

}  // namespace

Result<std::uint32_t> parse_memory_mib(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  const std::uint64_t unit = unit_of(suffix);
  if (error == std::errc::invalid_argument || unit == 0) {
    return bad_value("--memory", text, "a number of MiB, or one with k, m or g");
  }
  constexpr std::uint64_t kMaxMib = std::numeric_limits<std::uint32_t>::max();
  if (error != std::errc() || number > kMaxMib * kMiB / unit) {
    return bad_value("--memory", text, "less than 4 PiB");
  }
  return static_cast<std::uint32_t>((number * unit + kMiB - 1) / kMiB);
}

Result<std::uint32_t> parse_vcpus(std::string_view text) {
  std::uint32_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size()) {
    return bad_value("--vcpus", text, "a whole number");
  }
  return count;
}

Result<std::uint32_t> parse_count(std::string_view option, std::string_view text,
                                  std::uint32_t max) {
  std::uint32_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count == 0 || count > max) {
    return bad_value(option, text, "a number from 1 to " + std::to_string(max));
  }
  return count;
}

Result<std::chrono::milliseconds> parse_seconds(std::string_view option, std::string_view text) {
  constexpr double kMax = 1e9;
  double seconds = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), seconds, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size() || !(seconds > 0) ||
      seconds > kMax) {
    return bad_value(option, text, "a number of seconds");
  }
  return std::chrono::milliseconds(std::max(1LL, std::llround(seconds * 1000)));
}

Result<std::chrono::seconds> parse_age(std::string_view option, std::string_view text) {
  constexpr std::array<std::pair<char, std::int64_t>, 4> kUnits{
      {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}}};
  constexpr std::int64_t kMax = 100'000;
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc() && end + 1 == text.data() + text.size() && count >= 0 && count <= kMax) {
    for (const auto& [unit, seconds] : kUnits) {
      if (*end == unit) return std::chrono::seconds(count * seconds);
    }
  }
  return bad_value(option, text, "a whole number and s, m, h or d");
}

Result<int> parse_signal(std::string_view text) {
  const Error unknown = usage_error("no signal '" + std::string(text) + "'");
  std::string name(text);
  for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (int candidate = 1; candidate < SIGRTMIN; ++candidate) {
    const char* abbreviation = ::sigabbrev_np(candidate);
    if (abbreviation != nullptr && name == abbreviation) return candidate;
  }
  if (name == "RTMIN") return SIGRTMIN;
  if (name == "RTMAX") return SIGRTMAX;
  const bool from_min = name.starts_with("RTMIN+");
  const bool from_max = name.starts_with("RTMAX-");
  const std::string_view digits = from_min || from_max ? std::string_view(name).substr(6) : text;
  int number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return unknown;
  if (number < 0 || number > kMaxSignal) return unknown;
  if (from_min) number += SIGRTMIN;
  if (from_max) number = SIGRTMAX - number;
  const int least = from_min || from_max ? SIGRTMIN : 1;
  if (number < least || number > kMaxSignal) return unknown;
  return number;
}

Result<PullPolicy> parse_pull_policy(std::string_view option, std::string_view text) {
  if (text == "always") return PullPolicy::kAlways;
  if (text == "missing") return PullPolicy::kMissing;
  if (text == "never") return PullPolicy::kNever;
  return bad_value(option, text, "always, missing or never");
}

Result<std::string> read_payload(const std::string& path) {
  constexpr std::size_t kTooLong = 1 << 20;
  const std::string name = "--payload " + path;
  const bool from_stdin = path == "-";
  Fd file;
  if (!from_stdin) {
    file = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return Error::from_errno(name);
  }
  std::string bytes;
  std::array<char, 65536> buffer{};
  while (bytes.size() < kTooLong) {
    const ssize_t got =
        ::read(from_stdin ? STDIN_FILENO : file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::from_errno(name);
    if (got == 0) return bytes;
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return Error(Errc::kInvalidArgument, name + " is longer than a payload may be");
}

Result<std::optional<Variable>> parse_variable(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string name(text.substr(0, equals));
  if (!is_name(name)) return bad_value("--env", text, "NAME=VALUE or NAME");
  if (equals != std::string_view::npos) {
    return std::optional(Variable(name, text.substr(equals + 1)));
  }
  const char* ours = std::getenv(name.c_str());
  if (ours == nullptr) return std::optional<Variable>();
  return std::optional(Variable(name, ours));
}

Result<std::vector<Variable>> read_env_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error::from_errno("--env-file " + path);
  std::vector<Variable> variables;
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos || line[begin] == '#') continue;
    auto variable = parse_variable(std::string_view(line).substr(begin));
    if (!variable.ok()) {
      return Error(
          Errc::kInvalidArgument,
          "--env-file " + path + ": line " + std::to_string(number) + " is not NAME=VALUE or NAME");
    }
    if (variable.value()) variables.push_back(*std::move(variable).value());
  }
  if (file.bad()) return Error::from_errno("--env-file " + path);
  return variables;
}

}  // namespace supermachine::cli
