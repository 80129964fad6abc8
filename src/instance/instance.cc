// SPDX-License-Identifier: Apache-2.0
#include "instance/instance.h"

#include <algorithm>
#include <cctype>
#include <condition_variable>

#include "base/sys.h"
#include "instance/agent_image.h"
#include "rootfs/initramfs.h"

namespace supermachine {
namespace {

constexpr std::size_t kMaxHostname = 64;  // sethostname(2)
constexpr std::size_t kLastLines = 12;
constexpr std::size_t kEntropyBytes = 64;
constexpr std::size_t kMaxIdleCalls = 4;
// How long the processors of a guest that is put to sleep may take to stop: no more than one exit.
constexpr auto kPauseWait = std::chrono::seconds(5);
// How long the source of a capture may take to hear that it goes on.
constexpr auto kResumedWait = std::chrono::seconds(10);
// How long a machine whose agent has hung up may take to end, for the error to say how it ended.
constexpr auto kLastWordsWait = std::chrono::milliseconds(500);

Result<std::vector<std::byte>> make_agent_initramfs(const FileOrBytes& source) {
  const FileOrBytes::Opened agent = SM_TRY(source.open());
  if (Status checked = check_agent(agent.bytes()); !checked.ok())
    return std::move(checked).error().with(source.name());
  const rootfs::InitramfsFile init{.path = "init", .mode = 0755, .bytes = agent.bytes()};
  return rootfs::make_initramfs(std::span(&init, 1));
}

// It travels on the kernel's command line, where a space would start an argument of its own.
Status check_hostname(const std::string& name) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
  };
  if (!name.empty() && name.size() <= kMaxHostname && std::ranges::all_of(name, allowed)) return {};
  return Error(Errc::kInvalidArgument, "host name \"" + name + "\": it has 1 to " +
                                           std::to_string(kMaxHostname) +
                                           " letters, digits, '-', '.' and '_'");
}

std::uint64_t wall_clock_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
}

}  // namespace

Instance::~Instance() {
  if (forwards_) forwards_->close();
}

struct Instance::Doorbell {
  std::mutex mutex;
  std::condition_variable rang;
  std::optional<virtio::VsockStream> stream;
  bool machine_ended = false;
};

Result<std::unique_ptr<Instance>> Instance::boot(InstanceConfig config) {
  SM_TRY(check_hostname(config.hostname));
  std::unique_ptr<Instance> instance(new Instance);
  config.machine.initramfs = SM_TRY(make_agent_initramfs(config.agent));
  config.machine.kernel_args.push_back("sm.root=/dev/vda");
  config.machine.kernel_args.push_back("sm.hostname=" + config.hostname);
  instance->machine_ = SM_TRY(Machine::boot(config.machine, instance->trace_));

  const auto doorbell = std::make_shared<Doorbell>();
  SM_TRY(
      instance->machine_->vsock().listen(rpc::kControlPort, [doorbell](virtio::VsockStream stream) {
        const std::lock_guard lock(doorbell->mutex);
        doorbell->stream = std::move(stream);
        doorbell->rang.notify_all();
      }));
  instance->machine_->on_exit([doorbell] {
    const std::lock_guard lock(doorbell->mutex);
    doorbell->machine_ended = true;
    doorbell->rang.notify_all();
  });
  instance->trace_.mark(BootStep::kFirstEntry);
  instance->machine_->start();
  if (Status ready = instance->wait_for_agent(doorbell, config.boot_deadline); !ready.ok()) {
    return instance->explain(ready.error());
  }
  instance->trace_.mark(BootStep::kAgentReady);
  return instance;
}

Status Instance::wait_for_agent(const std::shared_ptr<Doorbell>& doorbell, Deadline deadline) {
  std::unique_lock lock(doorbell->mutex);
  const auto rang = [&] { return doorbell->stream.has_value() || doorbell->machine_ended; };
  if (!doorbell->rang.wait_until(lock, deadline, rang)) {
    return Error(Errc::kTimeout, "the guest's agent did not answer in time");
  }
  if (!doorbell->stream) return Error(Errc::kGuestFault, "the VM ended before its agent answered");
  virtio::VsockStream stream = *std::move(doorbell->stream);
  lock.unlock();
  control_ports_ = stream.ports;
  const MutexLock control_lock(mutex_);
  control_ = SM_TRY(client::ControlConnection::create(std::move(stream.socket), deadline));
  open_call_pool(control_->has_feature(rpc::kFeatureReuse));
  return {};
}

