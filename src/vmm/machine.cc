// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine.h"

#include <sys/sysinfo.h>

#include <algorithm>
#include <utility>

#include "base/sys.h"
#include "boot/layout.h"
#include "boot/mp_table.h"
#include "boot/params.h"
#include "boot/vcpu.h"

namespace supermachine {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kMinMemoryMib = 32;  // less than any kernel of ours could start in
constexpr std::uint32_t kGuestCid = 3;  // the first that is not reserved; each VM has its own bus

constexpr std::uint64_t kCom1Port = 0x3f8;
constexpr std::uint32_t kCom1Irq = 4;
constexpr std::uint64_t kKeyboardPort = 0x60;
constexpr std::uint64_t kKeyboardPorts = 5;  // 0x60 data to 0x64 command
constexpr std::uint64_t kKeyboardCommand = 4;
constexpr std::byte kPulseReset{0xfe};

// For what should be parked already, or be so after an exit.
constexpr auto kParkWait = std::chrono::seconds(5);

constexpr int kHaltChecks = 50;
constexpr auto kHaltCheckEvery = std::chrono::milliseconds(20);
constexpr std::size_t kPanicLines = 12;

// What a guest of ours has to be told, whatever it runs.
std::string command_line(const MachineConfig& config, std::size_t virtio_devices) {
  std::string line =
      "console=ttyS0 8250.nr_uarts=1 reboot=k panic=-1 acpi=off no_timer_check tsc=reliable "
      "i8042.noaux random.trust_cpu=on";
  line += config.verbose_kernel ? "" : " quiet";
  for (std::uint32_t i = 0; i < virtio_devices; ++i) line += " " + VirtioSlot::kernel_arg(i);
  for (const std::string& arg : config.kernel_args) line += " " + arg;
  return line;
}

}  // namespace

Status check(const MachineConfig& config) {
  if (config.vcpus < 1 || config.vcpus > boot::kMaxVcpus) {
    return Error(Errc::kInvalidArgument, std::to_string(config.vcpus) + " vCPUs: a VM has 1 to " +
                                             std::to_string(boot::kMaxVcpus));
  }
  if (config.memory_mib < kMinMemoryMib) {
    return Error(Errc::kInvalidArgument,
                 std::to_string(config.memory_mib) +
                     " MiB of memory is too small for a kernel: give the VM " +
                     std::to_string(kMinMemoryMib) + " MiB at least");
  }
  struct sysinfo host {};
  if (::sysinfo(&host) != 0) return Error::from_errno("sysinfo");
  const std::uint64_t host_mib = host.totalram * host.mem_unit / kMiB;
  if (config.memory_mib > host_mib) {
    return Error(Errc::kInvalidArgument, std::to_string(config.memory_mib) +
                                             " MiB of memory is more than this host's " +
                                             std::to_string(host_mib) + " MiB");
  }
  return {};
}

Machine::Machine(GuestMemory memory, kvm::Vm vm, std::unique_ptr<DeviceLoop> loop,
                 UniqueFd exit_event, MachineHost host)
    : host_(std::move(host)),
      exit_event_(std::move(exit_event)),
      memory_(std::move(memory)),
      vm_(std::move(vm)),
      dirty_pages_(vm_, memory_),
      console_(std::make_unique<Console>(
          host_.console_fd, [this] { loop_->events().post([this] { expect_halt(); }); })),
      loop_(std::move(loop)) {}

Machine::~Machine() { stop(); }

Result<std::unique_ptr<Machine>> Machine::boot(const MachineConfig& config, BootTrace& trace) {
  SM_TRY(check(config));
  GuestMemory memory = SM_TRY(GuestMemory::create(config.memory_mib * kMiB));
  auto machine = SM_TRY(assemble(std::move(memory), config.vcpus, config.host, false));
  trace.mark(BootStep::kDevicesReady);
  const FileOrBytes::Opened image = SM_TRY(config.kernel.open());
  auto kernel = boot::load_kernel(machine->memory_, image.bytes());
  if (!kernel.ok()) return std::move(kernel).error().with(config.kernel.name());
  SM_TRY(boot::write_boot_params(machine->memory_, kernel.value(),
                                 command_line(config, machine->root_slot_ ? 3 : 2),
                                 config.initramfs, config.vcpus));
  trace.mark(BootStep::kMemoryReady);
  SM_TRY(machine->load(SM_TRY(machine->power_on_state(kernel.value()))));
  trace.mark(BootStep::kKvmReady);
  return machine;
}

