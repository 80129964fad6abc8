// SPDX-License-Identifier: Apache-2.0
#include "vmm/device_loop.h"

#include <future>

namespace supermachine {

Result<std::unique_ptr<DeviceLoop>> DeviceLoop::create() {
  auto events = SM_TRY(EventLoop::create());
  std::unique_ptr<DeviceLoop> loop(new DeviceLoop(std::move(events)));
  loop->thread_ = SM_TRY(start_quiet_thread("sm-devices", [self = loop.get()] {
    self->phase_.wait(Phase::kWaiting);
    if (self->phase_ == Phase::kEnded) return;
    SM_CHECK(self->loop_->run().ok());  // fails only when epoll itself is broken
  }));
  return loop;
}

void DeviceLoop::start() {
  Phase before = Phase::kWaiting;
  if (phase_.compare_exchange_strong(before, Phase::kRunning)) phase_.notify_all();
}

void DeviceLoop::stop() {
  if (phase_.exchange(Phase::kEnded) == Phase::kRunning) loop_->stop();
  phase_.notify_all();
  thread_.join();
}

void DeviceLoop::run(const std::function<void()>& work) {
  if (phase_ != Phase::kRunning) return work();
  std::promise<void> done;
  loop_->post([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace supermachine
