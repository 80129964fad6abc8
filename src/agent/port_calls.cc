// SPDX-License-Identifier: Apache-2.0
#include "agent/port_calls.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "agent/listeners.h"

namespace supermachine::agent {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// The loopback answers at once, but for a listener whose backlog is full.
constexpr std::chrono::seconds kConnectTimeout{10};

// Between two looks for a listener.
constexpr milliseconds kFirstPause{1};
constexpr milliseconds kLastPause{100};

union LoopbackAddress {
  sockaddr generic;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

constexpr int kFamilies[] = {AF_INET, AF_INET6};

std::pair<LoopbackAddress, socklen_t> loopback(int family, std::uint16_t port) {
  LoopbackAddress address{};
  if (family == AF_INET) {
    address.v4 = {.sin_family = AF_INET,
                  .sin_port = htons(port),
                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
                  .sin_zero = {}};
    return {address, sizeof(address.v4)};
  }
  address.v6 = {.sin6_family = AF_INET6,
                .sin6_port = htons(port),
                .sin6_flowinfo = 0,
                .sin6_addr = IN6ADDR_LOOPBACK_INIT,
                .sin6_scope_id = 0};
  return {address, sizeof(address.v6)};
}

int pending_error(int socket) {
  int error = 0;
  socklen_t size = sizeof(error);
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace

Status ConnectCall::start() {
  // What the host sends from here on is the connection's.
  context_.channel.pause();
  return try_next_address();
}

Status ConnectCall::try_next_address() {
  const int family = kFamilies[address_++];
  socket_ = UniqueFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_) return on_outcome(errno);
  const int on = 1;  // the relay's writes are as large as they should be
  static_cast<void>(::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
  const auto [address, size] = loopback(family, port_);
  if (::connect(socket_.get(), &address.generic, size) == 0) return on_outcome(0);
  if (errno != EINPROGRESS) return on_outcome(errno);
  SM_TRY(context_.services.loop.add(socket_.get(), EPOLLOUT,
                                    [this](std::uint32_t) { on_late_outcome(); }));
  timeout_ = context_.services.loop.call_at(deadline_in(kConnectTimeout), [this] {
    timeout_.reset();
    forget_socket();
    context_.fail(Error(Errc::kTimeout, "the listener on port " + std::to_string(port_) +
                                            " does not accept connections"));
  });
  return {};
}

void ConnectCall::on_late_outcome() {
  UniqueFd socket = std::move(socket_);
  context_.services.loop.remove(socket.get());
  if (timeout_) context_.services.loop.cancel(*timeout_);
  timeout_.reset();
  const int error = pending_error(socket.get());
  if (error == 0) socket_ = std::move(socket);
  if (const Status status = on_outcome(error); !status.ok()) context_.fail(status.error());
}

Status ConnectCall::on_outcome(int error) {
  if (error == 0) {
    context_.join(std::move(socket_));
    return {};
  }
  socket_ = UniqueFd();
  const bool nobody = error == ECONNREFUSED || error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
  if (!nobody) return Error::from_errno("connect to port " + std::to_string(port_), error);
  if (address_ < std::size(kFamilies)) return try_next_address();
  return Error(Errc::kNotFound, "nothing listens on port " + std::to_string(port_));
}

void ConnectCall::forget_socket() {
  if (timeout_) context_.services.loop.cancel(*timeout_);
  timeout_.reset();
  if (socket_) context_.services.loop.remove(socket_.get());
  socket_ = UniqueFd();
}

Status ConnectCall::on_frame(const rpc::FrameView&) {
  return Error(Errc::kCorrupt, "a frame inside a connect call");
}

void ConnectCall::on_broken() {
  forget_socket();
  context_.end(CallEnd::kGone);
}

WaitListenerCall::WaitListenerCall(CallContext context, rpc::WaitListener request,
                                   std::shared_ptr<WorkloadProcess> workload)
    : context_(std::move(context)),
      request_(request),
      workload_(std::move(workload)),
      started_(Clock::now()) {}

WaitListenerCall::~WaitListenerCall() {
  if (timer_) context_.services.loop.cancel(*timer_);
  if (watch_) workload_->unwatch(*watch_);
}

Status WaitListenerCall::start() {
  if (workload_) {
    watch_ = workload_->watch([this] {
      if (workload_->outcome()) look_again();
    });
  }
  return look();
}

void WaitListenerCall::look_again() {
  if (over_) return;
  if (const Status status = look(); !status.ok()) {
    over_ = true;
    context_.fail(status.error());
  }
}

Status WaitListenerCall::look() {
  if (timer_) context_.services.loop.cancel(*timer_);
  timer_.reset();
  auto found = SM_TRY(find_listeners(request_.port, workload_ ? workload_->pid() : -1));
  if (!found.empty()) {
    over_ = true;
    context_.channel.send(rpc::Listeners{.listeners = {std::move(found.front())}});
    context_.end(CallEnd::kInOrder);
    return {};
  }
  if (workload_ && workload_->outcome()) {
    return Error(Errc::kGuestFault,
                 "the workload " + workload_->describe_end() + " (" + whom() + ")");
  }
  const auto passed = Clock::now() - started_;
  const auto left = milliseconds(std::min<std::uint64_t>(request_.timeout_ms, 1ULL << 40)) - passed;
  if (left <= Clock::duration::zero()) {
    return Error(Errc::kTimeout, whom() + " within " + std::to_string(request_.timeout_ms) + " ms");
  }
  const auto pause = std::clamp<Clock::duration>(passed / 8, kFirstPause, kLastPause);
  timer_ = context_.services.loop.call_at(deadline_in(std::min(pause, left)), [this] {
    timer_.reset();
    look_again();
  });
  return {};
}

std::string WaitListenerCall::whom() const {
  return request_.port == 0 ? "nothing listens"
                            : "nothing listens on port " + std::to_string(request_.port);
}

Status WaitListenerCall::on_frame(const rpc::FrameView&) {
  return Error(Errc::kCorrupt, "a frame inside a call that waits for a listener");
}

void WaitListenerCall::on_broken() {
  over_ = true;
  if (timer_) context_.services.loop.cancel(*timer_);
  timer_.reset();
  context_.end(CallEnd::kGone);
}

}  // namespace supermachine::agent
