// SPDX-License-Identifier: Apache-2.0
#include "agent/requests.h"

#include <unistd.h>

#include "agent/exec_call.h"
#include "agent/file_call.h"
#include "agent/follow_call.h"
#include "agent/listeners.h"
#include "agent/port_calls.h"
#include "agent/workload_process.h"

namespace supermachine::agent {
namespace {

Result<std::shared_ptr<WorkloadProcess>> started_workload(const CallContext& context) {
  if (!context.workload) return Error(Errc::kNotFound, "no workload was started");
  return context.workload;
}

Status start_workload(const CallContext& context, const rpc::FrameView& request) {
  auto start = SM_TRY(rpc::decode<rpc::StartWorkload>(request.payload));
  if (context.workload && context.workload->running()) {
    return Error(Errc::kInvalidArgument,
                 "a workload runs, as process " + std::to_string(context.workload->pid()));
  }
  context.workload =
      SM_TRY(WorkloadProcess::start(context.services, context.users, std::move(start.command)));
  context.channel.send(rpc::Started{.pid = static_cast<std::uint32_t>(context.workload->pid())});
  context.end(CallEnd::kInOrder);
  return {};
}

Status signal_workload(const CallContext& context, const rpc::FrameView& request) {
  const auto signal = SM_TRY(rpc::decode<rpc::SignalWorkload>(request.payload));
  SM_TRY(SM_TRY(started_workload(context))->signal(static_cast<int>(signal.number)));
  context.channel.send(rpc::FrameType::kOk);
  context.end(CallEnd::kInOrder);
  return {};
}

Status list_listeners(const CallContext& context) {
  const pid_t workload = context.workload ? context.workload->pid() : -1;
  context.channel.send(rpc::Listeners{.listeners = SM_TRY(find_listeners(0, workload))});
  context.end(CallEnd::kInOrder);
  return {};
}

Status sync_all(const CallContext& context) {
  ::sync();
  context.channel.send(rpc::FrameType::kOk);
  context.end(CallEnd::kInOrder);
  return {};
}

template <typename T, typename... Args>
std::unique_ptr<Call> call(Args&&... args) {
  return std::make_unique<T>(std::forward<Args>(args)...);
}

}  // namespace

Result<std::unique_ptr<Call>> make_call(const CallContext& context, const rpc::FrameView& request) {
  switch (request.type) {
    case rpc::FrameType::kExec:
      return std::unique_ptr<Call>(SM_TRY(
          ExecCall::create(context, SM_TRY(rpc::decode<rpc::ExecRequest>(request.payload)))));
    case rpc::FrameType::kWriteFile:
      return std::unique_ptr<Call>(
          SM_TRY(WriteCall::create(context, SM_TRY(rpc::decode<rpc::WriteFile>(request.payload)))));
    case rpc::FrameType::kReadFile:
      return std::unique_ptr<Call>(
          SM_TRY(ReadCall::create(context, SM_TRY(rpc::decode<rpc::ReadFile>(request.payload)))));
    case rpc::FrameType::kSync:
      SM_TRY(sync_all(context));
      return std::unique_ptr<Call>();
    case rpc::FrameType::kStartWorkload:
      SM_TRY(start_workload(context, request));
      return std::unique_ptr<Call>();
    case rpc::FrameType::kFollowWorkload:
      return call<FollowCall>(context, SM_TRY(started_workload(context)));
    case rpc::FrameType::kSignalWorkload:
      SM_TRY(signal_workload(context, request));
      return std::unique_ptr<Call>();
    case rpc::FrameType::kConnect:
      return call<ConnectCall>(context, SM_TRY(rpc::decode<rpc::Connect>(request.payload)).port);
    case rpc::FrameType::kListListeners:
      SM_TRY(list_listeners(context));
      return std::unique_ptr<Call>();
    case rpc::FrameType::kWaitListener:
      return call<WaitListenerCall>(
          context, SM_TRY(rpc::decode<rpc::WaitListener>(request.payload)), context.workload);
    default:
      return Error(Errc::kCorrupt, "a call starts with a request");
  }
}

}  // namespace supermachine::agent
