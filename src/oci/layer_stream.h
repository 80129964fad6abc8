// SPDX-License-Identifier: Apache-2.0
// A layer's tar bytes, uncompressed and checked on the way: the blob against its digest, what comes
// out against the diff_id, and its growth against limits.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/byte_source.h"
#include "oci/image.h"

namespace supermachine::oci {

struct LayerLimits {
  std::uint64_t max_bytes = std::uint64_t{64} << 30;  // uncompressed
  // Beyond `free_bytes`, a layer may not be more than `max_ratio` times its compressed size. Text
  // seldom goes beyond 20; only long runs of one byte reach 200.
  std::uint64_t max_ratio = 200;
  std::uint64_t free_bytes = std::uint64_t{1} << 30;
};

// read() answers 0 only after both digests agreed. Naming the layer in errors is the caller's part.
Result<std::unique_ptr<ByteSource>> open_layer(const Image& image, const Layer& layer,
                                               const LayerLimits& limits = {});

}  // namespace supermachine::oci
