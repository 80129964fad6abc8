// SPDX-License-Identifier: Apache-2.0
#include "vmm/serial.h"

namespace supermachine {
namespace {

enum Register : std::uint16_t {
  kData,
  kInterruptEnable,
  kInterruptIdentity,
  kLineControl,
  kModemControl,
  kLineStatus,
  kModemStatus,
  kScratch
};

constexpr std::uint8_t kTransmitterEmptyInterrupt = 0x02;  // in interrupt enable and in identity
constexpr std::uint8_t kNoInterrupt = 0x01;
constexpr std::uint8_t kFifosEnabled = 0xc0;
constexpr std::uint8_t kFifoEnable = 0x01;
constexpr std::uint8_t kDivisorLatch = 0x80;
constexpr std::uint8_t kLoopback = 0x10;
constexpr std::uint8_t kTransmitterIdle = 0x60;    // holding register and shift register empty
constexpr std::uint8_t kCarrierReadyClear = 0xb0;  // DCD, DSR, CTS: somebody listens

}  // namespace

Result<std::unique_ptr<Serial>> Serial::create(const SerialState& state, Host host) {
  if ((state.interrupt_enable & 0xf0) != 0 || (state.modem_control & 0xe0) != 0) {
    return Error(Errc::kCorrupt, "serial: reserved bits are set");
  }
  return std::unique_ptr<Serial>(new Serial(state, std::move(host)));
}

SerialState Serial::save() const {
  const MutexLock lock(mutex_);
  return state_;
}

bool Serial::divisor_latched() const { return (state_.line_control & kDivisorLatch) != 0; }

// The transmitter is empty as soon as the byte is out, which is at once.
void Serial::announce_empty_transmitter() {
  if ((state_.interrupt_enable & kTransmitterEmptyInterrupt) == 0) return;
  state_.transmitter_empty_pending = true;
  host_.raise_irq();
}

std::uint8_t Serial::read(std::uint16_t offset) {
  const MutexLock lock(mutex_);
  switch (offset) {
    case kData:
      return divisor_latched() ? static_cast<std::uint8_t>(state_.divisor & 0xff) : 0;
    case kInterruptEnable:
      return divisor_latched() ? static_cast<std::uint8_t>(state_.divisor >> 8)
                               : state_.interrupt_enable;
    case kInterruptIdentity: {
      const bool pending = std::exchange(state_.transmitter_empty_pending, false);
      const std::uint8_t fifos = (state_.fifo_control & kFifoEnable) != 0 ? kFifosEnabled : 0;
      return static_cast<std::uint8_t>(fifos |
                                       (pending ? kTransmitterEmptyInterrupt : kNoInterrupt));
    }
    case kLineControl:
      return state_.line_control;
    case kModemControl:
      return state_.modem_control;
    case kLineStatus:
      return kTransmitterIdle;
    case kModemStatus:
      // Looped back, the modem outputs are the inputs: the driver's test for a real UART.
      if ((state_.modem_control & kLoopback) != 0) {
        const unsigned outputs = state_.modem_control;
        return static_cast<std::uint8_t>((outputs & 0x0c) << 4 | (outputs & 0x02) << 3 |
                                         (outputs & 0x01) << 5);
      }
      return kCarrierReadyClear;
    case kScratch:
      return state_.scratch;
    default:
      return 0xff;
  }
}

void Serial::write_data(std::uint8_t value) {
  if ((state_.modem_control & kLoopback) == 0) host_.write(static_cast<char>(value));
  announce_empty_transmitter();
}

void Serial::write(std::uint16_t offset, std::uint8_t value) {
  const MutexLock lock(mutex_);
  switch (offset) {
    case kData:
      if (divisor_latched()) {
        state_.divisor = static_cast<std::uint16_t>((state_.divisor & 0xff00) | value);
      } else {
        write_data(value);
      }
      break;
    case kInterruptEnable:
      if (divisor_latched()) {
        state_.divisor = static_cast<std::uint16_t>((state_.divisor & 0x00ff) | value << 8);
      } else {
        state_.interrupt_enable = value & 0x0f;
        announce_empty_transmitter();
      }
      break;
    case kInterruptIdentity:
      state_.fifo_control = value;
      break;
    case kLineControl:
      state_.line_control = value;
      break;
    case kModemControl:
      state_.modem_control = value & 0x1f;
      break;
    case kScratch:
      state_.scratch = value;
      break;
    default:
      break;  // status registers are read-only
  }
}

}  // namespace supermachine
