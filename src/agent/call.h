// SPDX-License-Identifier: Apache-2.0
// One call in progress: what the server hands to the code that carries it out.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "agent/channel.h"
#include "agent/reaper.h"
#include "agent/users.h"
#include "base/event_loop.h"

namespace supermachine::agent {

class WorkloadProcess;

// What calls share. Outlives them all.
struct Services {
  EventLoop& loop;
  Reaper& reaper;
  std::string root;                // where /etc/passwd is looked up; "" in a guest
  std::function<void()> shutdown;  // after a shutdown call was answered; may not return
  // How long a host that has a call's last word may take to close a stream that serves no more.
  std::chrono::milliseconds linger{2000};
};

enum class CallEnd {
  kInOrder,  // the last frame was sent, and the stream can carry another call
  kFailed,   // a FAILURE was sent
  kGone,     // after on_broken(): nothing is left to clean up
};

// The services, this call's stream, and the ways to end, one of which is taken. The call is
// destroyed later, from the loop.
struct CallContext {
  Services& services;
  Users& users;
  Channel& channel;
  std::shared_ptr<WorkloadProcess>& workload;  // the last that was started; may be empty
  std::function<void(CallEnd)> end;
  std::function<void(const Error&)> fail;  // tells the host
  // Answers OK: from now on the stream is the other end of this socket. Its channel is of no use
  // any more.
  std::function<void(UniqueFd)> join;
};

class Call {
 public:
  Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  virtual ~Call() = default;

  // Begins. An error is told to the host and ends the call.
  virtual Status start() { return {}; }
  // A frame after the request. An error is told to the host and ends the call.
  virtual Status on_frame(const rpc::FrameView& frame) = 0;
  virtual void on_drained() {}  // the host took everything: bulk data may be sent again
  virtual void on_broken() = 0;
};

}  // namespace supermachine::agent
