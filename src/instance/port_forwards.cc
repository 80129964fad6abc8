// SPDX-License-Identifier: Apache-2.0
#include "instance/port_forwards.h"

#include "rpc/messages.h"

namespace supermachine {
namespace {

// What the agent wants to hear and says before a connection is the program's own.
Result<virtio::VsockPreface> preface_to(std::uint16_t guest_port) {
  return virtio::VsockPreface{.say = SM_TRY(rpc::encode(rpc::Connect{.port = guest_port})),
                              .hear = rpc::encode_frame(rpc::FrameType::kOk, {})};
}

}  // namespace

Result<PortForwards::Id> PortForwards::add(UniqueFd listener, std::uint16_t guest_port) {
  virtio::VsockPreface preface = SM_TRY(preface_to(guest_port));
  virtio::VsockTcpConfig config{.listener = std::move(listener),
                                .guest_port = rpc::kAgentPort,
                                .preface = std::move(preface)};
  const MutexLock lock(mutex_);
  if (machine_ == nullptr) return Error(Errc::kNotFound, "the VM has ended");
  Result<std::unique_ptr<virtio::VsockTcpServer>> server = Error(Errc::kOs, "not made yet");
  machine_->run_on_devices([&, machine = machine_] {
    server = virtio::VsockTcpServer::create(machine->device_events(), machine->vsock(),
                                            std::move(config));
  });
  servers_.emplace(next_id_, SM_TRY(std::move(server)));
  return next_id_++;
}

void PortForwards::remove(Id id) {
  const MutexLock lock(mutex_);
  Servers one;
  if (auto node = servers_.extract(id)) one.insert(std::move(node));
  destroy(std::move(one));
}

void PortForwards::clear() {
  const MutexLock lock(mutex_);
  destroy(std::exchange(servers_, {}));
}

void PortForwards::close() {
  const MutexLock lock(mutex_);
  destroy(std::exchange(servers_, {}));
  machine_ = nullptr;
}

void PortForwards::destroy(Servers servers) {
  if (servers.empty()) return;
  machine_->run_on_devices([&servers] { servers.clear(); });
}

}  // namespace supermachine
