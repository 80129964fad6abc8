// SPDX-License-Identifier: Apache-2.0
// Lets other processes of this user connect to a guest through a socket file, by Firecracker's
// convention: docs/formats/vsock-mux.md. Speaks the greeting; the mux does the rest.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "virtio/vsock_mux.h"

namespace supermachine::virtio {

// Lives on the device loop. Removes its socket file when it ends.
class VsockUnixServer {
 public:
  // The longest greeting: "CONNECT 4294967295\n".
  static constexpr std::size_t kMaxGreeting = 19;
  static constexpr std::size_t kMaxGreeters = 64;  // clients that have not said where to

  // kOs when something is at `path` already.
  static Result<std::unique_ptr<VsockUnixServer>> create(EventLoop& loop, VsockMux& mux,
                                                         const std::string& path);
  VsockUnixServer(const VsockUnixServer&) = delete;
  VsockUnixServer& operator=(const VsockUnixServer&) = delete;
  ~VsockUnixServer();

 private:
  struct Greeter {
    UniqueFd socket;
    EventLoop::TimerId timer = 0;
  };

  VsockUnixServer(EventLoop& loop, VsockMux& mux, std::string path, UniqueFd listener)
      : loop_(loop), mux_(mux), path_(std::move(path)), listener_(std::move(listener)) {}

  Status start();
  void on_listener();
  void pause();
  void add(UniqueFd socket);
  void on_greeter(int fd);
  UniqueFd remove(int fd);

  EventLoop& loop_;  // not owned; outlives us
  VsockMux& mux_;    // not owned; outlives us
  const std::string path_;
  UniqueFd listener_;
  std::unordered_map<int, Greeter> greeters_;
  EventLoop::TimerId resume_timer_ = 0;
};

// The port in "CONNECT <port>\n"; nullopt for anything else.
[[nodiscard]] std::optional<std::uint32_t> parse_vsock_greeting(std::string_view line);

}  // namespace supermachine::virtio
