// SPDX-License-Identifier: Apache-2.0
#include "virtio/vsock_unix.h"

#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include "base/sys.h"

namespace supermachine::virtio {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kVerb = "CONNECT ";
constexpr auto kGreetingTimeout = 10s;  // to say where to
constexpr auto kConnectTimeout = 10s;   // for the guest to answer
constexpr auto kPause = 100ms;          // after running out of descriptors
constexpr int kAcceptsPerTurn = 16;

}  // namespace

std::optional<std::uint32_t> parse_vsock_greeting(std::string_view line) {
  if (!line.starts_with(kVerb) || !line.ends_with('\n')) return std::nullopt;
  line.remove_prefix(kVerb.size());
  line.remove_suffix(1);
  std::uint32_t port = 0;
  const char* end = line.data() + line.size();
  const auto [rest, error] = std::from_chars(line.data(), end, port);
  if (error != std::errc() || rest != end) return std::nullopt;
  return port;
}

Result<std::unique_ptr<VsockUnixServer>> VsockUnixServer::create(EventLoop& loop, VsockMux& mux,
                                                                 const std::string& path) {
  UniqueFd listener = SM_TRY(sys::unix_listen(path));
  std::unique_ptr<VsockUnixServer> server(
      new VsockUnixServer(loop, mux, path, std::move(listener)));
  SM_TRY(server->start());
  return server;
}

VsockUnixServer::~VsockUnixServer() {
  loop_.cancel(resume_timer_);
  loop_.remove(listener_.get());
  while (!greeters_.empty()) static_cast<void>(remove(greeters_.begin()->first));
  // A file that somebody removed before us is as good.
  static_cast<void>(sys::unlink(path_).ok());
}

Status VsockUnixServer::start() {
  SM_TRY(sys::set_nonblocking(listener_.get(), true));
  return loop_.add(listener_.get(), EPOLLIN, [this](std::uint32_t) { on_listener(); });
}

void VsockUnixServer::on_listener() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    auto client = sys::accept(listener_.get());
    if (!client.ok()) return pause();
    if (!client.value()) return;
    add(*std::move(client).value());
  }
}

// Out of descriptors: the client in line would wake the loop without end.
void VsockUnixServer::pause() {
  if (!loop_.modify(listener_.get(), 0).ok()) return;
  resume_timer_ = loop_.call_at(deadline_in(kPause), [this] {
    static_cast<void>(loop_.modify(listener_.get(), EPOLLIN).ok());
  });
}

void VsockUnixServer::add(UniqueFd socket) {
  if (greeters_.size() >= kMaxGreeters) return;
  if (!sys::set_nonblocking(socket.get(), true).ok()) return;
  const int fd = socket.get();
  // Edge-triggered, since an unfinished line stays in the socket.
  if (!loop_.add(fd, EPOLLIN | EPOLLRDHUP | EPOLLET, [this, fd](std::uint32_t) { on_greeter(fd); })
           .ok()) {
    return;
  }
  const auto timer =
      loop_.call_at(deadline_in(kGreetingTimeout), [this, fd] { static_cast<void>(remove(fd)); });
  greeters_.emplace(fd, Greeter{.socket = std::move(socket), .timer = timer});
}

// The line is looked at before it is taken, so that bytes behind it stay for the guest.
void VsockUnixServer::on_greeter(int fd) {
  std::array<std::byte, kMaxGreeting> bytes{};
  const auto peeked = sys::try_peek(fd, bytes);
  if (peeked.ok() && !peeked.value()) return;
  const std::size_t len = peeked.ok() ? *peeked.value() : 0;
  // Any object may be looked at as chars.
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), len);
  const std::size_t newline = text.find('\n');
  if (newline == std::string_view::npos && len != 0 && len < kMaxGreeting) return;  // more to come

  UniqueFd socket = remove(fd);
  if (newline == std::string_view::npos) return;
  const auto port = parse_vsock_greeting(text.substr(0, newline + 1));
  if (!port) return;
  if (!sys::try_read(fd, std::span(bytes).first(newline + 1)).ok()) return;
  mux_.open(*port, std::move(socket), deadline_in(kConnectTimeout),
            [](const Result<VsockMux::Opened>& opened) {
              if (!opened.ok()) return;  // the closed socket says so
              const std::string answer = "OK " + std::to_string(opened.value().host_port) + "\n";
              // A client that cannot even take this is gone, which the relay will notice.
              const std::array segment{std::as_bytes(std::span(answer))};
              static_cast<void>(sys::try_sendv(opened.value().socket, segment).ok());
            });
}

UniqueFd VsockUnixServer::remove(int fd) {
  auto node = greeters_.extract(fd);
  loop_.remove(fd);
  loop_.cancel(node.mapped().timer);
  return std::move(node.mapped().socket);
}

}  // namespace supermachine::virtio
