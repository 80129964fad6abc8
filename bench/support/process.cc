// SPDX-License-Identifier: Apache-2.0
#include "support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "base/sys.h"

namespace supermachine::bench {

Result<Program> Program::start(const std::vector<std::string>& argv, int input) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno("pipe2");
  UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);
  std::vector<std::string> words = argv;
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
  if (input != STDIN_FILENO) ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  pid_t pid = -1;
  const auto started = Clock::now();
  const int failed =
      ::posix_spawnp(&pid, words[0].c_str(), &actions, nullptr, pointers.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return Error::from_errno("start " + words[0], failed);
  return Program(pid, std::move(read_end), started);
}

Program::~Program() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Result<bool> Program::read_more(Deadline deadline) {
  if (!SM_TRY(sys::wait_ready(output_.get(), POLLIN, deadline)))
    return Error(Errc::kTimeout, "no more output in time; so far: " + text_);
  std::array<std::byte, 4096> part{};
  const std::size_t got = SM_TRY(sys::read(output_.get(), part));
  for (const std::byte byte : std::span(part).first(got)) text_ += static_cast<char>(byte);
  return got != 0;
}

Result<Clock::time_point> Program::wait_for(std::string_view word, Deadline deadline) {
  while (text_.find(word) == std::string::npos) {
    if (!SM_TRY(read_more(deadline)))
      return Error(Errc::kGuestFault, "it ended without a word: " + text_);
  }
  return Clock::now();
}

Result<Clock::time_point> Program::wait_for_end(Deadline deadline) {
  while (SM_TRY(read_more(deadline))) {
  }
  int status = 0;
  if (::waitpid(std::exchange(pid_, -1), &status, 0) < 0) return Error::from_errno("waitpid");
  const auto gone = Clock::now();
  if (status != 0) return Error(Errc::kGuestFault, "it failed: " + text_);
  return gone;
}

}  // namespace supermachine::bench
