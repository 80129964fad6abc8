// The connection on which the agent rings: it says hello first and stays open for as long as the
// guest runs.
#pragma once

#include "client/connection.h"

namespace supermachine::client {

class ControlConnection {
 public:
  // `stream` was accepted from the guest on kControlPort. kUnsupported for an agent of another
  // protocol version.
  static Result<ControlConnection> create(UniqueFd stream, Deadline deadline);

  [[nodiscard]] const rpc::Hello& hello() const { return hello_; }
  [[nodiscard]] bool has_feature(std::string_view name) const;

  // Asks the guest to sync and restart. Does not wait.
  void request_shutdown();

  // Readable when the guest ended the connection.
  [[nodiscard]] int fd() const noexcept { return connection_.fd(); }

 private:
  ControlConnection(Connection connection, rpc::Hello hello)
      : connection_(std::move(connection)), hello_(std::move(hello)) {}
  Connection connection_;
  rpc::Hello hello_;
};

}  // namespace supermachine::client
