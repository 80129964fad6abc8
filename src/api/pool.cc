// SPDX-License-Identifier: Apache-2.0
#include "supermachine/pool.h"

#include "api/state.h"
#include "pool/vm_pool.h"

namespace supermachine {
namespace {

LatencySummary to_public(const Latencies::Summary& summary) {
  return {.count = summary.count, .p50 = summary.p50, .p95 = summary.p95, .p99 = summary.p99};
}

// Nobody needs the directory once the snapshot is open: it goes at once, so that even a process
// that is killed leaves nothing.
Result<Image> boot_and_capture(const Image& image, const VmConfig& config) {
  const TempDir dir = SM_TRY(TempDir::create());
  Vm vm = SM_TRY(image.start(config));
  return vm.snapshot(dir.path() + "/snapshot");
}

}  // namespace

struct Pool::State {
  Image image;
  bool starts_workload = false;
  std::shared_ptr<VmPool> pool;
};

struct PooledVm::State {
  std::shared_ptr<VmPool> pool;
  PoolVm resident;  // without its instance, which the Vm has
  Vm vm;

  ~State() {
    resident.instance = std::move(vm.state_->instance);
    pool->release(std::move(resident));
  }
};

PooledVm::PooledVm(detail::Owned<State> state) : state_(std::move(state)) {}
PooledVm::PooledVm(PooledVm&&) noexcept = default;
PooledVm& PooledVm::operator=(PooledVm&&) noexcept = default;
PooledVm::~PooledVm() = default;
Vm& PooledVm::operator*() noexcept { return state_->vm; }
const Vm& PooledVm::operator*() const noexcept { return state_->vm; }

Pool::Pool(detail::Shared<State> state) : state_(std::move(state)) {}

const Image& Pool::image() const { return state_->image; }

Result<PooledVm> Pool::acquire() const {
  PoolVm resident = SM_TRY(state_->pool->acquire());
  std::unique_ptr<Vm::State> vm(new Vm::State{
      .image = state_->image, .guest_port = state_->image.state_->workload.guest_port});
  vm->vsock_path = resident.vsock_path;
  vm->instance = std::move(resident.instance);
  vm->timings = timings_of(vm->instance->trace(), true);
  Vm::State& taken = *vm;
  const bool starts_workload = state_->starts_workload && resident.is_fresh;
  PooledVm out(std::unique_ptr<PooledVm::State>(
      new PooledVm::State{state_->pool, std::move(resident), Vm(std::move(vm))}));
  // From here on it goes back to the pool whatever happens.
  if (!starts_workload) return out;
  Status started = taken.start_workload({});
  if (started.ok()) return out;
  out.state_->resident.needs_reset = true;  // it may lack its workload, or have half of it
  return std::move(started).error();
}

PoolStats Pool::stats() const {
  const VmPoolStats stats = state_->pool->stats();
  return {.alive = stats.alive,
          .idle = stats.idle,
          .in_use = stats.alive - stats.idle,
          .max = state_->pool->max(),
          .waiting = stats.waiting,
          .acquired = stats.acquired,
          .retired = stats.retired,
          .restore = to_public(stats.restore),
          .wake = to_public(stats.wake),
          .reset = to_public(stats.reset),
          .private_bytes = stats.private_bytes};
}

PoolBuilder Image::pool() const { return PoolBuilder(*this); }

Result<Pool> PoolBuilder::build() const {
  if (max_ == 0 || min_ > max_) {
    return Error(Errc::kInvalidArgument,
                 "a pool of " + std::to_string(min_) + " to " + std::to_string(max_) + " VMs");
  }
  SM_TRY(config_.check());
  const Image image = image_.is_snapshot() ? image_ : SM_TRY(boot_and_capture(image_, config_));
  const std::shared_ptr<const Origin> origin = image.state_->origin;
  SM_TRY(check_shape(config_, *origin));
  const auto make = [image, origin, config = config_]() -> Result<PoolVm> {
    auto vm = SM_TRY(Vm::State::create(image, config));
    PoolVm out{.socket_dir = {}, .vsock_path = vm->vsock_path};
    if (vm->socket_dir) out.socket_dir.emplace(*std::move(vm->socket_dir));
    out.instance = SM_TRY(Instance::asleep(origin, vm->host(config)));
    return out;
  };
  auto pool = SM_TRY(VmPool::create({.min = min_,
                                     .max = max_,
                                     .idle_timeout = idle_timeout_,
                                     .acquire_timeout = acquire_timeout_,
                                     .wake_timeout = config_.restore_timeout(),
                                     .reset_on_release = restore_on_release_,
                                     .memory_budget = memory_budget_,
                                     .max_kept_pages = warm_memory_ / kPageSize,
                                     .identity = identity_of(config_),
                                     .make = make}));
  return Pool(std::make_shared<Pool::State>(
      Pool::State{image, starts_workload(config_, image.state_->workload), std::move(pool)}));
}

}  // namespace supermachine
