// SPDX-License-Identifier: Apache-2.0
// The calls about TCP ports of the guest: connecting to one, waiting until one can be connected to.
#pragma once

#include "agent/call.h"
#include "agent/workload_process.h"

namespace supermachine::agent {

// Connects to the guest's loopback, then hands the socket on: the call's stream becomes its other
// end.
class ConnectCall : public Call {
 public:
  ConnectCall(CallContext context, std::uint16_t port)
      : context_(std::move(context)), port_(port) {}
  ~ConnectCall() override { forget_socket(); }

  Status start() override;
  Status on_frame(const rpc::FrameView& frame) override;
  void on_broken() override;

 private:
  Status try_next_address();
  Status on_outcome(int error);
  void on_late_outcome();
  void forget_socket();

  CallContext context_;
  std::uint16_t port_;
  std::size_t address_ = 0;  // which to try next
  UniqueFd socket_;          // being connected
  std::optional<EventLoop::TimerId> timeout_;
};

// Linux does not tell when somebody begins to listen, so this looks again and again, ever more
// slowly.
class WaitListenerCall : public Call {
 public:
  // `workload` may be empty.
  WaitListenerCall(CallContext context, rpc::WaitListener request,
                   std::shared_ptr<WorkloadProcess> workload);
  ~WaitListenerCall() override;

  Status start() override;
  Status on_frame(const rpc::FrameView& frame) override;
  void on_broken() override;

 private:
  void look_again();
  Status look();
  [[nodiscard]] std::string whom() const;

  CallContext context_;
  rpc::WaitListener request_;
  std::shared_ptr<WorkloadProcess> workload_;
  std::optional<WorkloadProcess::WatchId> watch_;
  std::chrono::steady_clock::time_point started_;
  std::optional<EventLoop::TimerId> timer_;
  bool over_ = false;
};

}  // namespace supermachine::agent
