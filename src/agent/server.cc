#include "agent/server.h"

#include <malloc.h>
#include <unistd.h>

#include "agent/exec_call.h"
#include "agent/file_call.h"
#include "base/sys.h"

namespace supermachine::agent {
namespace {

// Each holds a few descriptors and buffers; beyond this something has gone wrong at the host.
constexpr std::size_t kMaxCalls = 1024;

// A host that has its answer closes; one that does not is not waited for any longer.
constexpr std::chrono::seconds kLinger{2};

}  // namespace

class Server::Session {
 public:
  Session(Server& server, std::uint64_t id, std::function<void()> done)
      : server_(server), id_(id), done_(std::move(done)) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    if (linger_) server_.services_.loop.cancel(*linger_);
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

 private:
  enum class State { kRequest, kRunning, kFinished };

  void on_frame(const rpc::FrameView& frame) {
    if (state_ == State::kFinished) return;  // sent before the host saw our last frame
    const Status status = state_ == State::kRequest ? begin(frame) : call_->on_frame(frame);
    if (status.ok() || channel_->broken()) return;
    if (call_) call_->on_broken();  // whatever it had started ends
    fail(status.error());
  }

  Status begin(const rpc::FrameView& frame) {
    state_ = State::kRunning;
    if (server_.sessions_.size() > kMaxCalls) {
      return Error(Errc::kExhausted, "more than " + std::to_string(kMaxCalls) + " calls at once");
    }
    const CallContext context{server_.services_, *channel_, [this] { finish(); }};
    switch (frame.type) {
      case rpc::FrameType::kExec:
        return begin_exec(context, frame);
      case rpc::FrameType::kWriteFile:
        call_ =
            SM_TRY(WriteCall::create(context, SM_TRY(rpc::decode<rpc::WriteFile>(frame.payload))));
        return {};
      case rpc::FrameType::kReadFile: {
        auto call =
            SM_TRY(ReadCall::create(context, SM_TRY(rpc::decode<rpc::ReadFile>(frame.payload))));
        ReadCall& reading = *call;
        call_ = std::move(call);
        reading.start();
        return {};
      }
      case rpc::FrameType::kSync:
        ::sync();
        channel_->send(rpc::FrameType::kOk);
        finish();
        return {};
      case rpc::FrameType::kShutdown:
        ::sync();
        shuts_down_ = true;
        channel_->send(rpc::FrameType::kOk);
        finish();
        return {};
      default:
        return Error(Errc::kCorrupt, "a call starts with a request");
    }
  }

  // start() may finish at once, so the call must be ours before.
  Status begin_exec(const CallContext& context, const rpc::FrameView& frame) {
    auto call =
        SM_TRY(ExecCall::create(context, SM_TRY(rpc::decode<rpc::ExecRequest>(frame.payload))));
    ExecCall& exec = *call;
    call_ = std::move(call);
    return exec.start();
  }

  void on_drained() {
    if (call_ && state_ == State::kRunning) call_->on_drained();
  }

  void on_broken() {
    if (state_ == State::kRunning && call_) {
      call_->on_broken();  // it calls finish() when nothing is left of it
    } else {
      close();
    }
  }

  void fail(const Error& error) {
    channel_->send(rpc::to_failure(error));
    finish();
  }

  // The host closes when it has the last frame; if we closed first, bytes of its own still under
  // way could turn our last frame into a reset.
  void finish() {
    if (state_ == State::kFinished) return;
    state_ = State::kFinished;
    if (channel_->broken()) return close();
    linger_ = server_.services_.loop.call_at(deadline_in(kLinger), [this] {
      linger_.reset();
      close();
    });
  }

  void close() {
    if (closing_) return;
    closing_ = true;
    state_ = State::kFinished;
    if (shuts_down_) server_.services_.shutdown();
    // Not at once: a handler of the channel may be our caller.
    server_.services_.loop.post([server = &server_, id = id_] { server->drop(id); });
  }

  Server& server_;
  std::uint64_t id_;
  std::function<void()> done_;
  std::unique_ptr<Channel> channel_;
  std::unique_ptr<Call> call_;
  std::optional<EventLoop::TimerId> linger_;
  State state_ = State::kRequest;
  bool shuts_down_ = false;
  bool closing_ = false;
};

Server::Server(Services services) : services_(std::move(services)) {}

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

void Server::drop(std::uint64_t id) {
  {
    // Out of the map first: `done` may serve the next call.
    const auto node = sessions_.extract(id);
  }
  // Buffers of many calls at once are the guest's memory again, and not part of a snapshot.
  if (sessions_.empty()) ::malloc_trim(0);
}

}  // namespace supermachine::agent
