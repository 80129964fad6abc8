// SPDX-License-Identifier: Apache-2.0
// Serves calls: each stream carries one at a time, whose kind its first frame says.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "agent/call.h"
#include "agent/workload_process.h"
#include "base/relay.h"

namespace supermachine::agent {

// Lives on the loop's thread. SIGPIPE must be ignored in the process.
class Server {
 public:
  explicit Server(Services services);
  ~Server();

  // Serves call after call on `stream`, any pollable fd that reads and writes; `done` follows when
  // the stream has been closed. A call whose stream breaks is ended: its processes are killed.
  void serve_call(UniqueFd stream, std::function<void()> done = {});

  // Serves every connection to `listener`, a listening socket, until the server is destroyed.
  Status listen(UniqueFd listener);

  // New calls wait from now on; those that run go on.
  void hold();
  // The calls that wait, and later ones, are served again.
  void release();
  // They fail with `why`.
  void refuse(Error why);

  [[nodiscard]] std::size_t open_calls() const { return sessions_.size(); }

 private:
  class Session;
  enum class Gate { kOpen, kHeld, kRefused };

  // A call that became the other end of a socket.
  struct Joined {
    std::function<void()> done;
    std::unique_ptr<Relay> relay;
  };

  void accept_waiting();
  void relay(UniqueFd stream, std::span<const std::byte> early, UniqueFd other,
             std::function<void()> done);
  void drop_relay(std::uint64_t id);
  void drop(std::uint64_t id);
  void begin_held();
  void call_began();
  void call_ended();

  Services services_;
  Users users_;
  UniqueFd listener_;
  std::shared_ptr<WorkloadProcess> workload_;  // the last that was started
  std::map<std::uint64_t, std::unique_ptr<Session>> sessions_;
  std::map<std::uint64_t, Joined> relays_;
  std::uint64_t next_id_ = 1;
  Gate gate_ = Gate::kOpen;
  std::optional<Error> refusal_;
  std::size_t running_ = 0;       // calls
  std::size_t most_running_ = 0;  // since memory was last given back
};

}  // namespace supermachine::agent
