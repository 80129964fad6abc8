// SPDX-License-Identifier: Apache-2.0
// The first process of a guest: sets the machine up, rings the host's doorbell, serves calls.
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <ctime>

#include "agent/doorbell.h"
#include "agent/init.h"
#include "agent/kernel.h"
#include "agent/reaper.h"
#include "agent/restore.h"
#include "agent/server.h"
#include "agent/vsock.h"
#include "base/sys.h"

namespace supermachine::agent {
namespace {

// Since the start of the guest's kernel.
std::uint64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// What reboot(8), halt(8) and poweroff(8) of busybox send to the first process.
PowerState wanted_by(std::uint32_t signal) {
  return signal == SIGUSR1   ? PowerState::kHalt
         : signal == SIGUSR2 ? PowerState::kOff
                             : PowerState::kRestart;  // SIGTERM, or SIGINT from ctrl-alt-del
}

Result<UniqueFd> block_power_signals() {
  sigset_t mask;
  sigemptyset(&mask);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) sigaddset(&mask, signal);
  if (::sigprocmask(SIG_BLOCK, &mask, nullptr) != 0) return Error::from_errno("sigprocmask");
  UniqueFd signals(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return Error::from_errno("signalfd");
  return signals;
}

void on_power_signal(int signals) {
  signalfd_siginfo info{};
  const auto got = sys::try_read(signals, std::as_writable_bytes(std::span(&info, 1)));
  if (got.ok() && got.value() == sizeof(info)) enter(wanted_by(info.ssi_signo));
}

Status run_guest() {
  rpc::Hello hello;
  hello.features = {std::string(rpc::kFeatureRestore), std::string(rpc::kFeatureReuse),
                    std::string(rpc::kFeatureWorkload), std::string(rpc::kFeaturePorts)};
  hello.agent_start_ns = now_ns();
  SM_TRY(set_up_guest());
  hello.mounts_done_ns = now_ns();

  if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return Error::from_errno("signal");
  const auto loop = SM_TRY(EventLoop::create());
  const UniqueFd power = SM_TRY(block_power_signals());
  SM_TRY(loop->add(power.get(), EPOLLIN, [&](std::uint32_t) { on_power_signal(power.get()); }));
  const auto reaper = SM_TRY(Reaper::create(*loop));
  const auto restart = [] { enter(PowerState::kRestart); };
  const Services services{.loop = *loop, .reaper = *reaper, .root = "", .shutdown = restart};
  Server server(services);
  SM_TRY(server.listen(SM_TRY(listen_for_host())));

  hello.ready_ns = now_ns();
  const auto kernel = SM_TRY(GuestKernel::create());
  Restore restore(services, server, *kernel);
  Doorbell doorbell(*loop, hello,
                    {.connect = connect_to_host,
                     .shutdown = restart,
                     .request = [&restore](const rpc::FrameView& request, Restore::Answer answer) {
                       restore.handle(request, std::move(answer));
                     }});
  restore.listen_for_workload([&doorbell] { doorbell.say_ready(); });
  doorbell.ring();
  return loop->run();
}

}  // namespace
}  // namespace supermachine::agent

int main() {
  using namespace supermachine;
  if (::getpid() != 1) {
    constexpr std::string_view kUsage =
        "supermachine-agent is the first process of a supermachine guest; it does nothing "
        "elsewhere\n";
    static_cast<void>(sys::write(2, std::as_bytes(std::span(kUsage))).ok());
    return 2;
  }
  const Status ended = agent::run_guest();
  agent::give_up(ended.ok() ? Error(Errc::kGuestFault, "the agent's loop ended") : ended.error());
}
