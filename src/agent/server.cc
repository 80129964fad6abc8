// SPDX-License-Identifier: Apache-2.0
#include "agent/server.h"

#include <malloc.h>
#include <unistd.h>

#include "agent/requests.h"
#include "agent/scratch.h"
#include "base/sys.h"

namespace supermachine::agent {
namespace {

// Each holds a few descriptors and buffers; beyond this something has gone wrong at the host.
constexpr std::size_t kMaxCalls = 1024;

// So many calls at once leave memory behind that is worth giving back.
constexpr std::size_t kManyCalls = 16;

// What a host may have sent to a call before it knew that the call was over.
bool may_come_late(rpc::FrameType type) {
  return type == rpc::FrameType::kStdin || type == rpc::FrameType::kStdinEof ||
         type == rpc::FrameType::kSignal || type == rpc::FrameType::kResize;
}

}  // namespace

class Server::Session {
 public:
  Session(Server& server, std::uint64_t id, std::function<void()> done)
      : server_(server), id_(id), done_(std::move(done)) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    if (timer_) server_.services_.loop.cancel(*timer_);
    if (state_ == State::kRunning) server_.call_ended();
    call_.reset();
    channel_.reset();
    if (done_) done_();
  }

  Status open(UniqueFd stream) {
    channel_ = SM_TRY(Channel::create(server_.services_.loop, std::move(stream),
                                      {.on_frame = [this](const rpc::FrameView& f) { on_frame(f); },
                                       .on_drained = [this] { on_drained(); },
                                       .on_broken = [this] { on_broken(); }}));
    return {};
  }

  // The gate has opened, or will not.
  void begin_held() {
    if (state_ != State::kHeld) return;
    state_ = State::kIdle;
    const auto [type, payload] = std::exchange(held_, {});
    on_frame({.type = type, .payload = payload});
    channel_->resume();
  }

 private:
  enum class State {
    kIdle,     // waits for a request
    kHeld,     // has one that may not begin yet
    kRunning,  // a call is served
    kOver,     // has failed, or ends the guest: the host is to close
  };
  struct HeldRequest {
    rpc::FrameType type = rpc::FrameType::kSync;
    std::vector<std::byte> payload;
  };

  void on_frame(const rpc::FrameView& frame) {
    if (state_ == State::kOver) return;  // sent before the host saw our last frame
    Status status;
    if (state_ == State::kRunning) {
      status = call_->on_frame(frame);
    } else if (served_any_ && may_come_late(frame.type)) {
      return;
    } else if (server_.gate_ == Gate::kHeld) {
      return hold(frame);
    } else {
      status = begin(frame);
    }
    if (!status.ok() && !channel_->broken()) fail(status.error());
  }

  void hold(const rpc::FrameView& frame) {
    state_ = State::kHeld;
    held_ = {.type = frame.type, .payload = {frame.payload.begin(), frame.payload.end()}};
    channel_->pause();
  }

  Status begin(const rpc::FrameView& frame) {
    forget_call();
    state_ = State::kRunning;
    server_.call_began();
    if (server_.gate_ == Gate::kRefused) return *server_.refusal_;
    if (server_.sessions_.size() + server_.relays_.size() > kMaxCalls) {
      return Error(Errc::kExhausted, "more than " + std::to_string(kMaxCalls) + " calls at once");
    }
    if (frame.type == rpc::FrameType::kShutdown) return begin_shutdown();
    const CallContext context{server_.services_,
                              server_.users_,
                              *channel_,
                              server_.workload_,
                              [this](CallEnd how) { end(how); },
                              [this](const Error& error) { fail(error); },
                              [this](UniqueFd other) { join(std::move(other)); }};
    // start() may end the call at once, so it must be ours before.
    call_ = SM_TRY(make_call(context, frame));
    return call_ ? call_->start() : Status();
  }

  Status begin_shutdown() {
    ::sync();
    shuts_down_ = true;
    channel_->send(rpc::FrameType::kOk);
    end(CallEnd::kInOrder);
    return {};
  }

  void on_drained() {
    if (call_ && state_ == State::kRunning) call_->on_drained();
  }

  void on_broken() {
    if (state_ == State::kRunning && call_) {
      call_->on_broken();  // it calls end() when nothing is left of it
    } else {
      close();
    }
  }

  void fail(const Error& error) {
    channel_->send(rpc::to_failure(error));
    end(CallEnd::kFailed);
    if (call_) call_->on_broken();  // whatever it had started ends
  }

