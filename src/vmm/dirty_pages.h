// SPDX-License-Identifier: Apache-2.0
// Which pages of a running guest were written, by the guest itself or by our devices.
#pragma once

#include "kvm/kvm.h"
#include "memory/guest_memory.h"

namespace supermachine {

// Two questions at once: what was written since the memory was its image, for rewind(), and since a
// capture, for the next one. Calls are for one thread at a time, between two turns of the devices.
class DirtyPages {
 public:
  // Both outlive this. Nothing is known before start().
  DirtyPages(kvm::Vm& vm, GuestMemory& memory) : vm_(vm), memory_(memory) {}

  // Begins to log. With `slots_log` KVM does so already.
  Status start(bool slots_log);
  [[nodiscard]] bool started() const { return started_; }

  // Takes in what was written up to now.
  Status collect();
  // The same, and what is written later can be told from it: a new epoch, which costs the guest a
  // fault for each page that it writes again.
  Status begin_epoch();

  [[nodiscard]] const PageSet& since_start() const { return since_start_; }
  [[nodiscard]] const PageSet& since_epoch() const { return since_epoch_; }

  // After a rewind: of what was written since the start `left` may still differ from what was
  // logged as such; the rest is clean again.
  Status rewound(PageSet left);

 private:
  kvm::Vm& vm_;
  GuestMemory& memory_;
  bool started_ = false;
  PageSet since_start_;
  PageSet since_epoch_;
};

}  // namespace supermachine