Result<std::unique_ptr<Machine>> Machine::shell(GuestMemory memory, std::uint32_t vcpus,
                                                MachineHost host) {
  auto machine = SM_TRY(assemble(std::move(memory), vcpus, std::move(host), true));
  SM_TRY(machine->dirty_pages_.start(true));
  return machine;
}

// Memory before the interrupt controllers, which make later changes of it slow.
Result<std::unique_ptr<Machine>> Machine::assemble(GuestMemory memory, std::uint32_t vcpus,
                                                   MachineHost host, bool log_dirty_pages) {
  const kvm::System system = SM_TRY(kvm::System::open());
  kvm::Vm vm = SM_TRY(kvm::Vm::create(system));
  auto loop = SM_TRY(DeviceLoop::create());
  auto exit_event = SM_TRY(sys::event_fd());
  std::unique_ptr<Machine> machine(new Machine(std::move(memory), std::move(vm), std::move(loop),
                                               std::move(exit_event), std::move(host)));
  SM_TRY(machine->vm_.map_memory(machine->memory_, log_dirty_pages));
  SM_TRY(machine->vm_.create_irqchip());
  SM_TRY(machine->add_legacy_devices());
  SM_TRY(machine->add_slots());
  SM_TRY(machine->add_vcpus(vcpus));
  return machine;
}

Status Machine::add_slots() {
  const auto add = [&](std::uint32_t index,
                       std::uint32_t queues) -> Result<std::unique_ptr<VirtioSlot>> {
    return VirtioSlot::create(index, queues, vm_, memory_, mmio_, *loop_);
  };
  std::uint32_t index = 0;
  if (!host_.root_image.empty()) {
    root_backend_ = std::make_unique<virtio::FileBackend>(
        SM_TRY(virtio::FileBackend::open_read_only(host_.root_image)));
    root_slot_ = SM_TRY(add(index++, virtio::Block::kQueues));
  }
  vsock_slot_ = SM_TRY(add(index++, virtio::Vsock::kQueues));
  rng_slot_ = SM_TRY(add(index, virtio::Rng::kQueues));
  return {};
}

Status Machine::add_vcpus(std::uint32_t count) {
  for (std::uint32_t id = 0; id < count; ++id) {
    vcpus_.push_back(std::make_unique<VcpuThread>(
        SM_TRY(vm_.create_vcpu(id)), id,
        VcpuThread::Host{.mmio = mmio_, .pio = pio_, .on_exit = [this](ExitReport report) {
                           finish(std::move(report));
                         }}));
    SM_TRY(vcpus_.back()->start());
  }
  return {};
}

Result<MachineState> Machine::power_on_state(const boot::LoadedKernel& kernel) const {
  MachineState state{.memory_mib = memory_.size_bytes() / kMiB, .vm = SM_TRY(vm_.state())};
  const auto supported = SM_TRY(SM_TRY(kvm::System::open()).supported_cpuid());
  const auto count = static_cast<std::uint32_t>(vcpus_.size());
  for (std::uint32_t id = 0; id < count; ++id) {
    state.vcpus.push_back(
        SM_TRY(boot::initial_vcpu_state(vcpus_[id]->vcpu(), kernel, supported, id, count)));
  }
  if (root_backend_)
    state.root.emplace().device = virtio::BlockState::power_on(*root_backend_, "root");
  state.vsock.device.guest_cid = kGuestCid;
  return state;
}

Status Machine::add_legacy_devices() {
  serial_irq_ = SM_TRY(sys::event_fd());
  SM_TRY(vm_.add_irqfd(serial_irq_.get(), kCom1Irq));
  pio_.add(kCom1Port, Serial::kRegisters,
           {.read =
                [this](std::uint64_t offset, std::span<std::byte> out) {
                  for (std::byte& byte : out)
                    byte = std::byte{serial_->read(static_cast<std::uint16_t>(offset++))};
                },
            .write =
                [this](std::uint64_t offset, std::span<const std::byte> bytes) {
                  for (const std::byte byte : bytes) {
                    serial_->write(static_cast<std::uint16_t>(offset++),
                                   std::to_integer<std::uint8_t>(byte));
                  }
                }});
  // Of the keyboard controller there is only its reset line, which is how the guest reboots.
  pio_.add(kKeyboardPort, kKeyboardPorts,
           {.read = [](std::uint64_t,
                       std::span<std::byte> out) { std::ranges::fill(out, std::byte{0}); },
            .write =
                [this](std::uint64_t offset, std::span<const std::byte> bytes) {
                  if (offset == kKeyboardCommand && bytes[0] == kPulseReset)
                    finish({ExitKind::kReset});
                }});
  return {};
}

