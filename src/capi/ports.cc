// SPDX-License-Identifier: Apache-2.0
#include "supermachine/c/ports.h"

#include "capi/call.h"
#include "capi/handles.h"
#include "supermachine/c/remote_vm.h"
#include "supermachine/c/vm.h"

using namespace supermachine;
using namespace supermachine::capi;

namespace {

// `connect` gives a stream, whose socket becomes the caller's.
template <typename F>
supermachine_status give_socket(int* fd, supermachine_error** error, const void* vm, F&& connect) {
  if (fd != nullptr) *fd = -1;
  return call(error, {{"vm", vm}, {"fd", fd}}, [&]() -> Status {
    Stream stream = SM_TRY(connect());
    *fd = stream.release();
    return {};
  });
}

}  // namespace

supermachine_listener_list::supermachine_listener_list(std::vector<Listener> found) {
  for (Listener& listener : found) listeners.push_back({std::move(listener)});
}

void supermachine_listener_free(supermachine_listener* listener) noexcept { delete listener; }
uint16_t supermachine_listener_port(const supermachine_listener* listener) noexcept {
  return get(listener, [](auto& l) { return l.listener.port; });
}
const char* supermachine_listener_address(const supermachine_listener* listener) noexcept {
  return get_string(
      listener, [](auto& l) -> auto& { return l.listener.address; });
}
uint32_t supermachine_listener_pid(const supermachine_listener* listener) noexcept {
  return get(listener, [](auto& l) { return l.listener.pid; });
}

void supermachine_listener_list_free(supermachine_listener_list* list) noexcept { delete list; }
size_t supermachine_listener_list_count(const supermachine_listener_list* list) noexcept {
  return get(list, [](auto& l) { return l.listeners.size(); });
}
const supermachine_listener* supermachine_listener_list_at(const supermachine_listener_list* list,
                                                           size_t index) noexcept {
  if (list == nullptr || index >= list->listeners.size()) return nullptr;
  return &list->listeners[index];
}

void supermachine_forward_free(supermachine_forward* forward) noexcept { delete forward; }
uint16_t supermachine_forward_port(const supermachine_forward* forward) noexcept {
  return get(forward, [](auto& f) { return f.forward.port(); });
}
const char* supermachine_forward_address(const supermachine_forward* forward) noexcept {
  return get_string(
      forward, [](auto& f) -> auto& { return f.forward.address(); });
}

supermachine_status supermachine_vm_listeners(supermachine_vm* vm,
                                              supermachine_listener_list** list,
                                              supermachine_error** error) noexcept {
  return give(list, error, {{"vm", vm}}, [&] { return vm->get().listeners(); });
}
supermachine_status supermachine_vm_wait_listener(supermachine_vm* vm, uint16_t port,
                                                  int64_t timeout, supermachine_listener** listener,
                                                  supermachine_error** error) noexcept {
  return give(listener, error, {{"vm", vm}}, [&]() -> Result<Listener> {
    return vm->get().wait_listener(port, SM_TRY(to_milliseconds(timeout)));
  });
}
supermachine_status supermachine_vm_connect(supermachine_vm* vm, uint16_t port, int64_t timeout,
                                            int* fd, supermachine_error** error) noexcept {
  return give_socket(fd, error, vm, [&]() -> Result<Stream> {
    const auto time = SM_TRY(to_milliseconds(timeout));
    return port == 0 ? vm->get().connect(time) : vm->get().connect(port, time);
  });
}
supermachine_status supermachine_vm_expose_tcp(supermachine_vm* vm, const char* address,
                                               uint16_t host_port, uint16_t guest_port,
                                               supermachine_forward** forward,
                                               supermachine_error** error) noexcept {
  return give(forward, error, {{"vm", vm}}, [&] {
    return address == nullptr ? vm->get().expose_tcp(host_port, guest_port)
                              : vm->get().expose_tcp(address, host_port, guest_port);
  });
}

supermachine_status supermachine_remote_vm_listeners(supermachine_remote_vm* vm,
                                                     supermachine_listener_list** list,
                                                     supermachine_error** error) noexcept {
  return give(list, error, {{"vm", vm}}, [&] { return vm->vm.listeners(); });
}
supermachine_status supermachine_remote_vm_connect(supermachine_remote_vm* vm, uint16_t port,
                                                   int64_t timeout, int* fd,
                                                   supermachine_error** error) noexcept {
  return give_socket(fd, error, vm, [&]() -> Result<Stream> {
    if (port == 0) return Error(Errc::kInvalidArgument, "port 0");
    return vm->vm.connect(port, SM_TRY(to_milliseconds(timeout)));
  });
}
