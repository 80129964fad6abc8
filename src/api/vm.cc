// SPDX-License-Identifier: Apache-2.0
#include "supermachine/vm.h"

#include "api/state.h"

namespace supermachine {
namespace {

static_assert(static_cast<int>(VmExit::Kind::kStopped) == static_cast<int>(ExitKind::kStopped) &&
              static_cast<int>(VmExit::Kind::kFailed) == static_cast<int>(ExitKind::kFailed));

}  // namespace

Vm::Vm(detail::Owned<State> state) : state_(std::move(state)) {}
Vm::Vm(Vm&&) noexcept = default;
Vm& Vm::operator=(Vm&&) noexcept = default;
Vm::~Vm() = default;

ExecBuilder Vm::exec_builder() const { return state_->calls().exec_builder(); }

Result<ExecChild> Vm::exec(std::vector<std::string> argv) const {
  return exec_builder().argv(std::move(argv)).spawn();
}

Status Vm::start_workload(const ExecBuilder& command) {
  SM_TRY(state_->check_agent(rpc::kFeatureWorkload));
  SM_TRY(GuestCalls::start_workload(command));
  state_->runs_workload = true;
  return {};
}

Status Vm::write_file(const std::string& path, std::string_view bytes, std::uint32_t mode) {
  return state_->calls().write_file(path, bytes, mode);
}

Result<std::string> Vm::read_file(const std::string& path, std::size_t max_bytes) {
  return state_->calls().read_file(path, max_bytes);
}

Status Vm::wait_ready(std::chrono::milliseconds timeout) {
  return state_->instance->wait_ready(deadline_in(timeout));
}

void Vm::stop() { state_->instance->machine().stop(); }

std::optional<VmExit> Vm::wait(std::chrono::milliseconds timeout) {
  const auto report = state_->instance->machine().wait(deadline_in(timeout));
  if (!report) return std::nullopt;
  return VmExit{.kind = static_cast<VmExit::Kind>(report->kind), .message = report->message()};
}

const std::string& Vm::vsock_path() const noexcept { return state_->vsock_path; }
SnapshotTimings Vm::snapshot_timings() const noexcept { return state_->snapshot_timings; }
const StartTimings& Vm::timings() const noexcept { return state_->timings; }

}  // namespace supermachine