// Memory before the machine: KVM is slow to take in files that are mapped over a slot later.
Result<std::unique_ptr<Instance>> Instance::asleep(std::shared_ptr<const Origin> origin,
                                                   MachineHost host) {
  std::unique_ptr<Instance> instance(new Instance);
  const MemoryImage& image = origin->snapshot()->memory();
  GuestMemory memory = SM_TRY(GuestMemory::reserve(image.size_bytes));
  SM_TRY(memory.map(image));
  instance->trace_.mark(BootStep::kMemoryReady);
  const auto vcpus = static_cast<std::uint32_t>(origin->state().vcpus.size());
  instance->machine_ = SM_TRY(Machine::shell(std::move(memory), vcpus, std::move(host)));
  instance->trace_.mark(BootStep::kKvmReady);
  const auto& features = origin->snapshot()->metadata().agent.features;
  instance->open_call_pool(std::ranges::find(features, rpc::kFeatureReuse) != features.end());
  // What is only read is shared by all copies: having it ready costs no memory. The rest has to
  // wait until the copy is wanted.
  if (const auto& hot = origin->snapshot()->hot_set()) {
    SM_TRY(instance->machine_->prefault(origin->state(), hot->read, false));
    instance->missing_ = hot->written;
  }
  instance->origin_ = std::move(origin);
  return instance;
}

Status Instance::wake(const Identity& identity, Deadline deadline) {
  SM_TRY(machine_->prefault(origin_->state(), std::exchange(missing_, {}), true));
  SM_TRY(machine_->load(origin_->state()));
  SM_TRY(take_up_connections());
  trace_.mark(BootStep::kDevicesReady);
  if (Status told = start_and_tell(identity, deadline); !told.ok()) return explain(told.error());
  trace_.mark(BootStep::kAgentReady);
  return {};
}

// The control connection, and those to the agent that were idle.
Status Instance::take_up_connections() {
  const MutexLock lock(mutex_);
  control_.reset();
  for (const virtio::VsockConnectionState& kept : origin_->state().vsock.device.mux.kept) {
    UniqueFd socket = SM_TRY(machine_->vsock().take_kept(kept.ports));
    if (kept.ports.host == rpc::kControlPort) {
      control_ports_ = kept.ports;
      rpc::Hello hello;
      hello.features = origin_->snapshot()->metadata().agent.features;
      control_ = SM_TRY(client::ControlConnection::resume(std::move(socket), std::move(hello)));
    } else if (kept.ports.guest == rpc::kAgentPort) {
      calls_->put(std::move(socket));
    }
  }
  if (!control_) return Error(Errc::kCorrupt, "the snapshot has no connection to its agent");
  return {};
}

Status Instance::start_and_tell(const Identity& identity, Deadline deadline) {
  rpc::Restored restored{.instance_id = {},
                         .wall_clock_ns = 0,
                         .entropy = std::vector<std::byte>(kEntropyBytes),
                         .hostname = identity.hostname,
                         .machine_id = identity.machine_id,
                         .payload = identity.payload};
  SM_TRY(sys::random_bytes(restored.entropy));
  SM_TRY(sys::random_bytes(restored.instance_id));
  const MutexLock lock(mutex_);
  restored.wall_clock_ns = wall_clock_ns();
  trace_.mark(BootStep::kFirstEntry);
  machine_->start();
  return control_->restored(restored, deadline);
}

Result<const PageSet*> Instance::collect_written() {
  Status collected;
  machine_->run_on_devices([&] { collected = machine_->dirty_pages().collect(); });
  SM_TRY(std::move(collected));
  return &machine_->dirty_pages().since_start();
}

Status Instance::measure() {
  used_bytes_ = SM_TRY(collect_written())->count() * kPageSize;
  kept_bytes_ = used_bytes_;
  return {};
}

