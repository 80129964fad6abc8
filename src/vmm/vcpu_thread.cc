// SPDX-License-Identifier: Apache-2.0
#include "vmm/vcpu_thread.h"

namespace supermachine {
namespace {

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

constexpr std::uint64_t kInterruptFlag = 1 << 9;

// A string instruction moves several items at once, each to the same port.
template <typename Span, typename Access>
void each_item(Span data, std::size_t size, Access access) {
  for (std::size_t at = 0; at + size <= data.size(); at += size) access(data.subspan(at, size));
}

}  // namespace

VcpuThread::VcpuThread(kvm::Vcpu vcpu, std::uint32_t id, Host host)
    : vcpu_(std::move(vcpu)), id_(id), host_(std::move(host)) {}

Status VcpuThread::start() {
  thread_ = SM_TRY(start_quiet_thread("sm-vcpu" + std::to_string(id_), [this] { run(); }));
  const MutexLock lock(mutex_);
  can_be_kicked_ = true;
  return {};
}

// Harmless when it comes too early: the signal stays pending, and the next KVM_RUN returns at once.
// One that is parked looks at what is wished before it runs, and each signal would cost it a turn.
void VcpuThread::kick() {
  const MutexLock lock(mutex_);
  if (can_be_kicked_ && !parked_) kvm::kick_thread(thread_.native_handle());
}

void VcpuThread::wish_for(Wish wish) {
  {
    const MutexLock lock(mutex_);
    if (wish_ == Wish::kEnd) return;
    wish_ = wish;
    if (wish == Wish::kRun) parked_ = false;
  }
  changed_.notify_all();
}

void VcpuThread::resume() { wish_for(Wish::kRun); }

void VcpuThread::request_pause() {
  wish_for(Wish::kPark);
  kick();
}

bool VcpuThread::wait_parked(Deadline deadline) {
  const MutexLock lock(mutex_);
  while (!parked_) {
    if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout && !parked_) return false;
  }
  return true;
}

void VcpuThread::stop() {
  wish_for(Wish::kEnd);
  kick();
  {
    // A processor that ends the machine asks all others to pause, and may be at it still.
    const MutexLock lock(mutex_);
    can_be_kicked_ = false;
  }
  thread_.join();
}

void VcpuThread::query_halted() {
  halt_queried_ = true;
  kick();
}

void VcpuThread::forget_halted() {
  halt_queried_ = false;
  found_halted_ = false;
}

bool VcpuThread::park() {
  const MutexLock lock(mutex_);
  while (wish_ != Wish::kRun) {
    // Each time: the wish may have been to run, and to park again, before this thread saw any of
    // it.
    parked_ = true;
    changed_.notify_all();
    if (wish_ == Wish::kEnd) return false;
    changed_.wait(mutex_);
  }
  return true;
}

void VcpuThread::run() {
  const auto end = [this](ExitReport report) {
    request_pause();
    host_.on_exit(std::move(report));
  };
  const Status ready = vcpu_.prepare_thread();
  while (park()) {
    vcpu_.tell_of_pause();
    if (!ready.ok()) end({ExitKind::kFailed, ready.error().message()});
    while (wish_ == Wish::kRun) {
      const auto exit = vcpu_.run();
      std::optional<ExitReport> report =
          exit.ok() ? dispatch(exit.value())
                    : ExitReport{ExitKind::kFailed, exit.error().message()};
      if (report) end(*std::move(report));
    }
    // A failure here is a failure to run at all, which the next run() tells.
    static_cast<void>(vcpu_.complete_exit().ok());
  }
}

std::optional<ExitReport> VcpuThread::dispatch(const kvm::Exit& exit) {
  using Report = std::optional<ExitReport>;
  return std::visit(
      Overloaded{
          [this](const kvm::MmioRead& e) -> Report {
            host_.mmio.read(static_cast<std::uint64_t>(e.addr), e.data);
            return {};
          },
          [this](const kvm::MmioWrite& e) -> Report {
            host_.mmio.write(static_cast<std::uint64_t>(e.addr), e.data);
            return {};
          },
          [this](const kvm::PioRead& e) -> Report {
            each_item(e.data, e.size,
                      [&](std::span<std::byte> item) { host_.pio.read(e.port, item); });
            return {};
          },
          [this](const kvm::PioWrite& e) -> Report {
            each_item(e.data, e.size,
                      [&](std::span<const std::byte> item) { host_.pio.write(e.port, item); });
            return {};
          },
          [this](const kvm::Interrupted&) -> Report {
            if (!halt_queried_.exchange(false)) return {};
            const auto halted = vcpu_.is_halted();
            const auto regs = vcpu_.regs();
            found_halted_ = halted.ok() && halted.value() && regs.ok() &&
                            (regs.value().rflags & kInterruptFlag) == 0;
            return {};
          },
          [](const kvm::Halted&) -> Report { return ExitReport{ExitKind::kHalted}; },
          [](const kvm::ShutDown&) -> Report { return ExitReport{ExitKind::kTripleFault}; },
          [](const kvm::Failed& e) -> Report {
            return ExitReport{ExitKind::kFailed, e.reason};
          },
      },
      exit);
}

}  // namespace supermachine
