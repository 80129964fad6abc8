// SPDX-License-Identifier: Apache-2.0
#include "vmm/device_loop.h"

#include <future>

#include "base/quiet_thread.h"

namespace supermachine {

Result<std::unique_ptr<DeviceLoop>> DeviceLoop::create() {
  auto loop = SM_TRY(EventLoop::create());
  return std::unique_ptr<DeviceLoop>(new DeviceLoop(std::move(loop)));
}

void DeviceLoop::start() {
  if (thread_.joinable()) return;
  thread_ = start_quiet_thread("sm-devices", [this] {
    SM_CHECK(loop_->run().ok());  // fails only when epoll itself is broken
  });
}

void DeviceLoop::stop() {
  if (!thread_.joinable()) return;
  loop_->stop();
  thread_.join();
}

void DeviceLoop::run(const std::function<void()>& work) {
  if (!thread_.joinable()) return work();
  std::promise<void> done;
  loop_->post([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace supermachine
