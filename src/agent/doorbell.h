// SPDX-License-Identifier: Apache-2.0
// The control connection: rings once the agent serves, and again whenever the connection has been
// lost; carries the host's requests around a capture.
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
    // Carries out another request. `answer`, called once at most, may come later and even when the
    // connection is another; no request follows before it.
    std::function<void(const rpc::FrameView& request, std::function<void(const Status&)> answer)>
        request;
  };

  Doorbell(EventLoop& loop, rpc::Hello hello, Handlers handlers);
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;
  ~Doorbell();

  void ring();

  // Tells the host that the workload is ready to be baked: once it listens, if it does not.
  void say_ready();

 private:
  void on_connected();
  void on_frame(const rpc::FrameView& frame);
  void on_drained();
  void on_lost();
  void answer(std::uint64_t connection, const Status& status);
  void ring_again();

  EventLoop& loop_;  // not owned; outlives us
  rpc::Hello hello_;
  Handlers handlers_;
  UniqueFd connecting_;
  std::unique_ptr<Channel> channel_;
  std::uint64_t connection_ = 0;  // counts them, since an answer may outlive its own
  bool answered_ = true;
  bool owes_ready_ = false;
  std::optional<EventLoop::TimerId> retry_;
  std::chrono::steady_clock::time_point connected_;
  std::chrono::milliseconds pause_{0};  // before the next attempt
};

}  // namespace supermachine::agent