Status Machine::load(const MachineState& state) {
  if (state.vcpus.size() != vcpus_.size() || state.memory_mib != memory_.size_bytes() / kMiB ||
      state.root.has_value() != (root_slot_ != nullptr)) {
    return Error(Errc::kCorrupt, "the saved state is of a machine of another shape");
  }
  SM_TRY(park(deadline_in(kParkWait)));
  if (vsock_ != nullptr) loop_->run([this] { forget_guest(); });
  // Devices come last: they may interrupt the guest at once, and loading the interrupt controllers
  // after that would forget it.
  SM_TRY(load_vcpus(state));
  Status devices;
  loop_->run([&] { devices = load_devices(state); });
  SM_TRY(std::move(devices));
  const std::lock_guard lock(mutex_);
  report_.reset();
  sys::event_fd_clear(exit_event_.get());
  return {};
}

Status Machine::load_devices(const MachineState& state) {
  serial_ = SM_TRY(Serial::create(
      state.serial, {.write = [this](char c) { console_->put(c); },
                     .raise_irq = [this] { sys::event_fd_signal(serial_irq_.get()); }}));
  if (state.serial.transmitter_empty_pending) sys::event_fd_signal(serial_irq_.get());
  if (root_slot_) {
    auto root = SM_TRY(virtio::Block::create(state.root->device, *root_backend_));
    root_ = root.get();
    SM_TRY(root_slot_->plug(state.root->transport, std::move(root)));
  }
  auto vsock = SM_TRY(
      virtio::Vsock::create(state.vsock.device, loop_->events(), {.unix_path = host_.vsock_path}));
  vsock_ = vsock.get();
  SM_TRY(vsock_slot_->plug(state.vsock.transport, std::move(vsock)));
  return rng_slot_->plug(state.rng.transport,
                         SM_TRY(virtio::Rng::create(state.rng.device, entropy_)));
}

// Whoever runs here next is to be told nothing of this one.
void Machine::forget_guest() {
  if (halt_check_) loop_->events().cancel(*std::exchange(halt_check_, std::nullopt));
  for (const auto& vcpu : vcpus_) vcpu->forget_halted();
  console_->clear();
  root_ = nullptr;
  vsock_ = nullptr;
  for (VirtioSlot* slot : {root_slot_.get(), vsock_slot_.get(), rng_slot_.get()}) {
    if (slot != nullptr) slot->unplug();
  }
}

// Once: a vCPU that has run keeps its CPUID.
Status Machine::set_cpuid(const MachineState& state) {
  if (std::exchange(cpuid_is_set_, true)) return {};
  if (state.vcpus.size() != vcpus_.size())
    return Error(Errc::kCorrupt, "the saved state has another number of vCPUs");
  for (std::size_t id = 0; id < vcpus_.size(); ++id)
    SM_TRY(vcpus_[id]->vcpu().set_cpuid(state.vcpus[id].cpuid));
  return {};
}

Status Machine::load_vcpus(const MachineState& state) {
  SM_TRY(set_cpuid(state));
  for (std::size_t id = 0; id < vcpus_.size(); ++id)
    SM_TRY(vcpus_[id]->vcpu().set_state(
        state.vcpus[id], id == 0 ? kvm::TscWrite::kAnew : kvm::TscWrite::kAsTheFirst));
  return vm_.set_state(state.vm);
}

// CPUID says how wide the guest's addresses are, without which KVM maps nothing.
Status Machine::prefault(const MachineState& state, std::span<const PageRun> pages,
                         bool for_writing) {
  SM_TRY(set_cpuid(state));
  for (const PageRun run : pages) {
    memory_.populate(run, for_writing);
    // A page that is the guest's own counts as written, so that rewind() sees to it.
    if (for_writing && memory_.host_writes() != nullptr) memory_.host_writes()->insert_run(run);
    for (const GuestMemory::Region& region : memory_.regions_of(run))
      vcpus_[0]->vcpu().prefault(region.start, region.bytes.size());
  }
  return {};
}

Status Machine::park(Deadline deadline) {
  for (const auto& vcpu : vcpus_) vcpu->request_pause();
  const bool parked = std::ranges::all_of(
      vcpus_, [deadline](const auto& vcpu) { return vcpu->wait_parked(deadline); });
  if (parked) return {};
  start();
  return Error(Errc::kTimeout, "the VM's processors did not stop in time");
}

