// SPDX-License-Identifier: Apache-2.0
#include "owner.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/sys.h"

namespace supermachine {

Result<OwnerProcess> OwnerProcess::start(std::string program, std::vector<std::string> arguments,
                                         const std::string& temporary) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno("pipe2");
  OwnerProcess owner;
  owner.output_ = UniqueFd(ends[0]);
  const UniqueFd write_end(ends[1]);

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::vector<char*> argv{program.data()};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::vector<std::string> variables{"TMPDIR=" + temporary};
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (!std::string_view(*variable).starts_with("TMPDIR=")) variables.emplace_back(*variable);
  std::vector<char*> envp;
  for (std::string& variable : variables) envp.push_back(variable.data());
  envp.push_back(nullptr);
  const int failed =
      ::posix_spawn(&owner.pid_, program.c_str(), &actions, &attributes, argv.data(), envp.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (failed != 0) {
    owner.pid_ = -1;
    return Error::from_errno("posix_spawn", failed);
  }
  return owner;
}

OwnerProcess::OwnerProcess(OwnerProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      reaped_(other.reaped_),
      output_(std::move(other.output_)) {}

OwnerProcess::~OwnerProcess() {
  if (pid_ > 0 && !reaped_) kill();
}

std::string OwnerProcess::next_words() {
  const auto ready = sys::wait_ready(output_.get(), POLLIN, deadline_in(std::chrono::seconds(30)));
  std::array<std::byte, 64> words{};
  if (!ready.ok() || !ready.value()) return {};
  const auto got = sys::read(output_.get(), words);
  if (!got.ok()) return {};
  std::string text;
  for (const std::byte byte : std::span(words).first(got.value())) text += static_cast<char>(byte);
  return text;
}

int OwnerProcess::kill() {
  int status = -1;
  ::kill(pid_, SIGKILL);
  reaped_ = ::waitpid(pid_, &status, 0) == pid_;
  return status;
}

bool OwnerProcess::group_is_gone() const { return ::kill(-pid_, 0) != 0 && errno == ESRCH; }

}  // namespace supermachine
