// SPDX-License-Identifier: Apache-2.0
// Where a random number device's bytes come from. Knows nothing of virtio.
#pragma once

#include <cstddef>
#include <span>

#include "supermachine/result.h"

namespace supermachine::virtio {

// Belongs to the device loop; fill() must not block.
class EntropySource {
 public:
  virtual ~EntropySource() = default;
  virtual Status fill(std::span<std::byte> out) = 0;
};

// The host kernel's generator.
class HostEntropy final : public EntropySource {
 public:
  Status fill(std::span<std::byte> out) override;
};

}  // namespace supermachine::virtio
