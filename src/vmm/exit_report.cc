// SPDX-License-Identifier: Apache-2.0
#include "vmm/exit_report.h"

namespace supermachine {

std::string ExitReport::message() const {
  switch (kind) {
    case ExitKind::kStopped:
      return "the VM was stopped";
    case ExitKind::kReset:
      return "the guest rebooted";
    case ExitKind::kHalted:
      return "the guest halted";
    case ExitKind::kPanic:
      return "the guest's kernel panicked:\n" + detail;
    case ExitKind::kTripleFault:
      return "the guest ended in a triple fault";
    case ExitKind::kFailed:
      return detail;
  }
  return detail;
}

}  // namespace supermachine
