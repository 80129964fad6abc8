// SPDX-License-Identifier: Apache-2.0
// Starts one process: a session of its own, its streams, directory, user and groups, then exec.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "agent/users.h"
#include "base/handles.h"

namespace supermachine::agent {

// What a command gets whose environment has no PATH.
inline constexpr const char* kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct SpawnRequest {
  const std::vector<std::string>& argv;  // not empty
  const std::vector<std::string>& env;   // PATH in it finds argv[0]
  const std::string& cwd;
  const User& user;
  int in;  // borrowed, all three above 2
  int out;
  int err;
  bool tty;  // `in` becomes the controlling terminal
};

enum class SpawnStep { kSession, kStreams, kTerminal, kDirectory, kUser, kExec };

struct Spawned {
  pid_t pid = -1;  // also the number of its session and process group; -1: not started
  SpawnStep failed_step = SpawnStep::kExec;
  int failed_errno = 0;
};

// Returns when the new program runs or has failed to start. One thread at a time. Everything the
// process must not inherit is O_CLOEXEC already.
Result<Spawned> spawn(const SpawnRequest& request);

// What to tell the user when argv[0] could not be executed, and the status a shell would give: 127
// when there is no such program, 126 when there is one that cannot run.
struct ExecFailure {
  int exit_code = 127;
  std::string message;  // one line without its end
};
ExecFailure explain_exec_failure(const SpawnRequest& request, int failed_errno);

// Sends `signal` to the process group of `leader`, which must not have been reaped.
void signal_group(pid_t leader, int signal);

// Sends `signal` to every process in the session of `leader`, which must not have been reaped:
// a shell with job control gives each pipeline a group of its own. Reads all of /proc.
void signal_session(pid_t leader, int signal);

}  // namespace supermachine::agent
