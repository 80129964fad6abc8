// SPDX-License-Identifier: Apache-2.0
// TCP ports of the host that lead into one machine's guest, through its agent.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "base/handles.h"
#include "base/mutex.h"
#include "virtio/vsock_tcp.h"
#include "vmm/machine.h"

namespace supermachine {

// Any thread. Shared by the instance, which closes it, and by whoever holds a forward, which may
// outlast it.
class PortForwards {
 public:
  using Id = std::uint64_t;

  explicit PortForwards(Machine& machine) : machine_(&machine) {}
  PortForwards(const PortForwards&) = delete;
  PortForwards& operator=(const PortForwards&) = delete;
  ~PortForwards() { close(); }

  // Carries what connects to `listener`, which does not block, to `guest_port` of the guest's
  // loopback. kNotFound once closed.
  Result<Id> add(UniqueFd listener, std::uint16_t guest_port);
  // Closes the port and its connections; harmless for one that is gone.
  void remove(Id id);

  // Removes all: the guest is about to become another. Its devices are still there.
  void clear();
  // The same, for good.
  void close();

 private:
  using Servers = std::map<Id, std::unique_ptr<virtio::VsockTcpServer>>;

  void destroy(Servers servers) SM_REQUIRES(mutex_);

  Mutex mutex_;
  Machine* machine_ SM_GUARDED_BY(mutex_);  // not owned; nullptr once closed
  Servers servers_ SM_GUARDED_BY(mutex_);
  Id next_id_ SM_GUARDED_BY(mutex_) = 1;
};

}  // namespace supermachine
