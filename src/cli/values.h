// SPDX-License-Identifier: Apache-2.0
// The values of options, from text. Each error is a usage error that names option and value.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "supermachine/pull_policy.h"
#include "supermachine/result.h"

namespace supermachine::cli {

// A plain number is MiB; k, m and g (also kb, KiB, …) are powers of 1024 bytes. Rounded up.
Result<std::uint32_t> parse_memory_mib(std::string_view text);
Result<std::uint32_t> parse_vcpus(std::string_view text);
// From 1 to `max`.
Result<std::uint32_t> parse_count(std::string_view option, std::string_view text,
                                  std::uint32_t max);
// "1.5"; more than zero.
Result<std::chrono::milliseconds> parse_seconds(std::string_view option, std::string_view text);

// "30s", "45m", "12h" or "7d".
Result<std::chrono::seconds> parse_age(std::string_view option, std::string_view text);

inline constexpr int kMaxSignal = 64;
// "TERM", "SIGTERM", "15", "RTMIN+3" or "RTMAX-1"; as the C library of the host numbers the
// real-time ones.
Result<int> parse_signal(std::string_view text);

// "always", "missing" or "never".
Result<PullPolicy> parse_pull_policy(std::string_view option, std::string_view text);

// All of the file, or with "-" of standard input; what is far longer than a payload may be is
// kInvalidArgument.
Result<std::string> read_payload(const std::string& path);

using Variable = std::pair<std::string, std::string>;

// "NAME=VALUE", or "NAME" for the value in our own environment: nullopt when it has none.
Result<std::optional<Variable>> parse_variable(std::string_view text);
// One of the above per line; empty lines and lines that begin with # are skipped.
Result<std::vector<Variable>> read_env_file(const std::string& path);

}  // namespace supermachine::cli
