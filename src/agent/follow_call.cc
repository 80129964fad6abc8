// SPDX-License-Identifier: Apache-2.0
#include "agent/follow_call.h"

namespace supermachine::agent {

FollowCall::FollowCall(CallContext context, std::shared_ptr<WorkloadProcess> workload)
    : context_(std::move(context)),
      workload_(std::move(workload)),
      watch_(workload_->watch([this] { send_more(); })) {}

// Not earlier: the workload may be our caller.
FollowCall::~FollowCall() { workload_->unwatch(watch_); }

Status FollowCall::start() {
  context_.channel.send_soon(rpc::Started{.pid = static_cast<std::uint32_t>(workload_->pid())});
  send_more();
  return {};
}

Status FollowCall::on_frame(const rpc::FrameView& frame) {
  if (frame.type != rpc::FrameType::kSignal) {
    return Error(Errc::kCorrupt, "a frame that does not belong into a call that follows");
  }
  const auto signal = SM_TRY(rpc::decode<rpc::Signal>(frame.payload));
  // One that comes too late is no mistake.
  if (workload_->running()) SM_TRY(workload_->signal(static_cast<int>(signal.number)));
  return {};
}

void FollowCall::on_broken() {
  over_ = true;
  context_.end(CallEnd::kGone);
}

void FollowCall::send_more() {
  const OutputLog& log = workload_->output();
  while (!over_ && !context_.channel.blocked() && !context_.channel.broken()) {
    if (at_ < log.begin()) {
      context_.channel.send(rpc::Skipped{.bytes = log.begin() - at_});
      at_ = log.begin();
      continue;
    }
    if (at_ < log.end()) {
      const OutputLog::Piece piece = log.piece_at(at_);
      at_ += piece.bytes.size();
      context_.channel.send(piece.type, piece.bytes);
      continue;
    }
    if (!workload_->outcome()) return;
    over_ = true;
    context_.channel.send(*workload_->outcome());
    context_.end(CallEnd::kInOrder);
  }
}

}  // namespace supermachine::agent
