// SPDX-License-Identifier: Apache-2.0
#include "host/private_lab.h"

#include <poll.h>

#include <array>
#include <csignal>

#include "base/sys.h"

namespace supermachine::lab {

Result<std::unique_ptr<PrivateLab>> PrivateLab::start(const KeeperConfig& config) {
  auto loop = SM_TRY(EventLoop::create());
  std::unique_ptr<PrivateLab> lab(new PrivateLab(std::move(loop), SM_TRY(sys::event_fd())));
  lab->thread_ = std::thread([self = lab.get(), config] { self->keep(config); });
  return lab;
}

PrivateLab::~PrivateLab() { static_cast<void>(end().ok()); }

void PrivateLab::keep(const KeeperConfig& config) {
  Keeper::Callbacks callbacks;
  callbacks.on_ready = [this] { enter(Stage::kReady); };
  callbacks.on_end = [this](Status why) {
    enter(Stage::kEnded, std::move(why));
    loop_->stop();
  };
  auto keeper = Keeper::create(*loop_, config, std::move(callbacks));
  if (!keeper.ok()) return enter(Stage::kEnded, std::move(keeper).error());
  keeper_ = std::move(keeper).value();
  Status ran = loop_->run();
  if (!ran.ok()) enter(Stage::kEnded, std::move(ran));
  keeper_.reset();
}

void PrivateLab::enter(Stage stage, Status why) {
  {
    const MutexLock lock(mutex_);
    stage_ = stage;
    why_ = std::move(why);
  }
  sys::event_fd_signal(changed_.get());
}

Result<std::optional<int>> PrivateLab::wait_ready(Signals& signals) {
  for (;;) {
    {
      const MutexLock lock(mutex_);
      if (stage_ == Stage::kReady) return std::optional<int>();
      if (stage_ == Stage::kEnded) {
        return why_.ok() ? Error(Errc::kOs, "the machine ended early") : why_.error();
      }
    }
    std::array<pollfd, 2> fds{{{.fd = changed_.get(), .events = POLLIN, .revents = 0},
                               {.fd = signals.fd(), .events = POLLIN, .revents = 0}}};
    // The keeper holds the deadline.
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return Error::from_errno("poll");
    sys::event_fd_clear(changed_.get());
    while (const auto signal = signals.next()) {
      if (*signal != SIGWINCH) return signal;
    }
  }
}

client::Connector PrivateLab::connector() {
  return [this](Deadline) -> Result<UniqueFd> {
    {
      const MutexLock lock(mutex_);
      if (stage_ != Stage::kReady) return Error(Errc::kNotFound, "the machine has ended");
    }
    auto [ours, theirs] = SM_TRY(sys::socket_pair());
    // Shared with nobody: work for the loop must be copyable.
    auto stream = std::make_shared<UniqueFd>(std::move(theirs));
    loop_->post([this, stream] {
      // A refusal closes the stream, which the caller sees.
      static_cast<void>(keeper_->attach(std::move(*stream)).ok());
    });
    return std::move(ours);
  };
}

Status PrivateLab::end() {
  if (thread_.joinable()) {
    loop_->post([this] { keeper_->shut_down(); });
    thread_.join();
  }
  const MutexLock lock(mutex_);
  return why_.ok() ? Status() : Status(Error(why_.error()));
}

}  // namespace supermachine::lab
