// SPDX-License-Identifier: Apache-2.0
// A guest of a few instructions, which runs where Linux cannot. It prints "R", then waits until the
// UART's scratch register is not 0, adds 1 to the first byte of each of kPages pages, prints the
// first of them as a digit, and resets the machine.
#pragma once

#include <cstdint>
#include <string>

#include "vmm/machine.h"

namespace supermachine {

struct TinyGuest {
  static constexpr std::uint64_t kPages = 100;
  static constexpr std::uint64_t kFirstPage = 0x200000 / 4096;

  // An ELF file that boots as a kernel.
  static std::string kernel();

  // Has a machine that loads `state`, of a guest that waits, do its work at once.
  static void let_work(MachineState& state) { state.serial.scratch = 1; }
  // The same without the exit to the host that asks the UART.
  static void jump_to_work(MachineState& state);
  // The same, and the guest prints nothing: its first exit is the reset.
  static void jump_to_silent_work(MachineState& state);
};

}  // namespace supermachine
