// SPDX-License-Identifier: Apache-2.0
// All vsock connections of one guest: finds the one a packet is for, opens new ones from either
// side, keeps to the limits, and says whose turn it is to send. Knows nothing of queues.
//
// Lives on the device loop, but for connect(), listen() and unlisten(), which any thread may call.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/event_loop.h"
#include "base/mutex.h"
#include "virtio/vsock_connection.h"

namespace supermachine::virtio {

struct VsockMuxConfig {
  // Where the guest's connections go that no listener takes: "<unix_path>_<port>". Empty: nowhere.
  std::string unix_path = {};
  std::size_t max_connections = 1024;
};

// Host ports of connections that the host makes start here, far from those anybody listens on.
inline constexpr std::uint32_t kFirstVsockHostPort = 1U << 30;

// What of a guest's connections outlives a snapshot.
struct VsockMuxState {
  std::uint32_t next_host_port = kFirstVsockHostPort;
  // Those that go on: take_kept() has the host's ends.
  std::vector<VsockConnectionState> kept = {};
  // Those that the guest still believes in: it will be told that they are gone.
  std::vector<VsockPorts> lost = {};

  bool operator==(const VsockMuxState&) const = default;
};

// The host's end of a connection: a blocking stream socket.
struct VsockStream {
  UniqueFd socket = {};
  VsockPorts ports = {};
};

class VsockMux {
 public:
  // Takes a connection the guest made. Called on the loop.
  using Listener = std::function<void(VsockStream stream)>;

  struct Opened {
    std::uint32_t host_port = 0;
    int socket = -1;  // the mux's; a greeting may be written to it before the guest's bytes
  };
  using OpenDone = std::function<void(Result<Opened>)>;
  using Id = std::uint64_t;  // of a connection; never used twice

  // kCorrupt for a state with two connections of the same ports, or too many.
  static Result<std::unique_ptr<VsockMux>> create(const VsockMuxState& state, EventLoop& loop,
                                                  std::uint64_t guest_cid, VsockMuxConfig config);
  VsockMux(const VsockMux&) = delete;
  VsockMux& operator=(const VsockMux&) = delete;
  ~VsockMux();  // the loop is not running, or this is its thread

  // --- any thread ---

  // A connection to `guest_port`. kNotFound when the guest refuses or its driver is not
  // up, kExhausted at the limit of connections, kTimeout at the deadline. Waits: never call it on
  // the loop's own thread.
  Result<VsockStream> connect(std::uint32_t guest_port, Deadline deadline);

  // Takes the guest's connections to `host_port` from now on. kInvalidArgument if somebody does.
  Status listen(std::uint32_t host_port, Listener listener);
  void unlisten(std::uint32_t host_port);

  // The host's end of a connection that the state said was kept; each once. kNotFound for any
  // other.
  Result<UniqueFd> take_kept(VsockPorts ports);

  // --- the loop's thread ---

  // Connects `socket`, which must not block, to `guest_port`. `done` is called exactly once,
  // perhaps before open() returns, and after the preface; on failure the socket is closed.
  Id open(std::uint32_t guest_port, UniqueFd socket, Deadline deadline, OpenDone done,
          VsockPreface preface = {});
  [[nodiscard]] bool is_open(Id id) const { return connections_.contains(id); }
  // Resets a connection and closes its socket, unless it has ended.
  void close(Id id);

  // Of the established connections, those in `keep` on which nothing is under way are kept.
  [[nodiscard]] VsockMuxState save(std::span<const VsockPorts> keep) const;

  [[nodiscard]] std::size_t connection_count() const { return connections_.size(); }

  // --- for the device ---

  // The driver is ready. `wake` is called when the host side has packets for the guest.
  void start(std::function<void()> wake);
  // All connections end and the guest is not told. Listeners stay.
  void stop();

  // A packet from the guest, whose payload is header.len bytes long.
  void on_packet(const VsockHeader& header, std::span<const std::span<const std::byte>> payload);
  // The guest takes no answers: take no more packets from it (section 5.10.6.1.2).
  [[nodiscard]] bool congested() const { return replies_.size() >= kMaxReplies; }

  [[nodiscard]] bool has_packet() const { return !replies_.empty() || !ready_.empty(); }
  // An answer that belongs to no connection any more. These come first.
  [[nodiscard]] const VsockHeader* first_reply() const {
    return replies_.empty() ? nullptr : &replies_.front();
  }
  void drop_first_reply() { replies_.pop_front(); }
  // The connection whose turn it is to send, or nullptr. Follow it with after_turn(), even if it
  // had nothing to say after all.
  [[nodiscard]] VsockConnection* next_ready();
  void after_turn();

 private:
  static constexpr std::size_t kMaxReplies = 1024;
  static constexpr std::size_t kMaxLost = 4096;  // all connections, and as many answers, and more

  struct Entry {
    Id id = 0;
    VsockConnection connection;
    bool queued = false;   // in ready_
    bool watched = false;  // by the loop
    std::optional<EventLoop::TimerId> timer = {};
    OpenDone done = {};  // while connecting
  };

  VsockMux(EventLoop& loop, std::uint64_t guest_cid, VsockMuxConfig config);

  static std::uint64_t key(VsockPorts ports) {
    return std::uint64_t{ports.host} << 32 | ports.guest;
  }

  Status restore(const VsockMuxState& state);
  Entry* find(Id id);
  Entry& add(VsockPorts ports, std::unique_ptr<Entry> entry);
  void accept(const VsockHeader& request);
  Result<UniqueFd> host_socket_for(VsockPorts ports, std::function<void()>& deliver);
  void refuse(const VsockHeader& packet);
  [[nodiscard]] VsockHeader rst(VsockPorts ports, VsockType type) const;
  void watch(Entry& entry);
  void on_socket(Id id, std::uint32_t events);
  void on_timer(Id id);
  void update(Entry& entry);
  void release_ports(const Entry& entry);
  void erase(Entry& entry, const Error& reason);
  std::optional<std::uint32_t> free_host_port(std::uint32_t guest_port);

  EventLoop& loop_;  // not owned; outlives us
  const std::uint64_t guest_cid_;
  const VsockMuxConfig config_;
  std::function<void()> wake_;  // empty: the driver is not ready

  std::unordered_map<Id, std::unique_ptr<Entry>> connections_;
  std::unordered_map<std::uint64_t, Id> by_ports_;  // draining ones have lost theirs
  std::deque<Id> ready_;
  std::deque<VsockHeader> replies_;
  Id next_id_ = 1;
  std::uint32_t next_host_port_;

  Mutex mutex_;
  std::unordered_map<std::uint32_t, Listener> listeners_ SM_GUARDED_BY(mutex_);
  std::unordered_map<std::uint64_t, UniqueFd> kept_ SM_GUARDED_BY(mutex_);  // until taken

  // Work posted to the loop holds this weakly, and does nothing once we are gone.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace supermachine::virtio
