// SPDX-License-Identifier: Apache-2.0
// A virtual machine that runs an image.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "supermachine/detail/pointers.h"
#include "supermachine/detail/std.h"
#include "supermachine/exec.h"
#include "supermachine/image.h"
#include "supermachine/ports.h"
#include "supermachine/result.h"
#include "supermachine/snapshot.h"
#include "supermachine/vm_config.h"

namespace supermachine {

// Where the time of a start went, each from its beginning.
struct StartTimings {
  bool restored = false;                      // from a snapshot, not booted
  std::chrono::nanoseconds memory_ready{};    // the kernel, or the snapshot's memory, is in place
  std::chrono::nanoseconds vm_created{};      // so are devices and vCPUs
  std::chrono::nanoseconds kernel_entered{};  // the first instruction
  std::chrono::nanoseconds agent_ready{};     // start() returns
};

// How a VM ended on its own, or was stopped.
struct VmExit {
  enum class Kind { kStopped, kReset, kHalted, kPanic, kTripleFault, kFailed };
  Kind kind = Kind::kStopped;
  std::string message;  // for people
};

// Owns the VM: destroying it ends it. exec(), files and wait() may be called from many threads at
// once; stop() and destruction may not overlap with them.
class Vm {
 public:
  static Result<Vm> start(const Image& image, const VmConfig& config = {}) {
    return image.start(config);
  }

  Vm(Vm&&) noexcept;
  Vm& operator=(Vm&&) noexcept;
  ~Vm();

  // Starts a command with the image's environment, user and working directory.
  Result<ExecChild> exec(std::vector<std::string> argv) const;
  [[nodiscard]] ExecBuilder exec_builder() const;

  // A file of the guest, by absolute path. The directory must exist (kNotFound); an existing file
  // is overwritten. `mode` holds the permission bits.
  Status write_file(const std::string& path, std::string_view bytes, std::uint32_t mode = 0644);
  // kExhausted for more than `max_bytes`.
  Result<std::string> read_file(const std::string& path,
                                std::size_t max_bytes = std::size_t{1} << 30);

  // The workload is the one command that the VM is there for: a server, say. It belongs to the VM
  // and not to who starts it, so it is part of a snapshot and runs on in every copy.
  //
  // Starts it: the image's entrypoint and cmd, or `argv` in place of both, with the image's
  // environment, user and working directory. kNotFound for a program that is not there,
  // kInvalidArgument while a workload runs.
  Status start_workload(std::vector<std::string> argv = {});
  // The same with the settings of `command`, which comes from exec_builder() and has no terminal,
  // input, timeout or chain.
  Status start_workload(const ExecBuilder& command);
  // Its output from the beginning, as far as the guest keeps it (the last 256 KiB), then live, then
  // its outcome. Destroying the ExecChild leaves it running; any number may follow it at once.
  // kNotFound when none was started.
  Result<ExecChild> follow_workload();
  // Signal `number`, as Linux numbers them, to its process group; SIGKILL to all it started.
  // kNotFound when none runs.
  Status workload_signal(int number);

  // Who takes TCP connections in the guest now, the workload's processes first.
  Result<std::vector<Listener>> listeners();
  // Returns when somebody does: on `port`, or on any for 0. kTimeout; kGuestFault with its status
  // and last line when the workload ends before.
  Result<Listener> wait_listener(std::uint16_t port, std::chrono::milliseconds timeout);

  // Connects to `port` of the guest's loopback. kNotFound when nobody listens there.
  Result<Stream> connect(std::uint16_t port,
                         std::chrono::milliseconds timeout = std::chrono::seconds(10));
  // The same to the workload's port: the one the image was baked with, else that of the first
  // listener. kNotFound when there is none.
  Result<Stream> connect(std::chrono::milliseconds timeout = std::chrono::seconds(10));

  // Lets programs of the host connect to `guest_port` of the guest's loopback: on `host_port`, or a
  // free one for 0, of 127.0.0.1 or of `address`, an IP address of this host in figures.
  // kInvalidArgument when the port is taken. Nobody needs to listen in the guest yet.
  Result<TcpForward> expose_tcp(std::uint16_t host_port, std::uint16_t guest_port);
  Result<TcpForward> expose_tcp(const std::string& address, std::uint16_t host_port,
                                std::uint16_t guest_port);

  // Captures the VM, which runs on, as an image that others start from. `directory` is made; a
  // snapshot that is there is replaced. Commands that run go on here, and are ended in the copies;
  // everything else in the guest is as it was, the workload too. Fails with kGuestFault when the VM
  // has ended, kTimeout, and errors of the file system; then `directory` is as it was.
  Result<Image> snapshot(const std::string& directory, const SnapshotOptions& options);
  Result<Image> snapshot(const std::string& directory);
  // The same, but only what differs from `base`, a snapshot of as much memory, which it needs from
  // then on. Small when this VM was started from `base`.
  Result<Image> snapshot_diff(const std::string& directory, const Image& base,
                              const SnapshotOptions& options);
  Result<Image> snapshot_diff(const std::string& directory, const Image& base);
  // Of the last one that succeeded.
  [[nodiscard]] SnapshotTimings snapshot_timings() const noexcept;

  // Returns when a process of the guest has written a line to /run/supermachine/ready, by which a
  // workload says that it is ready to be captured. kTimeout.
  Status wait_ready(std::chrono::milliseconds timeout);

  // Ends the VM at once: processes in it get no notice. Again is harmless.
  void stop();

  // How the VM ended; nullopt when it still runs after `timeout`.
  std::optional<VmExit> wait(std::chrono::milliseconds timeout);

  // Path of the unix socket to the guest's vsock ports; empty without
  // VmConfig::with_vsock_mux_dir().
  [[nodiscard]] const std::string& vsock_path() const noexcept;
  [[nodiscard]] const StartTimings& timings() const noexcept;

 private:
  friend class Baker;
  friend class Image;
  friend class Pool;
  friend class PoolBuilder;
  friend class PooledVm;
  struct State;
  explicit Vm(detail::Owned<State> state);
  detail::Owned<State> state_;
};

}  // namespace supermachine
