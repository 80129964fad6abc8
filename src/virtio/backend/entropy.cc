// SPDX-License-Identifier: Apache-2.0
#include "virtio/backend/entropy.h"

#include "base/sys.h"

namespace supermachine::virtio {

Status HostEntropy::fill(std::span<std::byte> out) { return sys::random_bytes(out); }

}  // namespace supermachine::virtio
