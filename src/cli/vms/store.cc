// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "cli/engine.h"
#include "cli/vms/file.h"
#include "cli/vms/names.h"

namespace supermachine::cli {
namespace {

namespace fs = std::filesystem;

constexpr auto kHoldLimit = std::chrono::seconds(10);
constexpr auto kHoldInterval = std::chrono::milliseconds(2);
constexpr int kKilled = 137;  // as of a command that was killed

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_directory(const std::string& path) {
  std::error_code ignored;  // what cannot be looked at is none for us
  return fs::is_directory(path, ignored);
}

// Removes what is there and follows no symlink. Fails in silence: what is left is found again.
void remove_tree(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

std::string lock_path(const std::string& directory) { return directory + "/lock"; }
std::string state_path(const std::string& directory) { return directory + "/state.json"; }

// Of a VM whose process was killed, or whose machine went down.
Status record_death(const std::string& directory, VmState& state) {
  state.status = VmStatus::kExited;
  state.exit_code = kKilled;
  state.error = "its process was killed";
  state.finished = now();
  if (const std::size_t slash = state.socket.find('/'); slash != std::string::npos) {
    remove_tree(directory + "/" + state.socket.substr(0, slash));
  }
  return replace_file(state_path(directory), state_json(state));
}

// nullopt when there is nothing left of it.
Result<std::optional<VmEntry>> look_at(const std::string& directory) {
  VmEntry entry;
  entry.directory = directory;
  auto lock = open_file(lock_path(directory), O_RDWR);
  entry.alive = lock.ok() && !SM_TRY(try_lock(lock.value().get(), Lock::kShared));
  auto text = read_small_file(state_path(directory), kMaxStateBytes);
  if (!text.ok() && text.error().os_errno() == ENOENT && !entry.alive) {
    remove_tree(directory);
    return std::optional<VmEntry>();
  }
  auto state = text.ok() ? parse_state(text.value()) : Result<VmState>(text.error());
  if (state.ok() && short_id(state.value().id) != entry.short_name()) {
    state = Error(Errc::kCorrupt, "state.json is of another VM");
  }
  if (!state.ok()) {
    entry.problem = state.error().message();
    if (text.ok()) entry.state.name = readable_name(text.value(), entry.short_name());
    return std::optional(std::move(entry));
  }
  entry.state = std::move(state).value();
  if (entry.alive) return std::optional(std::move(entry));
  if (entry.state.status == VmStatus::kStarting || entry.state.remove) {
    remove_tree(directory);
    return std::optional<VmEntry>();
  }
  if (entry.state.status == VmStatus::kRunning) SM_TRY(record_death(directory, entry.state));
  return std::optional(std::move(entry));
}

}  // namespace

Result<std::string> runtime_directory() {
  std::string path = variable("SUPERMACHINE_RUNTIME");
  if (path.empty() && inside_lab()) path = kLabRuntimeDirectory;
  if (path.empty()) {
    const std::string xdg = variable("XDG_RUNTIME_DIR");
    path = is_directory(xdg) ? xdg + "/supermachine"
                             : "/tmp/supermachine-" + std::to_string(::geteuid());
  }
  if (path[0] != '/') {
    return Error(Errc::kInvalidArgument,
                 "SUPERMACHINE_RUNTIME must begin with /, '" + path + "' does not");
  }
  SM_TRY(make_private_directory(path));
  return path;
}

std::string VmEntry::short_name() const { return fs::path(directory).filename().string(); }

class VmStore::Held {
 public:
  explicit Held(int fd) : fd_(fd) {}
  Held(Held&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Held& operator=(Held&&) = delete;
  ~Held() {
    if (fd_ >= 0) ::flock(fd_, LOCK_UN);
  }

 private:
  int fd_;  // not owned; outlives us
};

Result<VmStore> VmStore::open() { return open_at(SM_TRY(runtime_directory())); }

Result<VmStore> VmStore::open_at(const std::string& runtime_directory) {
  std::string directory = runtime_directory + "/vms";
  SM_TRY(make_private_directory(directory));
  Fd lock = SM_TRY(open_file(lock_path(directory), O_RDWR | O_CREAT));
  return VmStore(std::move(directory), std::move(lock));
}

Result<VmStore::Held> VmStore::hold() {
  const auto deadline = std::chrono::steady_clock::now() + kHoldLimit;
  while (!SM_TRY(try_lock(lock_.get(), Lock::kExclusive))) {
    if (std::chrono::steady_clock::now() >= deadline) {
      return Error(Errc::kTimeout, "another process holds " + lock_path(directory_));
    }
    std::this_thread::sleep_for(kHoldInterval);
  }
  return Held(lock_.get());
}

Result<std::vector<VmEntry>> VmStore::list() {
  const Held held = SM_TRY(hold());
  return list_held();
}

Result<std::vector<VmEntry>> VmStore::list_held() {
  std::vector<std::string> directories;
  std::error_code error;
  for (fs::directory_iterator at(directory_, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code ignored;
    const std::string name = at->path().filename().string();
    if (name.size() != kShortIdLength || !is_hex(name)) continue;
    if (fs::is_directory(at->symlink_status(ignored))) directories.push_back(at->path().string());
  }
  if (error) return Error::from_errno("read " + directory_, error.value());
  std::vector<VmEntry> entries;
  for (const std::string& directory : directories) {
    if (auto entry = SM_TRY(look_at(directory))) entries.push_back(*std::move(entry));
  }
  std::ranges::sort(entries, [](const VmEntry& a, const VmEntry& b) {
    return a.state.created > b.state.created;
  });
  return entries;
}

Result<VmEntry> VmStore::find(const std::string& wanted) {
  std::vector<VmEntry> entries = SM_TRY(list());
  VmEntry* found = nullptr;
  for (VmEntry& entry : entries) {
    if (wanted.empty()) break;
    if (entry.state.name == wanted || entry.state.id == wanted) return std::move(entry);
  }
  for (VmEntry& entry : entries) {
    const std::string id = entry.problem.empty() ? entry.state.id : entry.short_name();
    const bool has_it = id.starts_with(wanted) ||
                        (wanted.size() == kIdLength && is_hex(wanted) && wanted.starts_with(id));
    if (wanted.empty() || !has_it) continue;
    if (found != nullptr) {
      return Error(Errc::kInvalidArgument, "the ids of several VMs begin with " + wanted);
    }
    found = &entry;
  }
  if (found != nullptr) return std::move(*found);
  return Error(Errc::kNotFound, "no VM '" + wanted + "'; 'supermachine ps -a' lists all there are");
}

Result<OwnVm> VmStore::add(VmState state) {
  const Held held = SM_TRY(hold());
  const std::vector<VmEntry> entries = SM_TRY(list_held());
  const auto named = [&](const std::string& name) {
    return std::ranges::find_if(entries,
                                [&](const VmEntry& entry) { return entry.state.name == name; });
  };
  const auto taken = [&](const std::string& name) { return named(name) != entries.end(); };
  if (state.name.empty()) state.name = SM_TRY(random_name(taken));
  if (taken(state.name)) {
    return Error(Errc::kInvalidArgument, "the name '" + state.name + "' is taken by the VM " +
                                             named(state.name)->short_name() +
                                             ": choose another, or remove that with " +
                                             "'supermachine rm " + state.name + "'");
  }
  state.id = SM_TRY(random_id());
  std::string directory = directory_ + "/" + short_id(state.id);
  if (::mkdir(directory.c_str(), 0700) != 0) return Error::from_errno("mkdir " + directory);
  Fd lock = SM_TRY(open_file(lock_path(directory), O_RDWR | O_CREAT));
  if (!SM_TRY(try_lock(lock.get(), Lock::kExclusive))) {
    return Error(Errc::kExhausted, "another process holds " + lock_path(directory));
  }
  SM_TRY(replace_file(state_path(directory), state_json(state)));
  return OwnVm(std::move(directory), std::move(lock), std::move(state));
}

Status VmStore::remove(const VmEntry& entry) {
  const Held held = SM_TRY(hold());
  auto lock = open_file(lock_path(entry.directory), O_RDWR);
  if (lock.ok() && !SM_TRY(try_lock(lock.value().get(), Lock::kShared))) {
    return Error(Errc::kInvalidArgument, "its process still runs");
  }
  remove_tree(entry.directory);
  if (is_directory(entry.directory)) {
    return Error(Errc::kInvalidArgument, "cannot remove " + entry.directory);
  }
  return {};
}

Result<VmEnding> VmEnding::open(const VmEntry& entry) {
  return VmEnding(SM_TRY(open_file(lock_path(entry.directory), O_RDONLY)));
}

Result<std::optional<int>> VmEnding::exit_code() const {
  std::array<char, 8> text{};
  const ssize_t got = ::pread(file_.get(), text.data(), text.size(), 0);
  if (got < 0) return Error::from_errno("read how a VM ended");
  int code = 0;
  const char* const end = text.data() + got;
  const auto [stop, error] = std::from_chars(text.data(), end, code);
  if (error != std::errc() || stop == end || *stop != '\n' || code < 0 || code > 255)
    return std::optional<int>();
  return std::optional(code);
}

Status OwnVm::update(VmState state) {
  state.id = state_.id;
  state.name = state_.name;
  state_ = std::move(state);
  // Where it goes on being read once the directory is gone.
  if (state_.status == VmStatus::kExited)
    SM_TRY(write_fully(lock_.get(), std::to_string(state_.exit_code) + "\n"));
  return replace_file(state_path(directory_), state_json(state_));
}

void OwnVm::remove() { remove_tree(directory_); }

}  // namespace supermachine::cli
