// SPDX-License-Identifier: Apache-2.0
// The detached VMs of this user: a directory for each below vms/ of the runtime directory, made by
// the VM's process and held by it with a lock. A free lock tells that the process is gone, whatever
// is on record; see docs/decisions/0060-detached-vms.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/fd.h"
#include "cli/vms/state.h"

namespace supermachine::cli {

// $SUPERMACHINE_RUNTIME, else $XDG_RUNTIME_DIR/supermachine, else /tmp/supermachine-UID; in the lab
// /run/supermachine instead of the last two. Made if it is missing; kInvalidArgument when it is not
// this user's alone to write to.
Result<std::string> runtime_directory();

struct VmEntry {
  std::string directory;
  VmState state;        // with a `problem` only its name, and that only if it can be read
  std::string problem;  // why state.json cannot be read
  bool alive = false;

  [[nodiscard]] std::string short_name() const;  // 12 digits
  [[nodiscard]] std::string socket_path() const { return directory + "/" + state.socket; }
};

// A VM's directory while this process runs it.
class OwnVm {
 public:
  [[nodiscard]] const std::string& directory() const noexcept { return directory_; }
  [[nodiscard]] const VmState& state() const noexcept { return state_; }

  // Puts `state` on record, but for id and name, which stay. An end is also told to who waits with
  // a VmEnding.
  Status update(VmState state);
  // Leaves nothing of it.
  void remove();

 private:
  friend class VmStore;
  OwnVm(std::string directory, Fd lock, VmState state)
      : directory_(std::move(directory)), lock_(std::move(lock)), state_(std::move(state)) {}
  std::string directory_;
  Fd lock_;
  VmState state_;
};

// How a VM ends, also for one whose directory goes with it.
class VmEnding {
 public:
  // While its directory is there.
  static Result<VmEnding> open(const VmEntry& entry);
  // nullopt while it runs, and when its process was killed.
  [[nodiscard]] Result<std::optional<int>> exit_code() const;

 private:
  explicit VmEnding(Fd file) : file_(std::move(file)) {}
  Fd file_;
};

class VmStore {
 public:
  static Result<VmStore> open();
  static Result<VmStore> open_at(const std::string& runtime_directory);

  // All, the newest first. Those whose process has ended without a word are put in order first:
  // removed, or on record as ended.
  Result<std::vector<VmEntry>> list();

  // By name, id, or the beginning of an id. kNotFound; kInvalidArgument when several begin so.
  Result<VmEntry> find(const std::string& wanted);

  // A directory for a VM of this process. Gives it an id and, where it has none, a name.
  // kInvalidArgument when the name is not free.
  Result<OwnVm> add(VmState state);

  // kInvalidArgument while its process lives.
  Status remove(const VmEntry& entry);

 private:
  VmStore(std::string directory, Fd lock)
      : directory_(std::move(directory)), lock_(std::move(lock)) {}

  // Keeps other processes from making and removing directories.
  class Held;
  Result<Held> hold();
  Result<std::vector<VmEntry>> list_held();

  std::string directory_;
  Fd lock_;
};

}  // namespace supermachine::cli
