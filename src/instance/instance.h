// A machine together with its agent: boots one, waits for the other to ring, opens calls to it.
// Knows nothing of images.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/deadline.h"
#include "client/connection.h"
#include "client/control.h"
#include "vmm/boot_trace.h"
#include "vmm/machine.h"

namespace supermachine {

struct InstanceConfig {
  MachineConfig machine = {};  // without initramfs: the agent becomes that
  std::string agent_path = {};
  std::string hostname = {};
  Deadline boot_deadline = Deadline::max();
};

class Instance {
 public:
  // Returns when the agent has said hello. kGuestFault with the guest's last words when the machine
  // ended first, kTimeout at the deadline.
  static Result<std::unique_ptr<Instance>> boot(InstanceConfig config);
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  // Opens a stream to the agent for one call. Any thread; must not outlive the instance.
  [[nodiscard]] client::Connector connector();

  [[nodiscard]] Machine& machine() noexcept { return *machine_; }
  [[nodiscard]] const BootTrace& trace() const noexcept { return trace_; }
  [[nodiscard]] const rpc::Hello& hello() const { return control_->hello(); }

 private:
  // Between the listener on the device loop and whoever waits for the agent to ring. Shared,
  // because the listener may be called while the waiter gives up.
  struct Doorbell;

  Instance() = default;
  Status wait_for_agent(const std::shared_ptr<Doorbell>& doorbell, Deadline deadline);
  [[nodiscard]] Error explain(const Error& error) const;

  BootTrace trace_;
  std::unique_ptr<Machine> machine_;
  std::optional<client::ControlConnection> control_;
};

}  // namespace supermachine
