// SPDX-License-Identifier: Apache-2.0
// An image found on disk: which manifest a reference means, its configuration, and its layers as
// checked streams.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "oci/blob_source.h"
#include "oci/digest.h"
#include "oci/image_config.h"
#include "oci/platform.h"
#include "oci/reference.h"

namespace supermachine::oci {

struct Layer {
  std::string blob_name;   // for BlobSource
  std::string media_type;  // empty in a docker archive
  Digest digest;           // of the blob as it lies there; empty in a docker archive
  std::uint64_t size = 0;  // of the blob; checked when the digest is
  Digest diff_id;          // of the uncompressed bytes
  [[nodiscard]] std::string text() const {  // for messages
    return "layer " + (digest.text().empty() ? diff_id : digest).short_text();
  }
};

struct Image {
  std::string name;  // the tag or annotation it goes by; may be empty
  Digest digest;     // of the manifest, or of the configuration in a docker archive
  ImageConfig config;
  std::vector<Layer> layers;                // the lowest first
  std::shared_ptr<const BlobSource> blobs;  // shared by the layer streams opened from it
};

// Not for a registry's reference. Reads index, manifest and configuration, and holds them against
// their digests; layers are left for later. The error names the file.
Result<Image> open_image(const Reference& reference, const Platform& wanted = {});

// The part of open_image() that knows no files: `blobs` is what `reference` is said to be.
Result<Image> find_image(std::shared_ptr<const BlobSource> blobs, const Reference& reference,
                         const Platform& wanted);

}  // namespace supermachine::oci
