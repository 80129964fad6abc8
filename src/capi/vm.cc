// SPDX-License-Identifier: Apache-2.0
#include "supermachine/c/vm.h"

#include "capi/call.h"
#include "capi/handles.h"

using namespace supermachine;
using namespace supermachine::capi;

static_assert(static_cast<int>(VmExit::Kind::kStopped) == SUPERMACHINE_EXIT_STOPPED);
static_assert(static_cast<int>(VmExit::Kind::kReset) == SUPERMACHINE_EXIT_RESET);
static_assert(static_cast<int>(VmExit::Kind::kHalted) == SUPERMACHINE_EXIT_HALTED);
static_assert(static_cast<int>(VmExit::Kind::kPanic) == SUPERMACHINE_EXIT_PANIC);
static_assert(static_cast<int>(VmExit::Kind::kTripleFault) == SUPERMACHINE_EXIT_TRIPLE_FAULT);
static_assert(static_cast<int>(VmExit::Kind::kFailed) == SUPERMACHINE_EXIT_FAILED);

Vm& supermachine_vm::get() {
  if (auto* own = std::get_if<Vm>(&vm)) return *own;
  if (auto* pooled = std::get_if<PooledVm>(&vm)) return **pooled;
  return *std::get<Vm*>(vm);
}

supermachine_status supermachine_vm_start(const supermachine_image* image,
                                          const supermachine_config* config, supermachine_vm** vm,
                                          supermachine_error** error) noexcept {
  return give(vm, error, {{"image", image}},
              [&] { return image->image.start(config == nullptr ? VmConfig() : config->config); });
}
void supermachine_vm_free(supermachine_vm* vm) noexcept {
  if (vm != nullptr && !std::holds_alternative<Vm*>(vm->vm)) delete vm;
}
supermachine_status supermachine_vm_stop(supermachine_vm* vm) noexcept {
  return set({{"vm", vm}}, [&] { vm->get().stop(); });
}

supermachine_status supermachine_vm_wait(supermachine_vm* vm, int64_t timeout,
                                         supermachine_exit** exit,
                                         supermachine_error** error) noexcept {
  return give(exit, error, {{"vm", vm}}, [&]() -> Result<std::optional<VmExit>> {
    return vm->get().wait(SM_TRY(to_milliseconds(timeout)));
  });
}
void supermachine_exit_free(supermachine_exit* exit) noexcept { delete exit; }
supermachine_exit_kind supermachine_exit_get_kind(const supermachine_exit* exit) noexcept {
  return get(exit, [](auto& e) { return static_cast<supermachine_exit_kind>(e.exit.kind); });
}
const char* supermachine_exit_message(const supermachine_exit* exit) noexcept {
  return get_string(
      exit, [](auto& e) -> auto& { return e.exit.message; });
}

const char* supermachine_vm_vsock_path(const supermachine_vm* vm) noexcept {
  return get_string(
      vm, [](auto& v) -> auto& { return v.get().vsock_path(); });
}
int64_t supermachine_vm_timing(const supermachine_vm* vm, supermachine_timing timing) noexcept {
  if (vm == nullptr) return 0;
  const StartTimings& timings = vm->get().timings();
  switch (timing) {
    case SUPERMACHINE_TIMING_MEMORY_READY:
      return timings.memory_ready.count();
    case SUPERMACHINE_TIMING_VM_CREATED:
      return timings.vm_created.count();
    case SUPERMACHINE_TIMING_KERNEL_ENTERED:
      return timings.kernel_entered.count();
    case SUPERMACHINE_TIMING_AGENT_READY:
      return timings.agent_ready.count();
    default:
      return 0;
  }
}
bool supermachine_vm_was_restored(const supermachine_vm* vm) noexcept {
  return get(vm, [](auto& v) { return v.get().timings().restored; });
}

supermachine_status supermachine_vm_exec(supermachine_vm* vm, const char* const* argv,
                                         supermachine_child** child,
                                         supermachine_error** error) noexcept {
  return give(child, error, {{"vm", vm}, {"argv", argv}},
              [&] { return vm->get().exec(to_strings(argv)); });
}
supermachine_status supermachine_vm_write_file(supermachine_vm* vm, const char* path,
                                               const void* bytes, size_t size, uint32_t mode,
                                               supermachine_error** error) noexcept {
  return call(error, {{"vm", vm}, {"path", path}}, [&]() -> Status {
    SM_TRY(check_bytes(bytes, size));
    return vm->get().write_file(path, to_view(bytes, size), mode);
  });
}
supermachine_status supermachine_vm_read_file(supermachine_vm* vm, const char* path,
                                              size_t max_bytes, supermachine_bytes** bytes,
                                              supermachine_error** error) noexcept {
  return give(bytes, error, {{"vm", vm}, {"path", path}},
              [&] { return vm->get().read_file(path, max_bytes); });
}

supermachine_status supermachine_vm_start_workload(supermachine_vm* vm, const char* const* argv,
                                                   supermachine_error** error) noexcept {
  return call(error, {{"vm", vm}}, [&] { return vm->get().start_workload(to_strings(argv)); });
}
supermachine_status supermachine_vm_start_workload_with(supermachine_vm* vm,
                                                        const supermachine_exec* exec,
                                                        supermachine_error** error) noexcept {
  return call(error, {{"vm", vm}, {"exec", exec}},
              [&] { return vm->get().start_workload(exec->builder); });
}
supermachine_status supermachine_vm_follow_workload(supermachine_vm* vm, supermachine_child** child,
                                                    supermachine_error** error) noexcept {
  return give(child, error, {{"vm", vm}}, [&] { return vm->get().follow_workload(); });
}
supermachine_status supermachine_vm_workload_signal(supermachine_vm* vm, int number,
                                                    supermachine_error** error) noexcept {
  return call(error, {{"vm", vm}}, [&] { return vm->get().workload_signal(number); });
}
supermachine_status supermachine_vm_wait_ready(supermachine_vm* vm, int64_t timeout,
                                               supermachine_error** error) noexcept {
  return call(error, {{"vm", vm}},
              [&]() -> Status { return vm->get().wait_ready(SM_TRY(to_milliseconds(timeout))); });
}
