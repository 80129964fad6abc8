// SPDX-License-Identifier: Apache-2.0
// Drives the supermachine-lab program as a shell would, with a state directory of the test's own.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/sys.h"

namespace supermachine::lab {

inline constexpr std::chrono::seconds kTestLimit{60};

inline bool eventually(const std::function<bool()>& condition) {
  const Deadline deadline = deadline_in(kTestLimit);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, 20);
  }
  return true;
}

inline std::string slurp(const std::string& path) {
  auto text = read_file(path, std::size_t{256} << 20);
  return text.ok() ? std::move(text).value() : std::string();
}

struct Outcome {
  int status = -1;  // as a shell has it
  std::string out;
  std::string err;
};

// A shell command in the background, its output in files. Killed with its owner.
class Background {
 public:
  Background(const std::string& dir, const std::string& script, const std::string& name)
      : out_(dir + "/" + name + ".out"), err_(dir + "/" + name + ".err") {
    pid_ = ::fork();
    SM_CHECK(pid_ >= 0);
    if (pid_ != 0) return;
    redirect(0, "/dev/null", O_RDONLY);
    redirect(1, out_, O_WRONLY | O_CREAT | O_TRUNC);
    redirect(2, err_, O_WRONLY | O_CREAT | O_TRUNC);
    ::execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
    ::_exit(127);
  }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string out() const { return slurp(out_); }
  [[nodiscard]] std::string err() const { return slurp(err_); }
  void signal(int number) const { ::kill(pid_, number); }
  bool says(const std::string& text) const {
    return eventually([&] { return out().find(text) != std::string::npos; });
  }

  Outcome wait() {
    int status = 0;
    const bool ended = eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
    if (!ended) return {};
    pid_ = -1;
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), out(), err()};
  }

 private:
  static void redirect(int fd, const std::string& path, int flags) {
    const int opened = ::open(path.c_str(), flags, 0600);
    if (opened < 0 || ::dup2(opened, fd) < 0) ::_exit(126);
    ::close(opened);
  }
  std::string out_;
  std::string err_;
  pid_t pid_ = -1;
};

class LabProgram {
 public:
  LabProgram() : dir_(TempDir::create("/tmp").value()) {
    SM_CHECK(::setenv("XDG_RUNTIME_DIR", dir_.path().c_str(), 1) == 0);
    ::unsetenv("SUPERMACHINE_IN_LAB");
    ::unsetenv("SUPERMACHINE_LAB_MEMORY");
    if (std::getenv("SUPERMACHINE_LAB_KERNEL") == nullptr) {
      const Outcome found = shell(SM_LAB_KERNEL_FINDER);
      std::string kernel = found.out.substr(0, found.out.find('\n')) + "/vmlinux";
      SM_CHECK(::setenv("SUPERMACHINE_LAB_KERNEL", kernel.c_str(), 1) == 0);
    }
    SM_CHECK(::setenv("LAB", SM_LAB_PROGRAM, 1) == 0);
  }

  [[nodiscard]] const std::string& dir() const { return dir_.path(); }

  // `script` finds the program as $LAB.
  Outcome shell(const std::string& script) { return in_background(script).wait(); }
  Background in_background(const std::string& script) {
    return {dir(), script, "background" + std::to_string(++count_)};
  }

 private:
  TempDir dir_;
  int count_ = 0;
};

}  // namespace supermachine::lab
