// SPDX-License-Identifier: Apache-2.0
#include "virtio/rng.h"

#include <algorithm>

namespace supermachine::virtio {

Result<std::unique_ptr<Rng>> Rng::create(const RngState& /*state*/, EntropySource& entropy) {
  return std::unique_ptr<Rng>(new Rng(entropy));
}

void Rng::read_config(std::uint32_t /*offset*/, std::span<std::byte> out) const {
  std::ranges::fill(out, std::byte{0});  // virtio-rng has no config space
}

Status Rng::activate(Activation activation) {
  SM_CHECK(activation.queues.size() == kQueueSizes.size());
  active_ = std::move(activation);
  return {};
}

Result<Progress> Rng::on_notify(std::uint16_t queue) {
  SM_CHECK(active_ && queue == 0);
  Queue& requests = active_->queues[0];
  auto progress = Progress::kMore;
  std::uint16_t done = 0;
  for (; done < requests.size(); ++done) {
    auto chain = SM_TRY(requests.pop());
    if (!chain) {
      progress = Progress::kDrained;
      break;
    }
    const std::uint32_t written = fill(*chain);
    requests.complete(*std::move(chain), written);
  }
  if (done > 0 && requests.needs_interrupt()) active_->raise_irq(queue);
  return progress;
}

std::uint32_t Rng::fill(const Chain& chain) {
  std::uint32_t written = 0;
  for (const std::span<std::byte> segment : chain.writable) {
    const auto out =
        segment.first(std::min<std::size_t>(segment.size(), kMaxRequestBytes - written));
    // A short answer is legal, so a failing host source costs the guest randomness, not its life.
    if (out.empty() || !entropy_.fill(out).ok()) break;
    written += static_cast<std::uint32_t>(out.size());
  }
  return written;
}

}  // namespace supermachine::virtio
