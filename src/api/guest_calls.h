// SPDX-License-Identifier: Apache-2.0
// What can be asked of a guest whose agent can be reached, whoever runs its VM: what Vm and
// RemoteVm have in common.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/command_log.h"
#include "client/connection.h"
#include "supermachine/exec.h"
#include "supermachine/image.h"
#include "supermachine/ports.h"

namespace supermachine {

// Any thread. For one expression: `image` is borrowed.
class GuestCalls {
 public:
  // `log`, if there is one, is told of the commands that are run.
  GuestCalls(client::Connector connect, const ImageConfig& image,
             std::shared_ptr<CommandLog> log = {})
      : connect_(std::move(connect)), image_(image), log_(std::move(log)) {}

  // A command as the image says; argv is still missing.
  [[nodiscard]] ExecBuilder exec_builder() const;

  Status write_file(const std::string& path, std::string_view bytes, std::uint32_t mode) const;
  [[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t max_bytes) const;

  [[nodiscard]] Status start_workload(std::vector<std::string> argv) const;
  [[nodiscard]] static Status start_workload(const ExecBuilder& command);
  [[nodiscard]] Result<ExecChild> follow_workload() const;
  [[nodiscard]] Status workload_signal(int number) const;

  [[nodiscard]] Result<std::vector<Listener>> listeners() const;
  [[nodiscard]] Result<Listener> wait_listener(std::uint16_t port,
                                               std::chrono::milliseconds timeout) const;
  [[nodiscard]] Result<Stream> connect(std::uint16_t port, std::chrono::milliseconds timeout) const;
  // To the first listener.
  [[nodiscard]] Result<Stream> connect(std::chrono::milliseconds timeout) const;

 private:
  const client::Connector connect_;
  const ImageConfig& image_;
  const std::shared_ptr<CommandLog> log_;
};

}  // namespace supermachine
