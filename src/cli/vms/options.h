// SPDX-License-Identifier: Apache-2.0
// What the verbs for detached VMs were asked for, read from their arguments.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/shared_options.h"
#include "cli/verbs.h"
#include "cli/vms/state.h"

namespace supermachine::cli {

struct VmVerbOptions {
  Engine engine = Engine::kAuto;  // where to look for VMs
  bool help = false;              // then nothing else is set
};

struct PsOptions : VmVerbOptions {
  bool all = false;
  bool ids_only = false;
  bool json = false;
  bool whole_ids = false;
};

struct ExecOptions : VmVerbOptions, CommandOptions {
  std::string vm;
  bool detach = false;
  bool interactive = false;
  bool tty = false;
};

struct LogsOptions : VmVerbOptions {
  std::string vm;
  bool follow = false;
  bool timestamps = false;
  std::optional<std::uint32_t> tail;  // nullopt: all
  std::optional<TimePoint> since;
};

// stop, kill, rm, wait
struct EndOptions : VmVerbOptions {
  std::vector<std::string> vms;
  std::optional<std::chrono::milliseconds> timeout;  // stop
  int signal = 0;                                    // kill; stop, where 0 is the VM's own
  bool force = false;                                // rm
};

struct PortOptions : VmVerbOptions {
  std::string vm;
};

Result<PsOptions> parse_ps_options(Args args);
Result<ExecOptions> parse_exec_options(Args args);
Result<LogsOptions> parse_logs_options(Args args);
Result<EndOptions> parse_stop_options(Args args);
Result<EndOptions> parse_kill_options(Args args);
Result<EndOptions> parse_rm_options(Args args);
Result<EndOptions> parse_wait_options(Args args);
Result<PortOptions> parse_port_options(Args args);

// A time like 2026-01-02T03:04:05Z, or how long ago: "90s", "10m", "1h30m".
Result<TimePoint> parse_since(const std::string& text);

}  // namespace supermachine::cli
