// SPDX-License-Identifier: Apache-2.0
// A machine together with its agent: boots one or takes it from a snapshot, tells the agent who it
// is, opens calls to it, captures both. Knows nothing of images.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/file_or_bytes.h"
#include "base/mutex.h"
#include "client/connection.h"
#include "client/control.h"
#include "instance/capture.h"
#include "instance/origin.h"
#include "instance/port_forwards.h"
#include "vmm/boot_trace.h"
#include "vmm/machine.h"

namespace supermachine {

struct InstanceConfig {
  MachineConfig machine = {};  // without initramfs: the agent becomes that
  FileOrBytes agent = {};
  std::string hostname = {};
  Deadline boot_deadline = Deadline::max();
};

struct CaptureOptions {
  // Write only the difference to this snapshot.
  std::shared_ptr<const Snapshot> base = {};
  bool drop_caches = false;  // the guest gives back its page cache before
  Deadline deadline = Deadline::max();
};

// What a copy is told of itself. Empty: as it was.
struct Identity {
  std::string hostname = {};
  std::string machine_id = {};  // 32 hex digits
  std::string payload = {};     // for the workload
};

class Instance {
 public:
  // Returns when the agent has said hello. kGuestFault with the guest's last words when the machine
  // ended first, kTimeout at the deadline.
  static Result<std::unique_ptr<Instance>> boot(InstanceConfig config);

  // A copy of `origin`, asleep: it costs memory for what the host needs of it, and no time.
  static Result<std::unique_ptr<Instance>> asleep(std::shared_ptr<const Origin> origin,
                                                  MachineHost host);

  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance();

  // Has a copy that is asleep run, from the moment of its capture on. Returns when the agent has
  // said that it took on its identity, with the wall clock and entropy of its own. Errors as of
  // boot(); then it is not to be used any more.
  Status wake(const Identity& identity, Deadline deadline);

  // Puts a copy to sleep again, as it was when it was captured: its processes, connections and
  // writes are gone. `max_kept_pages` of what it wrote stay its own, which makes the next use
  // faster. No call may be under way. On an error it is not to be used any more.
  Status sleep(std::uint64_t max_kept_pages);

  // Captures the instance, which runs on, into `writer`; the caller finishes that. Calls under way
  // go on here and end in the copies.
  Result<Captured> capture(SnapshotWriter& writer, const CaptureOptions& options);

  // Where calls to the agent get their streams. Any thread; must not outlive the instance.
  [[nodiscard]] client::Connector connector() const { return calls_; }

  [[nodiscard]] std::vector<std::string> agent_features();

  // Ports of the host that lead into this guest, until it is put to sleep.
  [[nodiscard]] const std::shared_ptr<PortForwards>& port_forwards() const { return forwards_; }

  // Returns when the workload says that it is ready to be captured.
  Status wait_ready(Deadline deadline);

  // The pages that this copy has touched since it was woken first: what another will touch.
  Result<HotSet> hot_set();

  // Of a copy that is awake, and goes on: takes the figures below as they are now.
  Status measure();
  // Guest memory that a copy had for itself when it was last put to sleep, and what it has kept.
  [[nodiscard]] std::uint64_t used_bytes() const noexcept { return used_bytes_; }
  [[nodiscard]] std::uint64_t kept_bytes() const noexcept { return kept_bytes_; }

  [[nodiscard]] Machine& machine() noexcept { return *machine_; }
  [[nodiscard]] const BootTrace& trace() const noexcept { return trace_; }
  // Of a copy that was not made just now: its steps count from here.
  void restart_trace() { trace_ = BootTrace(); }
  [[nodiscard]] const std::shared_ptr<const Origin>& origin() const noexcept { return origin_; }

 private:
  // Between the listener on the device loop and whoever waits for the agent to ring. Shared,
  // because the listener may be called while the waiter gives up.
  struct Doorbell;

  Instance() = default;
  void open_call_pool(bool agent_reuses);
  Status wait_for_agent(const std::shared_ptr<Doorbell>& doorbell, Deadline deadline);
  Status take_up_connections();
  Status start_and_tell(const Identity& identity, Deadline deadline);
  // What differs from the snapshot, up to now.
  Result<const PageSet*> collect_written();
  Result<Captured> capture_alive(SnapshotWriter& writer, const CaptureOptions& options);
  [[nodiscard]] Status check_alive() const;
  [[nodiscard]] Error explain(const Error& error) const;

  BootTrace trace_;
  std::shared_ptr<const Origin> origin_;
  std::unique_ptr<Machine> machine_;
  std::shared_ptr<PortForwards> forwards_;  // shared with who exposes ports, who may outlast us
  std::shared_ptr<client::CallPool> calls_;
  // Of the pages that a start writes, those that are not this copy's own while it is asleep.
  std::vector<PageRun> missing_;
  virtio::VsockPorts control_ports_;
  std::uint64_t used_bytes_ = 0;
  std::uint64_t kept_bytes_ = 0;
  Mutex mutex_;
  std::optional<client::ControlConnection> control_ SM_GUARDED_BY(mutex_);
};

}  // namespace supermachine
