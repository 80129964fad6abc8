// Serves calls: each stream carries one, whose kind its first frame says.
#pragma once

#include <map>
#include <memory>

#include "agent/call.h"

namespace supermachine::agent {

// Lives on the loop's thread. SIGPIPE must be ignored in the process.
class Server {
 public:
  explicit Server(Services services);
  ~Server();

  // Serves one call on `stream`, any pollable fd that reads and writes; `done` follows when the
  // stream has been closed, however the call ended. A call whose stream breaks is ended: its
  // processes are killed.
  void serve_call(UniqueFd stream, std::function<void()> done = {});

  // Serves every connection to `listener`, a listening socket, until the server is destroyed.
  Status listen(UniqueFd listener);

  [[nodiscard]] std::size_t open_calls() const { return sessions_.size(); }

 private:
  class Session;
  void accept_waiting();
  void drop(std::uint64_t id);

  Services services_;
  UniqueFd listener_;
  std::map<std::uint64_t, std::unique_ptr<Session>> sessions_;
  std::uint64_t next_id_ = 1;
};

}  // namespace supermachine::agent
