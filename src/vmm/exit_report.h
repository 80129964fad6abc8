// SPDX-License-Identifier: Apache-2.0
// How a machine came to its end.
#pragma once

#include <string>

namespace supermachine {

enum class ExitKind {
  kStopped,      // we were asked to
  kReset,        // the guest rebooted
  kHalted,       // the guest halted or powered off
  kPanic,        // the guest's kernel panicked; `detail` holds its words
  kTripleFault,  // the processor gave up on the guest
  kFailed,       // KVM or we could not go on; `detail` says why
};

struct ExitReport {
  ExitKind kind = ExitKind::kStopped;
  std::string detail = {};

  [[nodiscard]] std::string message() const;  // for people, one line or more
};

}  // namespace supermachine