Result<HotSet> Instance::hot_set() {
  const PageSet& written = *SM_TRY(collect_written());
  PageSet read = SM_TRY(machine_->memory().touched());
  written.for_each([&](std::uint64_t page) { read.erase(page); });
  HotSet hot;
  hot.snapshot = origin_->snapshot()->id();
  hot.read = read.runs();
  hot.written = written.runs();
  return hot;
}

Status Instance::sleep(std::uint64_t max_kept_pages) {
  forwards_->clear();
  SM_TRY(machine_->pause(deadline_in(kPauseWait)));
  const MutexLock lock(mutex_);
  control_.reset();
  calls_->clear();
  const Rewound rewound = SM_TRY(machine_->rewind(origin_->pages(), max_kept_pages));
  used_bytes_ = rewound.written.count() * kPageSize;
  kept_bytes_ = rewound.kept.count() * kPageSize;
  PageSet missing = origin_->hot_written();
  rewound.kept.for_each([&](std::uint64_t page) { missing.erase(page); });
  missing_ = missing.runs();
  return {};
}

// A guest that has ended answers nothing, and its end is the better reason.
Result<Captured> Instance::capture(SnapshotWriter& writer, const CaptureOptions& options) {
  SM_TRY(check_alive());
  auto captured = capture_alive(writer, options);
  if (!captured.ok()) SM_TRY(check_alive());
  return captured;
}

Result<Captured> Instance::capture_alive(SnapshotWriter& writer, const CaptureOptions& options) {
  virtio::VsockStream spare = SM_TRY(machine_->vsock().connect(rpc::kAgentPort, options.deadline));
  const MutexLock lock(mutex_);
  client::ControlConnection& control = *control_;
  const auto capture_prepared = [&]() -> Result<Captured> {
    SM_TRY(control.prepare({.drop_caches = options.drop_caches}, options.deadline));
    return supermachine::capture(*machine_, writer,
                                 {.origin = origin_ ? origin_->snapshot() : nullptr,
                                  .base = options.base,
                                  .keep = {control_ports_, spare.ports},
                                  .deadline = options.deadline});
  };
  auto captured = capture_prepared();
  // Whatever became of it, the guest goes on: an agent that was too slow to prepare would otherwise
  // hold its calls for ever.
  Status resumed = control_->resumed(deadline_in(kResumedWait));
  calls_->put(std::move(spare.socket));
  if (captured.ok()) SM_TRY(std::move(resumed));
  return captured;
}

std::vector<std::string> Instance::agent_features() {
  const MutexLock lock(mutex_);
  return control_->hello().features;
}

Status Instance::wait_ready(Deadline deadline) {
  const MutexLock lock(mutex_);
  return control_->wait_ready(deadline);
}

Error Instance::explain(const Error& error) const {
  const auto report = machine_->wait(error.code() == Errc::kTimeout ? deadline_in({})
                                                                    : deadline_in(kLastWordsWait));
  if (report && report->kind == ExitKind::kPanic)
    return Error(Errc::kGuestFault, report->message());
  std::string message = report ? report->message() + " before its agent answered" : error.message();
  const std::string lines = machine_->console().last_lines(kLastLines);
  if (!lines.empty()) message += "; its last words:\n" + lines;
  return Error(report ? Errc::kGuestFault : error.code(), std::move(message));
}

Status Instance::check_alive() const {
  if (const auto end = machine_->wait(deadline_in({})); end)
    return Error(Errc::kGuestFault, "the VM has ended: " + end->message());
  return {};
}

void Instance::open_call_pool(bool agent_reuses) {
  forwards_ = std::make_shared<PortForwards>(*machine_);
  const auto check = [this] { return check_alive(); };
  const auto open = [this](Deadline deadline) -> Result<UniqueFd> {
    return std::move(SM_TRY(machine_->vsock().connect(rpc::kAgentPort, deadline)).socket);
  };
  calls_ = std::make_shared<client::CallPool>(client::CallPool::Source{open, check},
                                              agent_reuses ? kMaxIdleCalls : 0);
}

}  // namespace supermachine
