// SPDX-License-Identifier: Apache-2.0
// 16550A UART, transmit side: as much of it as Linux's console uses. Nothing is ever received.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/mutex.h"
#include "supermachine/result.h"

namespace supermachine {

// What makes one Serial equal to another. Zero is power-on.
struct SerialState {
  std::uint8_t interrupt_enable = 0;
  std::uint8_t fifo_control = 0;
  std::uint8_t line_control = 0;
  std::uint8_t modem_control = 0;
  std::uint8_t scratch = 0;
  std::uint16_t divisor = 0;
  bool transmitter_empty_pending = false;  // an interrupt the driver has not read about yet

  bool operator==(const SerialState&) const = default;
};

// Accesses may come from several vCPU threads at once.
class Serial {
 public:
  static constexpr std::uint16_t kRegisters = 8;

  struct Host {
    std::function<void(char)> write = {};  // called with the lock held; must not block
    std::function<void()> raise_irq = {};
  };

  // kCorrupt for a state no UART can be in.
  static Result<std::unique_ptr<Serial>> create(const SerialState& state, Host host);

  std::uint8_t read(std::uint16_t offset);
  void write(std::uint16_t offset, std::uint8_t value);
  [[nodiscard]] SerialState save() const;

 private:
  Serial(const SerialState& state, Host host) : host_(std::move(host)), state_(state) {}
  void write_data(std::uint8_t value) SM_REQUIRES(mutex_);
  void announce_empty_transmitter() SM_REQUIRES(mutex_);
  [[nodiscard]] bool divisor_latched() const SM_REQUIRES(mutex_);

  const Host host_;
  mutable Mutex mutex_;
  SerialState state_ SM_GUARDED_BY(mutex_);
};

}  // namespace supermachine
