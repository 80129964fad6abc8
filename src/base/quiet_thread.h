// SPDX-License-Identifier: Apache-2.0
// Threads of a library inside somebody else's process.
#pragma once

#include <pthread.h>

#include <functional>
#include <string>
#include <utility>

#include "supermachine/result.h"

namespace supermachine {

// std::thread's constructor throws where a limit is reached; the C API's callers would die of that.
class [[nodiscard]] QuietThread {
 public:
  QuietThread() = default;
  QuietThread(QuietThread&& other) noexcept
      : handle_(other.handle_), joinable_(std::exchange(other.joinable_, false)) {}
  QuietThread& operator=(QuietThread&& other) noexcept {
    join();
    handle_ = other.handle_;
    joinable_ = std::exchange(other.joinable_, false);
    return *this;
  }
  ~QuietThread() { join(); }

  [[nodiscard]] bool joinable() const noexcept { return joinable_; }
  // Harmless when there is nothing to join.
  void join() noexcept;
  // While joinable.
  [[nodiscard]] pthread_t native_handle() const noexcept { return handle_; }

 private:
  friend Result<QuietThread> start_quiet_thread(std::string name, std::function<void()> body);
  explicit QuietThread(pthread_t handle) noexcept : handle_(handle), joinable_(true) {}
  pthread_t handle_{};
  bool joinable_ = false;
};

// Runs `body` on a thread with all signals blocked from its first instruction on: the caller's
// signals are the caller's business. `name` is cut to 15 characters. kExhausted when the process
// may have no more threads.
Result<QuietThread> start_quiet_thread(std::string name, std::function<void()> body);

}  // namespace supermachine
