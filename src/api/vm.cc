#include "supermachine/vm.h"

#include "api/state.h"
#include "client/files.h"

namespace supermachine {
namespace {

// For calls whose work is the agent's own: a GiB takes far less.
constexpr auto kFileTimeout = std::chrono::minutes(10);

static_assert(static_cast<int>(VmExit::Kind::kStopped) == static_cast<int>(ExitKind::kStopped) &&
              static_cast<int>(VmExit::Kind::kFailed) == static_cast<int>(ExitKind::kFailed));

std::chrono::nanoseconds reached(const BootTrace& trace, BootStep step) {
  return trace.reached(step).value_or(std::chrono::nanoseconds(0));
}

}  // namespace

Vm::Vm(std::unique_ptr<State> state) : state_(std::move(state)) {}
Vm::Vm(Vm&&) noexcept = default;
Vm& Vm::operator=(Vm&&) noexcept = default;
Vm::~Vm() = default;

Result<Vm> Image::start(const VmConfig& config) const {
  SM_TRY(config.check());
  std::unique_ptr<Vm::State> state(new Vm::State{.image = *this});
  const AssetPaths assets = config.assets() ? *config.assets() : SM_TRY(AssetPaths::discover());
  if (!config.vsock_mux_dir().empty()) {
    // A directory of its own: names cannot collide, whoever shares the parent.
    state->socket_dir.emplace(SM_TRY(TempDir::create(config.vsock_mux_dir())));
    state->vsock_path = state->socket_dir->path() + "/vsock";
  }
  InstanceConfig instance{.machine = {.memory_mib = config.memory_mib(),
                                      .vcpus = config.vcpus(),
                                      .kernel_path = assets.kernel,
                                      .verbose_kernel = config.console_fd() >= 0,
                                      .host = {.root_image = state_->imported.rootfs_path,
                                               .vsock_path = state->vsock_path,
                                               .console_fd = config.console_fd()}},
                          .agent_path = assets.agent,
                          .hostname = config.hostname(),
                          .boot_deadline = deadline_in(config.boot_timeout())};
  state->instance = SM_TRY(Instance::boot(std::move(instance)));
  const BootTrace& trace = state->instance->trace();
  state->timings = {.vm_created = reached(trace, BootStep::kKvmReady),
                    .kernel_entered = reached(trace, BootStep::kFirstEntry),
                    .agent_ready = reached(trace, BootStep::kAgentReady)};
  return Vm(std::move(state));
}

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

void Vm::stop() { state_->instance->machine().stop(); }

std::optional<VmExit> Vm::wait(std::chrono::milliseconds timeout) {
  const auto report = state_->instance->machine().wait(deadline_in(timeout));
  if (!report) return std::nullopt;
  return VmExit{.kind = static_cast<VmExit::Kind>(report->kind), .message = report->message()};
}

const std::string& Vm::vsock_path() const noexcept { return state_->vsock_path; }
const StartTimings& Vm::timings() const noexcept { return state_->timings; }

}  // namespace supermachine
