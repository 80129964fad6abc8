// SPDX-License-Identifier: Apache-2.0
// The thread that all devices of a machine live on.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "base/event_loop.h"

namespace supermachine {

class DeviceLoop {
 public:
  static Result<std::unique_ptr<DeviceLoop>> create();
  DeviceLoop(const DeviceLoop&) = delete;
  DeviceLoop& operator=(const DeviceLoop&) = delete;
  ~DeviceLoop() { stop(); }

  [[nodiscard]] EventLoop& events() noexcept { return *loop_; }

  void start();  // again is harmless
  // Handlers are not called any more once this has returned. Harmless when not started.
  void stop();

  // Runs `work` on the loop's thread and returns when it is done; from any thread but that one.
  // Before start() and after stop(), when there is no such thread, runs it here.
  void run(const std::function<void()>& work);

 private:
  explicit DeviceLoop(std::unique_ptr<EventLoop> loop) : loop_(std::move(loop)) {}
  std::unique_ptr<EventLoop> loop_;
  std::thread thread_;
};

}  // namespace supermachine
