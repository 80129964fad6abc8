// SPDX-License-Identifier: Apache-2.0
#include "virtio/vsock_tcp.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/sys.h"
#include "base/tcp.h"

namespace supermachine::virtio {
namespace {

using namespace std::chrono_literals;

constexpr auto kConnectTimeout = 10s;  // for the guest to answer the preface
constexpr auto kPause = 100ms;         // after running out of descriptors
constexpr int kAcceptsPerTurn = 16;
constexpr std::size_t kManyConnections = 1024;

}  // namespace

Result<std::unique_ptr<VsockTcpServer>> VsockTcpServer::create(EventLoop& loop, VsockMux& mux,
                                                               VsockTcpConfig config) {
  std::unique_ptr<VsockTcpServer> server(new VsockTcpServer(loop, mux, std::move(config)));
  SM_TRY(loop.add(server->config_.listener.get(), EPOLLIN,
                  [s = server.get()](std::uint32_t) { s->on_listener(); }));
  return server;
}

VsockTcpServer::~VsockTcpServer() {
  loop_.cancel(resume_timer_);
  loop_.remove(config_.listener.get());
  for (const VsockMux::Id id : connections_) mux_.close(id);
}

void VsockTcpServer::on_listener() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    auto client = sys::accept(config_.listener.get());
    if (!client.ok()) return pause();
    if (!client.value()) return;
    UniqueFd socket = *std::move(client).value();
    if (!sys::set_nonblocking(socket.get(), true).ok()) continue;
    tcp_no_delay(socket.get());
    if (connections_.size() >= 2 * kManyConnections) forget_ended();
    // On a failure the closed socket says so.
    connections_.push_back(mux_.open(
        config_.guest_port, std::move(socket), deadline_in(kConnectTimeout),
        [](const Result<VsockMux::Opened>&) {}, config_.preface));
  }
}

// Out of descriptors: the client in line would wake the loop without end.
void VsockTcpServer::pause() {
  if (!loop_.modify(config_.listener.get(), 0).ok()) return;
  resume_timer_ = loop_.call_at(deadline_in(kPause), [this] {
    static_cast<void>(loop_.modify(config_.listener.get(), EPOLLIN).ok());
  });
}

void VsockTcpServer::forget_ended() {
  std::erase_if(connections_, [this](VsockMux::Id id) { return !mux_.is_open(id); });
}

}  // namespace supermachine::virtio