// The vCPUs first, while the loop runs: one of them may be waiting for it.
Status Machine::pause(Deadline deadline) {
  SM_TRY(park(deadline));
  if (const auto ended = wait(deadline_in({}))) {
    return Error(Errc::kGuestFault, "the VM has ended: " + ended->message());
  }
  loop_->run([this] {
    for (VirtioSlot* slot : {root_slot_.get(), vsock_slot_.get(), rng_slot_.get()}) {
      if (slot != nullptr) slot->drain();
    }
  });
  return {};
}

Result<MachineState> Machine::save(std::span<const virtio::VsockPorts> keep) {
  MachineState state{.memory_mib = memory_.size_bytes() / kMiB};
  const auto msrs = SM_TRY(SM_TRY(kvm::System::open()).msr_indices());
  for (const auto& vcpu : vcpus_) state.vcpus.push_back(SM_TRY(vcpu->vcpu().state(msrs)));
  state.vm = SM_TRY(vm_.state());
  loop_->run([&] {
    state.serial = serial_->save();
    if (root_ != nullptr) state.root = {root_slot_->save(), root_->save()};
    state.vsock = {vsock_slot_->save(), vsock_->save(keep)};
    state.rng = {rng_slot_->save(), {}};
  });
  return state;
}

Result<Rewound> Machine::rewind(const ImagePages& image, std::uint64_t max_kept_pages) {
  SM_TRY(park(deadline_in(kParkWait)));
  Rewound rewound;
  Status done;
  loop_->run([&] {
    forget_guest();
    done = dirty_pages_.collect();
    if (!done.ok()) return;
    PageSet left = dirty_pages_.since_start();
    rewound.written = left;
    done = supermachine::rewind(memory_, image, left, max_kept_pages);
    rewound.kept = left;
    if (done.ok()) done = dirty_pages_.rewound(std::move(left));
  });
  SM_TRY(std::move(done));
  return rewound;
}

// The guest first: what it rings meanwhile, the loop hears when it is there.
void Machine::start() {
  for (const auto& vcpu : vcpus_) vcpu->resume();
  loop_->start();
}

void Machine::finish(ExitReport report) {
  if (report.kind == ExitKind::kReset && console_->panicked()) {
    report = {ExitKind::kPanic, console_->last_lines(kPanicLines)};
  }
  {
    const std::lock_guard lock(mutex_);
    if (report_) return;
    report_ = std::move(report);
  }
  for (const auto& vcpu : vcpus_) vcpu->request_pause();
  // Who waits for the guest on a connection is to see its end, not silence.
  loop_->events().post([this] {
    if (vsock_ != nullptr) vsock_->mux().stop();
  });
  sys::event_fd_signal(exit_event_.get());
  ended_.notify_all();
  if (exit_callback_) exit_callback_();
}

// vCPUs first: while one of them waits for the device loop to do something for it, the loop has to
// run.
void Machine::stop() {
  finish({ExitKind::kStopped});
  for (const auto& vcpu : vcpus_) vcpu->stop();
  loop_->run([] {});  // what finish() posted is done
  loop_->stop();
}

std::optional<ExitReport> Machine::wait(Deadline deadline) {
  std::unique_lock lock(mutex_);
  if (deadline == Deadline::max()) {
    ended_.wait(lock, [this] { return report_.has_value(); });
  } else {
    ended_.wait_until(lock, deadline, [this] { return report_.has_value(); });
  }
  return report_;
}

// The kernel said that it halts, on a console that anyone in the guest can write to, so it is
// looked for each time, for a while.
void Machine::expect_halt() {
  halt_checks_left_ = kHaltChecks;
  if (halt_check_) return;
  for (const auto& vcpu : vcpus_) vcpu->forget_halted();
  check_halt();
}

// It has halted when every vCPU lies in HLT with interrupts off. KVM never tells us that by itself.
void Machine::check_halt() {
  halt_check_.reset();
  const bool halted =
      std::ranges::all_of(vcpus_, [](const auto& vcpu) { return vcpu->found_halted(); });
  if (halted) return finish({ExitKind::kHalted});
  if (halt_checks_left_-- == 0) return;
  for (const auto& vcpu : vcpus_) vcpu->query_halted();
  halt_check_ = loop_->events().call_at(deadline_in(kHaltCheckEvery), [this] { check_halt(); });
}

}  // namespace supermachine
