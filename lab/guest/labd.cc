// SPDX-License-Identifier: Apache-2.0
// The first process of the lab: sets the machine up, then serves the calls that the host's keeper
// carries to it.
#include <unistd.h>

#include <csignal>

#include "agent/reaper.h"
#include "agent/server.h"
#include "base/sys.h"
#include "guest/setup.h"
#include "mux.h"

namespace supermachine::lab {
namespace {

constexpr std::chrono::seconds kChannelLimit{30};

void complain(const Error& error) {
  const std::string line = "supermachine-labd: " + error.message() + "\n";
  static_cast<void>(sys::write(2, std::as_bytes(std::span(line))).ok());
}

Status serve() {
  SM_TRY(set_up_lab());
  if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return Error::from_errno("signal");
  const auto loop = SM_TRY(EventLoop::create());
  const auto reaper = SM_TRY(agent::Reaper::create(*loop));
  agent::Server server(
      {.loop = *loop, .reaper = *reaper, .root = "", .shutdown = [] { end_lab(); }});

  UniqueFd channel = SM_TRY(open_command_channel(deadline_in(kChannelLimit)));
  Mux::Callbacks callbacks;
  std::unique_ptr<Mux> mux;
  callbacks.on_open = [&server, &mux](UniqueFd stream) {
    if (mux->live_sessions() == 1) end_leftovers();  // those of commands that are over
    drop_caches();
    server.serve_call(std::move(stream), [&server] {
      if (server.open_calls() == 0) end_leftovers();
    });
  };
  callbacks.on_bye = [] { end_lab(); };
  callbacks.on_end = [](const Error& reason) {
    complain(reason);
    end_lab();
  };
  mux = SM_TRY(Mux::create(*loop, std::move(channel), std::move(callbacks)));
  return loop->run();
}

}  // namespace
}  // namespace supermachine::lab

int main() {
  using namespace supermachine;
  if (::getpid() != 1) {
    lab::complain(
        Error(Errc::kUnsupported, "this is the first process of a lab; see lab/README.md"));
    return 2;
  }
  const Status ended = lab::serve();
  lab::complain(ended.ok() ? Error(Errc::kOs, "the loop ended") : ended.error());
  lab::end_lab();
}
