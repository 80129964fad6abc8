// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/names.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace supermachine::cli {
namespace {

constexpr std::size_t kMaxName = 128;
constexpr int kAttempts = 16;

constexpr std::array<std::string_view, 40> kQualities{
    "amber",  "autumn", "brisk",  "bright",  "calm",   "candid", "cheerful", "clear",
    "copper", "coral",  "crisp",  "curious", "early",  "even",   "fair",     "gentle",
    "golden", "hazel",  "humble", "keen",    "lively", "lucid",  "mellow",   "merry",
    "mild",   "nimble", "open",   "patient", "plain",  "quick",  "quiet",    "rapid",
    "ready",  "silver", "simple", "smooth",  "steady", "sunny",  "swift",    "warm"};
constexpr std::array<std::string_view, 40> kThings{
    "acorn",   "anchor", "aspen",  "badger",  "beacon",  "birch",  "bridge", "brook",
    "canyon",  "cedar",  "cliff",  "comet",   "crane",   "delta",  "dune",   "falcon",
    "fern",    "fjord",  "garden", "glacier", "harbor",  "heron",  "island", "lagoon",
    "lantern", "lark",   "maple",  "meadow",  "orchard", "otter",  "pebble", "pine",
    "prairie", "reef",   "ridge",  "robin",   "sparrow", "summit", "valley", "willow"};

Status fill_random(void* out, std::size_t size) {
  // Up to 256 bytes come whole, see getrandom(2).
  if (::getrandom(out, size, 0) == static_cast<ssize_t>(size)) return {};
  return Error::from_errno("getrandom");
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

Result<std::string> random_id() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::uint8_t, kIdLength / 2> bytes{};
  SM_TRY(fill_random(bytes.data(), bytes.size()));
  std::string id;
  for (const std::uint8_t byte : bytes) {
    id += kDigits[byte >> 4];
    id += kDigits[byte & 15];
  }
  return id;
}

std::string short_id(std::string_view id) { return std::string(id.substr(0, kShortIdLength)); }

bool is_hex(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

bool is_valid_name(std::string_view name) {
  return name.size() >= 2 && name.size() <= kMaxName && is_alphanumeric(name[0]) &&
         std::ranges::all_of(
             name, [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

Result<std::string> random_name(const std::function<bool(const std::string&)>& taken) {
  for (int attempt = 0;; ++attempt) {
    std::array<std::uint32_t, 3> dice{};
    SM_TRY(fill_random(dice.data(), sizeof dice));
    std::string name = std::string(kQualities[dice[0] % kQualities.size()]) + "-" +
                       std::string(kThings[dice[1] % kThings.size()]);
    if (attempt >= kAttempts) name += std::to_string(dice[2]);
    if (!taken(name)) return name;
  }
}

}  // namespace supermachine::cli
