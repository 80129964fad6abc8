// SPDX-License-Identifier: Apache-2.0
// Where the bytes of assets come from, once it is decided which are used.
#pragma once

#include <span>
#include <vector>

#include "base/file_or_bytes.h"
#include "supermachine/assets.h"

namespace supermachine {

struct AssetSources {
  FileOrBytes kernel;
  FileOrBytes agent;
  std::vector<std::span<const std::byte>> inside = {};  // what of them is inside the program

  // After a boot has read them: memory that nobody needs before the next one.
  void drop_pages() const;
};

// kNotFound where a path is empty and the program was built without assets inside.
Result<AssetSources> sources_of(const AssetPaths& assets);

// AssetPaths::discover() and sources_of(); that is what a VM is started with.
Result<AssetSources> discover_sources();

}  // namespace supermachine
