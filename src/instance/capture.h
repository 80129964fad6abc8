// SPDX-License-Identifier: Apache-2.0
// Takes a running machine's memory and state into a snapshot. Most of the memory is written while
// the guest runs on; it stands still only for its state and for what it wrote meanwhile.
#pragma once

#include <chrono>

#include "snapshot/writer.h"
#include "vmm/machine.h"

namespace supermachine {

struct CaptureConfig {
  // What the machine was restored from, if it was: pages it never touched come from there.
  std::shared_ptr<const Snapshot> origin = {};
  // What the writer writes a difference to, if it does.
  std::shared_ptr<const Snapshot> base = {};
  // Connections that go on in the copies.
  std::vector<virtio::VsockPorts> keep = {};
  Deadline deadline = Deadline::max();  // of the pause
};

struct Captured {
  MachineState state = {};
  std::chrono::nanoseconds pause{};  // how long the guest stood still
};

// The machine runs before, and afterwards, also when this fails (unless it ended by itself:
// kGuestFault).
Result<Captured> capture(Machine& machine, SnapshotWriter& writer, const CaptureConfig& config);

}  // namespace supermachine
