// SPDX-License-Identifier: Apache-2.0
// What is on record of a detached VM: vms/ID/state.json of the runtime directory, written by the
// VM's process alone while that lives. Format: docs/formats/vm-state.md.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "supermachine/result.h"

namespace supermachine::cli {

using TimePoint = std::chrono::sys_time<std::chrono::nanoseconds>;

// RFC 3339, UTC, nine digits of fraction: "2026-01-02T03:04:05.000000006Z". parse_time() takes
// fewer digits too. kCorrupt.
std::string format_time(TimePoint time);
Result<TimePoint> parse_time(std::string_view text);
[[nodiscard]] TimePoint now();

enum class VmStatus { kStarting, kRunning, kExited };

struct VmState {
  std::string id;
  std::string name;
  std::string image;
  std::vector<std::string> command;
  std::vector<std::string> env;  // what commands in it get
  std::string workdir;
  std::string user;
  std::vector<std::string> ports;  // "127.0.0.1:8080->80/tcp"
  int stop_signal = SIGTERM;       // asks the command to end
  bool remove = false;             // once it has ended
  VmStatus status = VmStatus::kStarting;
  TimePoint created{};
  TimePoint started{};
  TimePoint finished{};
  std::int64_t pid = 0;  // of its process, which began at `pid_start`, see process.h
  std::int64_t pid_start = 0;
  std::string socket;  // the vsock socket file, below the VM's directory
  int exit_code = 0;
  std::string error;  // why it ended, if not with its command

  bool operator==(const VmState&) const = default;
};

inline constexpr std::size_t kMaxStateBytes = std::size_t{4} << 20;

std::string state_json(const VmState& state);
// kCorrupt for what no VM's process writes.
Result<VmState> parse_state(std::string_view text);
// The name in what parse_state() refuses; empty where it cannot be read, or is of another VM.
std::string readable_name(std::string_view text, std::string_view short_id);

}  // namespace supermachine::cli
