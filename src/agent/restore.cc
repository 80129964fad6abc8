// SPDX-License-Identifier: Apache-2.0
#include "agent/restore.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "agent/files.h"
#include "agent/spawn.h"
#include "base/files.h"
#include "base/sys.h"

namespace supermachine::agent {
namespace {

constexpr std::chrono::milliseconds kHookLimit{5000};

std::string to_hex(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const std::byte b : bytes) {
    out += kDigits[std::to_integer<unsigned>(b) >> 4U];
    out += kDigits[std::to_integer<unsigned>(b) & 0x0fU];
  }
  return out;
}

bool is_program(const std::string& path) {
  struct stat info {};
  return ::access(path.c_str(), X_OK) == 0 && ::stat(path.c_str(), &info) == 0 &&
         S_ISREG(info.st_mode);
}

}  // namespace

Restore::Restore(Services services, Server& server, Kernel& kernel)
    : services_(std::move(services)),
      server_(server),
      kernel_(kernel),
      directory_(services_.root + "/run/supermachine"),
      hook_path_(services_.root + "/etc/supermachine/on-restored") {}

void Restore::listen_for_workload(std::function<void()> on_ready) {
  if (!make_path(directory_).ok()) return;
  auto pipes = ReadyPipes::create(services_.loop, directory_, std::move(on_ready));
  if (pipes.ok()) pipes_ = std::move(pipes).value();
}

void Restore::handle(const rpc::FrameView& request, Answer answer) {
  switch (request.type) {
    case rpc::FrameType::kPrepare: {
      const auto prepared = rpc::decode<rpc::Prepare>(request.payload);
      return answer(prepared.ok() ? prepare(prepared.value()) : prepared.error());
    }
    case rpc::FrameType::kResumed:
      return resume(answer);
    case rpc::FrameType::kRestored:
      return restore(request, std::move(answer));
    default:
      return answer(Error(Errc::kCorrupt, "not a request for the control connection"));
  }
}

// A copy that could not be made one of its own, or is not yet, is neither captured nor its source.
Status Restore::check_whole() const {
  if (failure_) return *failure_;
  if (hook_) return Error(Errc::kExhausted, hook_path_ + " still runs");
  return {};
}

Status Restore::prepare(const rpc::Prepare& request) {
  SM_TRY(check_whole());
  server_.hold();
  Status status = be_ready();
  ::sync();
  ::malloc_trim(0);
  if (status.ok() && request.drop_caches) status = kernel_.drop_caches();
  if (!status.ok()) server_.release();
  return status;
}

// Opens all that a restore would otherwise have to open.
Status Restore::be_ready() {
  SM_TRY(kernel_.cover_boot_id());
  if (instance_) return {};
  SM_TRY(make_path(directory_));
  instance_ = SM_TRY(sys::open(directory_ + "/instance", O_WRONLY | O_CREAT | O_NOFOLLOW, 0644));
  return {};
}

void Restore::resume(const Answer& answer) {
  if (const Status whole = check_whole(); !whole.ok()) return answer(whole);
  go_on("resumed\n", answer);
}

void Restore::restore(const rpc::FrameView& request, Answer answer) {
  server_.hold();
  hook_.reset();
  const auto self = rpc::decode<rpc::Restored>(request.payload);
  if (!self.ok()) return fail(self.error(), answer);
  if (const Status became = become(self.value()); !became.ok()) return fail(became.error(), answer);
  if (!is_program(hook_path_)) return go_on("restored " + instance_id_ + "\n", answer);
  if (const Status started = start_hook(answer); !started.ok()) fail(started.error(), answer);
}

// The clock first, since it runs; the boot id after the entropy that it is made of.
Status Restore::become(const rpc::Restored& self) {
  SM_TRY(kernel_.set_clock(self.wall_clock_ns));
  SM_TRY(kernel_.add_entropy(self.entropy));
  SM_TRY(be_ready());
  SM_TRY(kernel_.renew_boot_id());
  SM_TRY(set_names(self));
  SM_TRY(leave_payload(self.payload));
  return say_who(self);
}

Status Restore::set_names(const rpc::Restored& self) {
  const User root;
  if (!self.hostname.empty()) {
    SM_TRY(kernel_.set_hostname(self.hostname));
    SM_TRY(write_file(services_.root + "/etc/hostname", 0644, self.hostname + "\n", root));
  }
  if (!self.machine_id.empty()) {
    SM_TRY(write_file(services_.root + "/etc/machine-id", 0444, self.machine_id + "\n", root));
  }
  return {};
}

Status Restore::leave_payload(const std::string& payload) {
  const std::string path = directory_ + "/payload";
  if (payload.empty()) {
    // It was for another instance, and may hold its secrets.
    if (std::exchange(has_payload_, false) && ::unlink(path.c_str()) != 0 && errno != ENOENT) {
      return Error::from_errno("unlink " + path);
    }
    return {};
  }
  has_payload_ = true;
  const UniqueFd fd =
      SM_TRY(sys::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, 0644));
  return write_all(fd.get(), std::as_bytes(std::span(payload)));
}

Status Restore::say_who(const rpc::Restored& self) {
  instance_id_ = to_hex(self.instance_id);
  const std::string text = "instance_id=" + instance_id_ +
                           "\nwall_clock_ns=" + std::to_string(self.wall_clock_ns) + "\n";
  SM_TRY(write_all_at(instance_.get(), std::as_bytes(std::span(text)), 0));
  if (text.size() < instance_size_) SM_TRY(sys::truncate(instance_.get(), text.size()));
  instance_size_ = text.size();
  return {};
}

Status Restore::start_hook(const Answer& answer) {
  std::vector<std::string> env{
      kDefaultPath, "HOME=/root", "SUPERMACHINE_INSTANCE=" + instance_id_,
      "SUPERMACHINE_PAYLOAD=" + (has_payload_ ? directory_ + "/payload" : std::string())};
  hook_ = SM_TRY(
      Hook::start(services_, hook_path_, std::move(env), kHookLimit, [this, answer](Status ended) {
        hook_.reset();
        if (!ended.ok()) return fail(std::move(ended).error(), answer);
        go_on("restored " + instance_id_ + "\n", answer);
      }));
  return {};
}

void Restore::go_on(const std::string& line, const Answer& answer) {
  failure_.reset();
  if (pipes_) pipes_->resumed(line);
  answer({});  // before the calls: the host may wait for both
  server_.release();
}

void Restore::fail(Error why, const Answer& answer) {
  failure_ = Error(why.code(), "this copy could not be made one of its own: " + why.message());
  server_.refuse(*failure_);
  answer(*failure_);
}

}  // namespace supermachine::agent
