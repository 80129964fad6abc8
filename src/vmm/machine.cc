#include "vmm/machine.h"

#include <fcntl.h>
#include <sys/sysinfo.h>

#include <algorithm>

#include "base/files.h"
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

Machine::Machine(MachineConfig config, GuestMemory memory, kvm::Vm vm,
                 std::unique_ptr<DeviceLoop> loop, UniqueFd exit_event)
    : config_(std::move(config)),
      exit_event_(std::move(exit_event)),
      memory_(std::move(memory)),
      vm_(std::move(vm)),
      console_(std::make_unique<Console>(
          config_.console_fd,
          [this] { loop_->events().post([this] { watch_for_halt(kHaltChecks); }); })),
      loop_(std::move(loop)) {}

Result<std::unique_ptr<Machine>> Machine::create(const MachineConfig& config, BootTrace& trace) {
  SM_TRY(check(config));
  const kvm::System system = SM_TRY(kvm::System::open());
  GuestMemory memory = SM_TRY(GuestMemory::create(config.memory_mib * kMiB));
  kvm::Vm vm = SM_TRY(kvm::Vm::create(system));
  auto loop = SM_TRY(DeviceLoop::create());
  auto exit_event = SM_TRY(sys::event_fd());
  std::unique_ptr<Machine> machine(new Machine(config, std::move(memory), std::move(vm),
                                               std::move(loop), std::move(exit_event)));
  SM_TRY(machine->vm_.map_memory(machine->memory_));
  SM_TRY(machine->vm_.create_irqchip());
  SM_TRY(machine->add_devices());
  trace.mark(BootStep::kDevicesReady);
  SM_TRY(machine->load_guest(system, trace));
  return machine;
}

Machine::~Machine() { stop(); }

Status Machine::load_guest(const kvm::System& system, BootTrace& trace) {
  const UniqueFd file = SM_TRY(sys::open(config_.kernel_path, O_RDONLY));
  const Mapping image = SM_TRY(Mapping::of_file(file.get()));
  auto loaded = boot::load_kernel(memory_, image.bytes());
  if (!loaded.ok()) return std::move(loaded).error().with(config_.kernel_path);
  const boot::LoadedKernel& kernel = loaded.value();
  SM_TRY(boot::write_boot_params(memory_, kernel, command_line(config_, slots_.size()),
                                 config_.initramfs, config_.vcpus));
  trace.mark(BootStep::kMemoryReady);
  SM_TRY(add_vcpus(system, kernel));
  trace.mark(BootStep::kKvmReady);
  return {};
}

Status Machine::add_devices() {
  SM_TRY(add_legacy_devices());
  if (!config_.root_image.empty()) {
    root_ = std::make_unique<virtio::FileBackend>(
        SM_TRY(virtio::FileBackend::open_read_only(config_.root_image)));
    SM_TRY(add_virtio(
        SM_TRY(virtio::Block::create(virtio::BlockState::power_on(*root_, "root"), *root_))));
  }
  auto vsock = SM_TRY(virtio::Vsock::create({.guest_cid = kGuestCid}, loop_->events(),
                                            {.unix_path = config_.vsock_path}));
  vsock_mux_ = &vsock->mux();
  SM_TRY(add_virtio(std::move(vsock)));
  return add_virtio(SM_TRY(virtio::Rng::create({}, entropy_)));
}

Status Machine::add_legacy_devices() {
  serial_irq_ = SM_TRY(sys::event_fd());
  SM_TRY(vm_.add_irqfd(serial_irq_.get(), kCom1Irq));
  serial_ = SM_TRY(
      Serial::create({}, {.write = [this](char c) { console_->put(c); },
                          .raise_irq = [this] { sys::event_fd_signal(serial_irq_.get()); }}));
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

Status Machine::add_virtio(std::unique_ptr<virtio::Device> device) {
  const auto index = static_cast<std::uint32_t>(slots_.size());
  slots_.push_back(SM_TRY(VirtioSlot::create(index, virtio::MmioState{}, std::move(device), vm_,
                                             memory_, mmio_, *loop_)));
  return {};
}

Status Machine::add_vcpus(const kvm::System& system, const boot::LoadedKernel& kernel) {
  const auto supported = SM_TRY(system.supported_cpuid());
  for (std::uint32_t id = 0; id < config_.vcpus; ++id) {
    kvm::Vcpu vcpu = SM_TRY(vm_.create_vcpu(id));
    SM_TRY(vcpu.set_state(
        SM_TRY(boot::initial_vcpu_state(vcpu, kernel, supported, id, config_.vcpus))));
    SM_TRY(boot::wire_local_interrupts(vcpu));
    vcpus_.push_back(std::make_unique<VcpuThread>(
        std::move(vcpu), id,
        VcpuThread::Host{
            .mmio = mmio_, .pio = pio_, .go = go_, .on_exit = [this](ExitReport report) {
              finish(std::move(report));
            }}));
  }
  return {};
}

void Machine::start() {
  loop_->start();
  for (const auto& vcpu : vcpus_) vcpu->start();
  go_.count_down();
}

void Machine::finish(ExitReport report) {
  if (report.kind == ExitKind::kReset && console_->last_words() == Console::LastWords::kPanic) {
    report = {ExitKind::kPanic, console_->last_lines(kPanicLines)};
  }
  {
    const std::lock_guard lock(mutex_);
    if (report_) return;
    report_ = std::move(report);
  }
  for (const auto& vcpu : vcpus_) vcpu->request_stop();
  // Who waits for the guest on a connection is to see its end, not silence.
  loop_->events().post([this] { vsock_mux_->stop(); });
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

// The kernel said that it halts, on a console that anyone in the guest can write to: it has halted
// when every vCPU lies in HLT with interrupts off. KVM never tells us that by itself.
void Machine::watch_for_halt(int attempts_left) {
  const bool halted =
      std::ranges::all_of(vcpus_, [](const auto& vcpu) { return vcpu->found_halted(); });
  if (halted) return finish({ExitKind::kHalted});
  if (attempts_left == 0) return;
  for (const auto& vcpu : vcpus_) vcpu->query_halted();
  loop_->events().call_at(deadline_in(kHaltCheckEvery),
                          [this, attempts_left] { watch_for_halt(attempts_left - 1); });
}

}  // namespace supermachine
