// SPDX-License-Identifier: Apache-2.0
// A virtual machine that another process runs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "supermachine/detail/pointers.h"
#include "supermachine/detail/std.h"
#include "supermachine/exec.h"
#include "supermachine/image.h"
#include "supermachine/ports.h"
#include "supermachine/result.h"

namespace supermachine {

// Reaches the guest of a VM that was started with VmConfig::with_vsock_mux_dir(), from any process
// of the same user. Owns nothing: the VM goes on when this ends, and calls fail with kNotFound or
// kGuestFault when the VM has ended. Safe to use from many threads at once.
class RemoteVm {
 public:
  // `vsock_path` is that VM's Vm::vsock_path(), `image` what its commands get where nothing else is
  // said: usually its image's config(). Does not connect yet.
  static RemoteVm attach(std::string vsock_path, ImageConfig image);

  RemoteVm(RemoteVm&&) noexcept;
  RemoteVm& operator=(RemoteVm&&) noexcept;
  ~RemoteVm();

  // As of Vm. A command that was started here is killed when its ExecChild is destroyed, also by
  // the end of this process.
  Result<ExecChild> exec(std::vector<std::string> argv) const;
  [[nodiscard]] ExecBuilder exec_builder() const;

  Status write_file(const std::string& path, std::string_view bytes, std::uint32_t mode = 0644);
  Result<std::string> read_file(const std::string& path,
                                std::size_t max_bytes = std::size_t{1} << 30);

  // As of Vm. An agent that is too old for them breaks the connection off: kGuestFault.
  Result<ExecChild> follow_workload() const;
  Status workload_signal(int number) const;
  Result<std::vector<Listener>> listeners() const;
  Result<Stream> connect(std::uint16_t port,
                         std::chrono::milliseconds timeout = std::chrono::seconds(10)) const;

 private:
  struct State;
  explicit RemoteVm(detail::Owned<State> state);
  detail::Owned<State> state_;
};

}  // namespace supermachine
