// SPDX-License-Identifier: Apache-2.0
// The workload of a guest and its ports, for Vm and RemoteVm.
#include <unistd.h>

#include "api/guest_calls.h"
#include "api/state.h"
#include "base/sys.h"
#include "client/ports.h"
#include "client/workload.h"
#include "supermachine/vm.h"

namespace supermachine {
namespace {

// For calls that the agent answers at once.
constexpr auto kAnswerTimeout = std::chrono::seconds(30);

Listener to_public(rpc::Listener listener) {
  return {.port = listener.port, .address = std::move(listener.address), .pid = listener.pid};
}

}  // namespace

Stream& Stream::operator=(Stream&& other) noexcept {
  const Stream old(std::exchange(fd_, other.release()));
  return *this;
}

Stream::~Stream() {
  if (fd_ >= 0) ::close(fd_);
}

Status GuestCalls::start_workload(std::vector<std::string> argv) const {
  rpc::StartWorkload request;
  rpc::ExecRequest& command = request.command;
  command.argv = std::move(argv);
  if (command.argv.empty()) {
    command.argv = image_.entrypoint;
    command.argv.insert(command.argv.end(), image_.cmd.begin(), image_.cmd.end());
  }
  if (command.argv.empty()) {
    return Error(Errc::kInvalidArgument, "the image says no command: give one");
  }
  command.env = image_.env;
  command.cwd = image_.working_dir;
  command.create_cwd = true;
  command.user = image_.user;
  SM_TRY(client::start_workload(connect_, request, deadline_in(kAnswerTimeout)));
  return {};
}

Result<ExecChild> GuestCalls::follow_workload() const {
  auto session = SM_TRY(client::ExecSession::follow(connect_, deadline_in(kAnswerTimeout)));
  return ExecChild(std::unique_ptr<ExecChild::State>(new ExecChild::State{std::move(session)}));
}

Status GuestCalls::workload_signal(int number) const {
  return client::signal_workload(connect_, number, deadline_in(kAnswerTimeout));
}

Result<std::vector<Listener>> GuestCalls::listeners() const {
  std::vector<Listener> out;
  for (rpc::Listener& listener :
       SM_TRY(client::list_listeners(connect_, deadline_in(kAnswerTimeout)))) {
    out.push_back(to_public(std::move(listener)));
  }
  return out;
}

Result<Listener> GuestCalls::wait_listener(std::uint16_t port,
                                           std::chrono::milliseconds timeout) const {
  return to_public(SM_TRY(client::wait_listener(connect_, port, timeout)));
}

Result<Stream> GuestCalls::connect(std::uint16_t port, std::chrono::milliseconds timeout) const {
  UniqueFd socket = SM_TRY(client::connect_port(connect_, port, deadline_in(timeout)));
  SM_TRY(sys::set_nonblocking(socket.get(), false));
  return Stream(socket.release());
}

Result<Stream> GuestCalls::connect(std::chrono::milliseconds timeout) const {
  const Deadline deadline = deadline_in(timeout);
  const auto found = SM_TRY(client::list_listeners(connect_, deadline));
  if (found.empty()) return Error(Errc::kNotFound, "nothing listens in the guest");
  const auto left = deadline - std::chrono::steady_clock::now();
  return connect(found.front().port, std::chrono::ceil<std::chrono::milliseconds>(left));
}

Status Vm::State::check_agent(std::string_view feature) const {
  const auto& origin = instance->origin();
  if (!origin) return {};
  const auto& has = origin->snapshot()->metadata().agent.features;
  if (std::ranges::find(has, feature) != has.end()) return {};
  return Error(Errc::kUnsupported,
               "the agent in this snapshot is older than its host and lacks \"" +
                   std::string(feature) + "\": capture it again");
}

Status Vm::State::start_workload(std::vector<std::string> argv) {
  SM_TRY(check_agent(rpc::kFeatureWorkload));
  SM_TRY(calls().start_workload(std::move(argv)));
  runs_workload = true;
  return {};
}

Status Vm::start_workload(std::vector<std::string> argv) {
  return state_->start_workload(std::move(argv));
}

Result<ExecChild> Vm::follow_workload() {
  SM_TRY(state_->check_agent(rpc::kFeatureWorkload));
  return state_->calls().follow_workload();
}

Status Vm::workload_signal(int number) {
  SM_TRY(state_->check_agent(rpc::kFeatureWorkload));
  return state_->calls().workload_signal(number);
}

Result<std::vector<Listener>> Vm::listeners() {
  SM_TRY(state_->check_agent(rpc::kFeaturePorts));
  return state_->calls().listeners();
}

Result<Listener> Vm::wait_listener(std::uint16_t port, std::chrono::milliseconds timeout) {
  SM_TRY(state_->check_agent(rpc::kFeaturePorts));
  return state_->calls().wait_listener(port, timeout);
}

Result<Stream> Vm::connect(std::uint16_t port, std::chrono::milliseconds timeout) {
  SM_TRY(state_->check_agent(rpc::kFeaturePorts));
  return state_->calls().connect(port, timeout);
}

Result<Stream> Vm::connect(std::chrono::milliseconds timeout) {
  if (state_->guest_port != 0) return connect(state_->guest_port, timeout);
  SM_TRY(state_->check_agent(rpc::kFeaturePorts));
  return state_->calls().connect(timeout);
}

}  // namespace supermachine
