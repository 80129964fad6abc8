// SPDX-License-Identifier: Apache-2.0
// The thread that all devices of a machine live on.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "base/event_loop.h"
#include "base/quiet_thread.h"

namespace supermachine {

class DeviceLoop {
 public:
  static Result<std::unique_ptr<DeviceLoop>> create();
  DeviceLoop(const DeviceLoop&) = delete;
  DeviceLoop& operator=(const DeviceLoop&) = delete;
  ~DeviceLoop() { stop(); }

  [[nodiscard]] EventLoop& events() noexcept { return *loop_; }

  void start();  // again is harmless; not after stop()
  // Handlers are not called any more once this has returned. Harmless when not started.
  void stop();

  // Runs `work` on the loop's thread and returns when it is done; from any thread but that one.
  // Before start() and after stop(), when no handlers are called, runs it here.
  void run(const std::function<void()>& work);

 private:
  explicit DeviceLoop(std::unique_ptr<EventLoop> loop) : loop_(std::move(loop)) {}
  enum class Phase : std::uint8_t { kWaiting, kRunning, kEnded };
  std::unique_ptr<EventLoop> loop_;
  std::atomic<Phase> phase_{Phase::kWaiting};
  QuietThread thread_;  // of create(), which can say that there is none; waits for start()
};

}  // namespace supermachine