  void join(UniqueFd other) {
    channel_->send(rpc::FrameType::kOk);
    channel_->flush();
    if (channel_->broken()) return;
    // A host that did not take the last answers, but sends requests: it will not miss this one.
    if (channel_->blocked()) return end(CallEnd::kFailed);
    auto [stream, early] = channel_->release();
    server_.relay(std::move(stream), early, std::move(other), std::exchange(done_, {}));
    end(CallEnd::kGone);
  }

  void end(CallEnd how) {
    if (state_ != State::kRunning) return;
    server_.call_ended();
    state_ = State::kOver;
    if (channel_->broken()) return close();
    if (how == CallEnd::kInOrder && !shuts_down_) {
      state_ = State::kIdle;
      served_any_ = true;
      // Not at once: the call is our caller.
      timer_ = server_.services_.loop.call_at(Deadline(), [this] {
        timer_.reset();
        forget_call();
        channel_->shrink();
      });
      return;
    }
    // The host closes when it has the last frame; if we closed first, bytes of its own still under
    // way could turn our last frame into a reset.
    timer_ = server_.services_.loop.call_at(deadline_in(server_.services_.linger), [this] {
      timer_.reset();
      close();
    });
  }

  void forget_call() {
    if (timer_) server_.services_.loop.cancel(*timer_);
    timer_.reset();
    call_.reset();
  }

  void close() {
    if (closing_) return;
    closing_ = true;
    if (state_ == State::kRunning) server_.call_ended();
    state_ = State::kOver;
    if (shuts_down_) server_.services_.shutdown();
    // Not at once: a handler of the channel may be our caller.
    server_.services_.loop.call_at(Deadline(), [server = &server_, id = id_] { server->drop(id); });
  }

  Server& server_;
  std::uint64_t id_;
  std::function<void()> done_;
  std::unique_ptr<Channel> channel_;
  std::unique_ptr<Call> call_;  // also for a moment after its end
  HeldRequest held_;
  std::optional<EventLoop::TimerId> timer_;
  State state_ = State::kIdle;
  bool served_any_ = false;
  bool shuts_down_ = false;
  bool closing_ = false;
};

Server::Server(Services services) : services_(std::move(services)), users_(services_.root) {}

Server::~Server() {
  if (listener_) services_.loop.remove(listener_.get());
}

void Server::serve_call(UniqueFd stream, std::function<void()> done) {
  const std::uint64_t id = next_id_++;
  auto session = std::make_unique<Session>(*this, id, std::move(done));
  if (!session->open(std::move(stream)).ok()) return;  // destroyed: calls `done`
  sessions_.emplace(id, std::move(session));
}

Status Server::listen(UniqueFd listener) {
  SM_TRY(sys::set_nonblocking(listener.get(), true));
  SM_TRY(services_.loop.add(listener.get(), EPOLLIN, [this](std::uint32_t) { accept_waiting(); }));
  listener_ = std::move(listener);
  return {};
}

void Server::accept_waiting() {
  for (;;) {
    auto stream = sys::accept(listener_.get());
    // Out of descriptors, say: the connection waits in the backlog until a call has ended.
    if (!stream.ok() || !stream.value()) return;
    serve_call(std::move(*stream.value()));
  }
}

void Server::hold() { gate_ = Gate::kHeld; }

void Server::release() {
  gate_ = Gate::kOpen;
  begin_held();
}

void Server::refuse(Error why) {
  gate_ = Gate::kRefused;
  refusal_ = std::move(why);
  begin_held();
}

// A session that ends meanwhile leaves the map later, from the loop.
void Server::begin_held() {
  for (const auto& [id, session] : sessions_) session->begin_held();
}

void Server::relay(UniqueFd stream, std::span<const std::byte> early, UniqueFd other,
                   std::function<void()> done) {
  const std::uint64_t id = next_id_++;
  auto relay = Relay::create(services_.loop, std::move(stream), std::move(other), scratch(), early,
                             [this, id] { drop_relay(id); });
  if (!relay.ok()) {  // out of kernel memory: both have been closed
    if (done) done();
    return;
  }
  relays_.emplace(id, Joined{std::move(done), std::move(relay).value()});
  call_began();
}

void Server::drop_relay(std::uint64_t id) {
  const auto node = relays_.extract(id);
  call_ended();
  if (node.mapped().done) node.mapped().done();
}

void Server::drop(std::uint64_t id) {
  // Out of the map first: `done` may serve the next call.
  const auto node = sessions_.extract(id);
}

void Server::call_began() { most_running_ = std::max(most_running_, ++running_); }

void Server::call_ended() {
  if (--running_ != 0 || most_running_ < kManyCalls) return;
  most_running_ = 0;
  ::malloc_trim(0);
}

}  // namespace supermachine::agent
