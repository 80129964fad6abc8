#include "supermachine/vm.h"

#include "api/state.h"
#include "client/files.h"

namespace supermachine {
namespace {

// For calls whose work is the agent's own: a GiB takes far less.
constexpr auto kFileTimeout = std::chrono::minutes(10);

static_assert(static_cast<int>(VmExit::Kind::kStopped) == static_cast<int>(ExitKind::kStopped) &&
              static_cast<int>(VmExit::Kind::kFailed) == static_cast<int>(ExitKind::kFailed));

}  // namespace

Vm::Vm(std::unique_ptr<State> state) : state_(std::move(state)) {}
Vm::Vm(Vm&&) noexcept = default;
Vm& Vm::operator=(Vm&&) noexcept = default;
Vm::~Vm() = default;

ExecBuilder Vm::exec_builder() const {
  const ImageConfig& image = state_->image.config();
  auto state = std::make_unique<ExecBuilder::State>();
  state->connect = state_->instance->connector();
  state->request.env = image.env;
  state->request.cwd = image.working_dir;
  state->request.create_cwd = true;
  state->request.user = image.user;
  return ExecBuilder(std::move(state));
}

Result<ExecChild> Vm::exec(std::vector<std::string> argv) const {
  return exec_builder().argv(std::move(argv)).spawn();
}

Status Vm::write_file(const std::string& path, std::string_view bytes, std::uint32_t mode) {
  return client::write_file(state_->instance->connector(), path, mode,
                            std::as_bytes(std::span(bytes)), deadline_in(kFileTimeout));
}

Result<std::string> Vm::read_file(const std::string& path, std::size_t max_bytes) {
  return client::read_file(state_->instance->connector(), path, max_bytes,
                           deadline_in(kFileTimeout));
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
