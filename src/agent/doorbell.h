// The control connection: rings once the agent serves, and again whenever the connection has been
// lost, as a restored snapshot loses it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "agent/channel.h"
#include "base/event_loop.h"
#include "rpc/messages.h"

namespace supermachine::agent {

// Lives on the loop's thread.
class Doorbell {
 public:
  struct Handlers {
    std::function<Result<UniqueFd>()> connect;  // non-blocking, perhaps under way
    std::function<void()> shutdown;             // the host asks for the end of the guest
  };

  Doorbell(EventLoop& loop, rpc::Hello hello, Handlers handlers);
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;
  ~Doorbell();

  void ring();

 private:
  void on_connected();
  void on_frame(const rpc::FrameView& frame);
  void on_lost();
  void ring_again();

  EventLoop& loop_;  // not owned; outlives us
  rpc::Hello hello_;
  Handlers handlers_;
  UniqueFd connecting_;
  std::unique_ptr<Channel> channel_;
  std::optional<EventLoop::TimerId> retry_;
  std::chrono::steady_clock::time_point connected_;
  std::chrono::milliseconds pause_{0};  // before the next attempt
};

}  // namespace supermachine::agent
