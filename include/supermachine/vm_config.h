// SPDX-License-Identifier: Apache-2.0
// How a VM of an image is to be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "supermachine/assets.h"
#include "supermachine/detail/std.h"
#include "supermachine/result.h"

namespace supermachine {

// A value: copy it, keep it, pass it to several starts. Settings are checked by Image::start().
//
//   auto vm = image.start(VmConfig().with_memory_mib(512).with_vcpus(2));
class VmConfig {
 public:
  // MiB of guest memory; default 256, or what the snapshot was captured with, which cannot be
  // changed any more. Memory costs the host nothing before the guest touches it.
  VmConfig& with_memory_mib(std::uint32_t mib) { return memory_mib_ = mib, *this; }
  // 1 to 32; default 1, or what the snapshot was captured with, which cannot be changed any more.
  VmConfig& with_vcpus(std::uint32_t count) { return vcpus_ = count, *this; }
  // Default: AssetPaths::discover().
  VmConfig& with_assets(AssetPaths assets) { return assets_ = std::move(assets), *this; }
  // Where to put a unix socket through which other processes reach the guest's vsock ports
  // (docs/formats/vsock-mux.md); Vm::vsock_path() has its name. Default: no such socket.
  VmConfig& with_vsock_mux_dir(std::string dir) { return vsock_mux_dir_ = std::move(dir), *this; }
  // How long the guest may take to boot until its agent answers. Default 30 s.
  VmConfig& with_boot_timeout(std::chrono::milliseconds timeout) {
    return boot_timeout_ = timeout, *this;
  }
  // The same for a VM that is restored from a snapshot. Default 10 s.
  VmConfig& with_restore_timeout(std::chrono::milliseconds timeout) {
    return restore_timeout_ = timeout, *this;
  }
  // Up to 64 letters, digits, dots and hyphens. Default "supermachine", or what the snapshot has.
  VmConfig& with_hostname(std::string name) { return hostname_ = std::move(name), *this; }
  // What /etc/machine-id of a restored VM says: 32 lower-case hex digits. Default: what it said.
  VmConfig& with_machine_id(std::string id) { return machine_id_ = std::move(id), *this; }
  // Bytes for the workload of a restored VM, at most 48 KiB: they are in
  // /run/supermachine/payload when its hook runs (docs/guide/snapshots.md). Default: none.
  VmConfig& with_payload(std::string bytes) { return payload_ = std::move(bytes), *this; }
  // Whether a VM starts the workload, the image's entrypoint and cmd, as soon as it runs. Default:
  // in VMs of a bake (supermachine/image_builder.h) that was captured before its workload started.
  VmConfig& with_workload(bool on) { return workload_ = on, *this; }
  // A file descriptor, borrowed for the life of the VM, that gets what the guest prints on its
  // serial console, the kernel's boot messages included. What it does not take at once is dropped:
  // use a file, or make it non-blocking. Default: none; the last lines appear in errors anyway.
  VmConfig& with_console_fd(int fd) { return console_fd_ = fd, *this; }

  // kInvalidArgument for what Image::start() would refuse on this host, whatever the image. Costs
  // nothing: for those who want to know before they read an image.
  [[nodiscard]] Status check() const;

  [[nodiscard]] const std::optional<std::uint32_t>& memory_mib() const { return memory_mib_; }
  [[nodiscard]] const std::optional<std::uint32_t>& vcpus() const { return vcpus_; }
  [[nodiscard]] const std::optional<AssetPaths>& assets() const { return assets_; }
  [[nodiscard]] const std::string& vsock_mux_dir() const { return vsock_mux_dir_; }
  [[nodiscard]] std::chrono::milliseconds boot_timeout() const { return boot_timeout_; }
  [[nodiscard]] std::chrono::milliseconds restore_timeout() const { return restore_timeout_; }
  [[nodiscard]] const std::optional<std::string>& hostname() const { return hostname_; }
  [[nodiscard]] const std::string& machine_id() const { return machine_id_; }
  [[nodiscard]] const std::string& payload() const { return payload_; }
  [[nodiscard]] const std::optional<bool>& workload() const { return workload_; }
  [[nodiscard]] int console_fd() const { return console_fd_; }

 private:
  std::optional<std::uint32_t> memory_mib_;
  std::optional<std::uint32_t> vcpus_;
  std::optional<AssetPaths> assets_;
  std::string vsock_mux_dir_;
  std::chrono::milliseconds boot_timeout_ = std::chrono::seconds(30);
  std::chrono::milliseconds restore_timeout_ = std::chrono::seconds(10);
  std::optional<std::string> hostname_;
  std::string machine_id_;
  std::string payload_;
  std::optional<bool> workload_;
  int console_fd_ = -1;
};

}  // namespace supermachine
