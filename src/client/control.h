// SPDX-License-Identifier: Apache-2.0
// The connection on which the agent rings: it says hello first and stays open for as long as the
// guest runs, over captures and in the VMs restored from them. What is said on it around a capture
// is in docs/formats/rpc.md, "Capture and restore".
#pragma once

#include "client/connection.h"

namespace supermachine::client {

// Used by one thread at a time.
class ControlConnection {
 public:
  // `stream` was accepted from the guest on kControlPort. kUnsupported for an agent of another
  // protocol version.
  static Result<ControlConnection> create(UniqueFd stream, Deadline deadline);

  // The host's end of a connection on which `hello` was said before the guest was captured.
  static Result<ControlConnection> resume(UniqueFd stream, rpc::Hello hello);

  [[nodiscard]] const rpc::Hello& hello() const { return hello_; }
  [[nodiscard]] bool has_feature(std::string_view name) const;

  // Each returns when the agent has done it, or with the agent's reason why not. After kTimeout the
  // connection can be used on. For agents with rpc::kFeatureRestore.
  Status prepare(const rpc::Prepare& prepare, Deadline deadline);
  Status resumed(Deadline deadline);
  Status restored(const rpc::Restored& restored, Deadline deadline);

  // Whether the workload has said that it is ready to be baked, as far as that has come here. Does
  // not wait. Each time it says so counts once, and wait_ready() takes one.
  [[nodiscard]] bool ready();
  Status wait_ready(Deadline deadline);

  // Asks the guest to sync and restart. Does not wait.
  void request_shutdown();

  // Readable when the guest ended the connection or the workload said something.
  [[nodiscard]] int fd() const noexcept { return connection_.fd(); }

 private:
  ControlConnection(Connection connection, rpc::Hello hello)
      : connection_(std::move(connection)), hello_(std::move(hello)) {}
  Status answer(Deadline deadline);
  // Nothing for a frame that is no answer of interest.
  Result<std::optional<Status>> interpret(const rpc::FrameView& frame);

  Connection connection_;
  rpc::Hello hello_;
  std::size_t ready_ = 0;    // said, not yet taken
  std::size_t overdue_ = 0;  // answers that nobody waits for any more
};

}  // namespace supermachine::client
