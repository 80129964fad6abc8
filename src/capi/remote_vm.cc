// SPDX-License-Identifier: Apache-2.0
#include "supermachine/c/remote_vm.h"

#include "capi/call.h"
#include "capi/handles.h"

using namespace supermachine;
using namespace supermachine::capi;

supermachine_status supermachine_remote_vm_attach(const char* vsock_path,
                                                  const supermachine_image_config* image,
                                                  supermachine_remote_vm** vm,
                                                  supermachine_error** error) noexcept {
  return give(vm, error, {{"vsock_path", vsock_path}}, [&]() -> Result<RemoteVm> {
    return RemoteVm::attach(vsock_path, image == nullptr ? ImageConfig() : image->config);
  });
}
void supermachine_remote_vm_free(supermachine_remote_vm* vm) noexcept { delete vm; }

supermachine_status supermachine_remote_vm_exec(supermachine_remote_vm* vm, const char* const* argv,
                                                supermachine_child** child,
                                                supermachine_error** error) noexcept {
  return give(child, error, {{"vm", vm}, {"argv", argv}},
              [&] { return vm->vm.exec(to_strings(argv)); });
}
supermachine_status supermachine_remote_vm_write_file(supermachine_remote_vm* vm, const char* path,
                                                      const void* bytes, size_t size, uint32_t mode,
                                                      supermachine_error** error) noexcept {
  return call(error, {{"vm", vm}, {"path", path}}, [&]() -> Status {
    SM_TRY(check_bytes(bytes, size));
    return vm->vm.write_file(path, to_view(bytes, size), mode);
  });
}
supermachine_status supermachine_remote_vm_read_file(supermachine_remote_vm* vm, const char* path,
                                                     size_t max_bytes, supermachine_bytes** bytes,
                                                     supermachine_error** error) noexcept {
  return give(bytes, error, {{"vm", vm}, {"path", path}},
              [&] { return vm->vm.read_file(path, max_bytes); });
}
supermachine_status supermachine_remote_vm_follow_workload(supermachine_remote_vm* vm,
                                                           supermachine_child** child,
                                                           supermachine_error** error) noexcept {
  return give(child, error, {{"vm", vm}}, [&] { return vm->vm.follow_workload(); });
}
supermachine_status supermachine_remote_vm_workload_signal(supermachine_remote_vm* vm, int number,
                                                           supermachine_error** error) noexcept {
  return call(error, {{"vm", vm}}, [&] { return vm->vm.workload_signal(number); });
}
