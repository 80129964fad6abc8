// SPDX-License-Identifier: Apache-2.0
// Carries TCP connections of the host to a port of the guest. The mux moves the bytes, straight
// between the TCP socket and the guest's memory.
#pragma once

#include <memory>
#include <vector>

#include "virtio/vsock_mux.h"

namespace supermachine::virtio {

struct VsockTcpConfig {
  UniqueFd listener = {};  // does not block
  std::uint32_t guest_port = 0;
  VsockPreface preface = {};  // of each connection
};

// Lives on the device loop. Its connections end with it. One that the guest does not take, or that
// exceeds the mux's limit, is closed at once.
class VsockTcpServer {
 public:
  static Result<std::unique_ptr<VsockTcpServer>> create(EventLoop& loop, VsockMux& mux,
                                                        VsockTcpConfig config);
  VsockTcpServer(const VsockTcpServer&) = delete;
  VsockTcpServer& operator=(const VsockTcpServer&) = delete;
  ~VsockTcpServer();

 private:
  VsockTcpServer(EventLoop& loop, VsockMux& mux, VsockTcpConfig config)
      : loop_(loop), mux_(mux), config_(std::move(config)) {}
  void on_listener();
  void pause();
  void forget_ended();

  EventLoop& loop_;  // not owned; outlives us
  VsockMux& mux_;    // not owned; outlives us
  VsockTcpConfig config_;
  std::vector<VsockMux::Id> connections_;  // and some that have ended
  EventLoop::TimerId resume_timer_ = 0;
};

}  // namespace supermachine::virtio
