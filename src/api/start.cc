// SPDX-License-Identifier: Apache-2.0
// Image::start(): a cold boot, or a restore where the image is a snapshot.
#include "api/asset_source.h"
#include "api/state.h"
#include "supermachine/vm.h"

namespace supermachine {
namespace {

constexpr std::string_view kDefaultHostname = "supermachine";

std::chrono::nanoseconds reached(const BootTrace& trace, BootStep step) {
  return trace.reached(step).value_or(std::chrono::nanoseconds(0));
}

Result<std::unique_ptr<Instance>> cold_boot(const VmConfig& config, const MachineHost& host,
                                            const AssetSources& assets,
                                            const std::vector<std::string>& kernel_args) {
  const MachineConfig defaults;
  return Instance::boot(
      {.machine = {.memory_mib = config.memory_mib().value_or(defaults.memory_mib),
                   .vcpus = config.vcpus().value_or(defaults.vcpus),
                   .kernel = assets.kernel,
                   .kernel_args = kernel_args,
                   .verbose_kernel = config.console_fd() >= 0,
                   .host = host},
       .agent = assets.agent,
       .hostname = config.hostname().value_or(std::string(kDefaultHostname)),
       .boot_deadline = deadline_in(config.boot_timeout())});
}

Result<std::unique_ptr<Instance>> restore(const VmConfig& config, const MachineHost& host,
                                          const std::shared_ptr<const Origin>& origin) {
  const Deadline deadline = deadline_in(config.restore_timeout());
  auto instance = SM_TRY(Instance::asleep(origin, host));
  SM_TRY(instance->wake(identity_of(config), deadline));
  return instance;
}

}  // namespace

Identity identity_of(const VmConfig& config) {
  return {.hostname = config.hostname().value_or(""),
          .machine_id = config.machine_id(),
          .payload = config.payload()};
}

StartTimings timings_of(const BootTrace& trace, bool restored) {
  return {.restored = restored,
          .memory_ready = reached(trace, BootStep::kMemoryReady),
          .vm_created = reached(trace, BootStep::kKvmReady),
          .kernel_entered = reached(trace, BootStep::kFirstEntry),
          .agent_ready = reached(trace, BootStep::kAgentReady)};
}

bool starts_workload(const VmConfig& config, const bake::WorkloadTraits& workload) {
  return config.workload().value_or(workload.mode == bake::WorkloadMode::kStarts) &&
         workload.mode != bake::WorkloadMode::kRuns;
}

Status check_shape(const VmConfig& config, const Origin& origin) {
  const auto check = [](const char* what, std::optional<std::uint32_t> wanted, std::uint64_t has) {
    if (!wanted || *wanted == has) return Status();
    return Status(Error(Errc::kInvalidArgument,
                        std::to_string(*wanted) + " " + what + ": the snapshot was captured with " +
                            std::to_string(has) + ", and the guest would not notice a change"));
  };
  SM_TRY(check("MiB of memory", config.memory_mib(), origin.state().memory_mib));
  return check("vCPUs", config.vcpus(), origin.state().vcpus.size());
}

Result<std::unique_ptr<Vm::State>> Vm::State::create(const Image& image, const VmConfig& config) {
  SM_TRY(config.check());
  if (image.state_->origin) SM_TRY(check_shape(config, *image.state_->origin));
  std::unique_ptr<Vm::State> state(
      new Vm::State{.image = image, .guest_port = image.state_->workload.guest_port});
  if (!config.vsock_mux_dir().empty()) {
    // A directory of its own: names cannot collide, whoever shares the parent.
    state->socket_dir.emplace(SM_TRY(TempDir::create(config.vsock_mux_dir())));
    state->vsock_path = state->socket_dir->path() + "/vsock";
  }
  return state;
}

MachineHost Vm::State::host(const VmConfig& config) const {
  return {.root_image = image.rootfs_path(),
          .vsock_path = vsock_path,
          .console_fd = config.console_fd()};
}

Result<Vm> Image::start(const VmConfig& config) const {
  auto state = SM_TRY(Vm::State::create(*this, config));
  const MachineHost host = state->host(config);
  if (state_->origin) {
    state->instance = SM_TRY(restore(config, host, state_->origin));
  } else {
    const AssetSources assets =
        config.assets() ? SM_TRY(sources_of(*config.assets())) : SM_TRY(discover_sources());
    state->instance = SM_TRY(cold_boot(config, host, assets, state_->kernel_args));
    assets.drop_pages();
    state->kernel = assets.kernel;
  }
  state->timings = timings_of(state->instance->trace(), is_snapshot());
  if (starts_workload(config, state_->workload)) SM_TRY(state->start_workload({}));
  return Vm(std::move(state));
}

}  // namespace supermachine
