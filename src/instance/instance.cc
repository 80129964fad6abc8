#include "instance/instance.h"

#include <algorithm>
#include <cctype>
#include <condition_variable>

#include "base/files.h"
#include "rootfs/initramfs.h"

namespace supermachine {
namespace {

constexpr std::size_t kMaxAgentBytes = 16 << 20;
constexpr std::size_t kMaxHostname = 64;  // sethostname(2)
constexpr std::size_t kLastLines = 12;
// How long a machine whose agent has hung up may take to end, for the error to say how it ended.
constexpr auto kLastWordsWait = std::chrono::milliseconds(500);

Result<std::vector<std::byte>> make_agent_initramfs(const std::string& agent_path) {
  const std::string agent = SM_TRY(read_file(agent_path, kMaxAgentBytes));
  const rootfs::InitramfsFile init{
      .path = "init", .mode = 0755, .bytes = std::as_bytes(std::span(agent))};
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

}  // namespace

struct Instance::Doorbell {
  std::mutex mutex;
  std::condition_variable rang;
  std::optional<UniqueFd> stream;
  bool machine_ended = false;
};

Result<std::unique_ptr<Instance>> Instance::boot(InstanceConfig config) {
  SM_TRY(check_hostname(config.hostname));
  std::unique_ptr<Instance> instance(new Instance);
  config.machine.initramfs = SM_TRY(make_agent_initramfs(config.agent_path));
  config.machine.kernel_args.push_back("sm.root=/dev/vda");
  config.machine.kernel_args.push_back("sm.hostname=" + config.hostname);
  instance->machine_ = SM_TRY(Machine::boot(config.machine, instance->trace_));

  const auto doorbell = std::make_shared<Doorbell>();
  SM_TRY(instance->machine_->vsock().listen(rpc::kControlPort, [doorbell](UniqueFd stream) {
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
  UniqueFd stream = *std::move(doorbell->stream);
  lock.unlock();
  control_ = SM_TRY(client::ControlConnection::create(std::move(stream), deadline));
  return {};
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

client::Connector Instance::connector() {
  return [this](Deadline deadline) -> Result<UniqueFd> {
    if (const auto end = machine_->wait(deadline_in({})); end)
      return Error(Errc::kGuestFault, "the VM has ended: " + end->message());
    return machine_->vsock().connect(rpc::kAgentPort, deadline);
  };
}

}  // namespace supermachine
