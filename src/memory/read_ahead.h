// SPDX-License-Identifier: Apache-2.0
// Has the kernel read parts of a memory image before they are needed.
#pragma once

#include <span>

#include "memory/memory_image.h"
#include "memory/page_set.h"

namespace supermachine {

// Returns at once: the reading goes on in the background. What is in the page cache already costs
// next to nothing. Advice only.
void read_ahead(const MemoryImage& image, std::span<const PageRun> pages);

}  // namespace supermachine
