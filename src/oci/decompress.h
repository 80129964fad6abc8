// SPDX-License-Identifier: Apache-2.0
// gzip and zstd, through zlib and libzstd, told apart by their first bytes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/byte_source.h"

namespace supermachine::oci {

enum class Compression { kNone, kGzip, kZstd };

// What `media_type` promises: "...+gzip", "...tar.gzip", "...+zstd", or none. kUnsupported, in
// words for the user, for another compression. An empty type promises nothing.
Result<Compression> compression_of_media_type(std::string_view media_type);

// Reads the first bytes of `compressed` to learn what they are; `promised` is held against them.
// Once the result has ended, `compressed` has been read to its end.
Result<std::unique_ptr<ByteSource>> decompress(std::unique_ptr<ByteSource> compressed,
                                               Compression promised);

}  // namespace supermachine::oci
