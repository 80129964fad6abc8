// SPDX-License-Identifier: Apache-2.0
#include "supermachine/c/snapshot.h"

#include "capi/call.h"
#include "capi/handles.h"
#include "supermachine/c/vm.h"

using namespace supermachine;
using namespace supermachine::capi;

supermachine_snapshot_options* supermachine_snapshot_options_new() noexcept {
  return new supermachine_snapshot_options();
}
void supermachine_snapshot_options_free(supermachine_snapshot_options* options) noexcept {
  delete options;
}
supermachine_status supermachine_snapshot_options_set_include_rootfs(
    supermachine_snapshot_options* options, bool on) noexcept {
  return set({{"options", options}}, [&] { options->options.include_rootfs = on; });
}
supermachine_status supermachine_snapshot_options_set_drop_caches(
    supermachine_snapshot_options* options, bool on) noexcept {
  return set({{"options", options}}, [&] { options->options.drop_caches = on; });
}
supermachine_status supermachine_snapshot_options_set_rehearse(
    supermachine_snapshot_options* options, bool on) noexcept {
  return set({{"options", options}}, [&] { options->options.rehearse = on; });
}
supermachine_status supermachine_snapshot_options_set_timeout(
    supermachine_snapshot_options* options, int64_t timeout) noexcept {
  return set_time(options, timeout, [&](auto time) { options->options.timeout = time; });
}

supermachine_status supermachine_vm_snapshot(supermachine_vm* vm, const char* directory,
                                             const supermachine_snapshot_options* options,
                                             supermachine_image** image,
                                             supermachine_error** error) noexcept {
  return give(image, error, {{"vm", vm}, {"directory", directory}}, [&] {
    return vm->get().snapshot(directory, options == nullptr ? SnapshotOptions() : options->options);
  });
}
supermachine_status supermachine_vm_snapshot_diff(supermachine_vm* vm, const char* directory,
                                                  const supermachine_image* base,
                                                  const supermachine_snapshot_options* options,
                                                  supermachine_image** image,
                                                  supermachine_error** error) noexcept {
  return give(image, error, {{"vm", vm}, {"directory", directory}, {"base", base}}, [&] {
    return vm->get().snapshot_diff(directory, base->image,
                                   options == nullptr ? SnapshotOptions() : options->options);
  });
}
int64_t supermachine_vm_snapshot_pause(const supermachine_vm* vm) noexcept {
  return get(vm, [](auto& v) -> std::int64_t { return v.get().snapshot_timings().pause.count(); });
}
int64_t supermachine_vm_snapshot_total(const supermachine_vm* vm) noexcept {
  return get(vm, [](auto& v) -> std::int64_t { return v.get().snapshot_timings().total.count(); });
}

supermachine_status supermachine_snapshot_inspect(const char* path,
                                                  supermachine_snapshot_info** info,
                                                  supermachine_error** error) noexcept {
  return give(info, error, {{"path", path}}, [&] { return inspect_snapshot(path); });
}
supermachine_status supermachine_snapshot_verify(const char* path,
                                                 supermachine_error** error) noexcept {
  return call(error, {{"path", path}}, [&] { return verify_snapshot(path); });
}
void supermachine_snapshot_info_free(supermachine_snapshot_info* info) noexcept { delete info; }

const char* supermachine_snapshot_info_directory(const supermachine_snapshot_info* info) noexcept {
  return get_string(
      info, [](auto& i) -> auto& { return i.info.directory; });
}
const char* supermachine_snapshot_info_id(const supermachine_snapshot_info* info) noexcept {
  return get_string(
      info, [](auto& i) -> auto& { return i.info.id; });
}
bool supermachine_snapshot_info_is_diff(const supermachine_snapshot_info* info) noexcept {
  return get(info, [](auto& i) { return i.info.is_diff; });
}
const char* supermachine_snapshot_info_base(const supermachine_snapshot_info* info) noexcept {
  return get_string(
      info, [](auto& i) -> auto& { return i.info.base; });
}
int64_t supermachine_snapshot_info_created(const supermachine_snapshot_info* info) noexcept {
  return get(info, [](auto& i) { return i.info.created; });
}
uint32_t supermachine_snapshot_info_memory_mib(const supermachine_snapshot_info* info) noexcept {
  return get(info, [](auto& i) { return i.info.memory_mib; });
}
uint32_t supermachine_snapshot_info_vcpus(const supermachine_snapshot_info* info) noexcept {
  return get(info, [](auto& i) { return i.info.vcpus; });
}
uint64_t supermachine_snapshot_info_stored_bytes(const supermachine_snapshot_info* info) noexcept {
  return get(info, [](auto& i) { return i.info.stored_bytes; });
}
uint64_t supermachine_snapshot_info_hot_bytes(const supermachine_snapshot_info* info) noexcept {
  return get(info, [](auto& i) { return i.info.hot_bytes; });
}
const char* supermachine_snapshot_info_image_name(const supermachine_snapshot_info* info) noexcept {
  return get_string(
      info, [](auto& i) -> auto& { return i.info.image_name; });
}
const char* supermachine_snapshot_info_image_digest(
    const supermachine_snapshot_info* info) noexcept {
  return get_string(
      info, [](auto& i) -> auto& { return i.info.image_digest; });
}
const char* supermachine_snapshot_info_rootfs_path(
    const supermachine_snapshot_info* info) noexcept {
  return get_string(
      info, [](auto& i) -> auto& { return i.info.rootfs_path; });
}
const char* supermachine_snapshot_info_cpu_vendor(const supermachine_snapshot_info* info) noexcept {
  return get_string(
      info, [](auto& i) -> auto& { return i.info.cpu_vendor; });
}
const char* supermachine_snapshot_info_guest_kernel(
    const supermachine_snapshot_info* info) noexcept {
  return get_string(
      info, [](auto& i) -> auto& { return i.info.guest_kernel; });
}
const supermachine_image_config* supermachine_snapshot_info_image_config(
    const supermachine_snapshot_info* info) noexcept {
  return get(info, [](auto& i) { return &i.config; });
}
const supermachine_string_list* supermachine_snapshot_info_problems(
    const supermachine_snapshot_info* info) noexcept {
  return get(info, [](auto& i) { return &i.problems; });
}
