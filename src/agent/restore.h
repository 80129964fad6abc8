// SPDX-License-Identifier: Apache-2.0
// What the agent does when its guest is captured, goes on, or wakes up as a copy: PREPARE, RESUMED
// and RESTORED of docs/formats/rpc.md.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/kernel.h"
#include "agent/server.h"
#include "agent/workload.h"
#include "rpc/messages.h"

namespace supermachine::agent {

// Lives on the loop's thread.
class Restore {
 public:
  using Answer = std::function<void(const Status&)>;

  // All three outlive this.
  Restore(Services services, Server& server, Kernel& kernel);
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

  // Makes what the workload says that it is ready with. An image that leaves no room for it can be
  // captured all the same, so there is no error.
  void listen_for_workload(std::function<void()> on_ready);

  // Carries out one of the three requests. `answer` may come later, from the loop; a request that
  // follows before it takes its place, and it never comes.
  void handle(const rpc::FrameView& request, Answer answer);

 private:
  [[nodiscard]] Status check_whole() const;
  Status prepare(const rpc::Prepare& request);
  Status be_ready();
  void resume(const Answer& answer);
  void restore(const rpc::FrameView& request, Answer answer);
  Status become(const rpc::Restored& self);
  Status set_names(const rpc::Restored& self);
  Status leave_payload(const std::string& payload);
  Status say_who(const rpc::Restored& self);
  Status start_hook(const Answer& answer);
  void go_on(const std::string& line, const Answer& answer);
  void fail(Error why, const Answer& answer);

  Services services_;
  Server& server_;
  Kernel& kernel_;
  std::string directory_;  // /run/supermachine
  std::string hook_path_;
  std::unique_ptr<ReadyPipes> pipes_;
  std::unique_ptr<Hook> hook_;
  UniqueFd instance_;              // the file that says who we are, open since PREPARE
  std::size_t instance_size_ = 0;  // of its content
  std::string instance_id_;        // hexadecimal
  bool has_payload_ = false;
  std::optional<Error> failure_;  // of the last RESTORED
};

}  // namespace supermachine::agent
