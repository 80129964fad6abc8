// SPDX-License-Identifier: Apache-2.0
// The call that reads along with the workload.
#pragma once

#include "agent/call.h"
#include "agent/workload_process.h"

namespace supermachine::agent {

// However slowly the host reads, the workload goes on: what the log has lost meanwhile is skipped,
// and the host is told how much.
class FollowCall : public Call {
 public:
  FollowCall(CallContext context, std::shared_ptr<WorkloadProcess> workload);
  ~FollowCall() override;

  Status start() override;
  Status on_frame(const rpc::FrameView& frame) override;
  void on_drained() override { send_more(); }
  void on_broken() override;

 private:
  void send_more();

  CallContext context_;
  std::shared_ptr<WorkloadProcess> workload_;
  WorkloadProcess::WatchId watch_;
  std::uint64_t at_ = 0;  // in its log
  bool over_ = false;
};

}  // namespace supermachine::agent
