// SPDX-License-Identifier: Apache-2.0
// Memory that a file backs need not stay with us once it was read.
#pragma once

#include <cstddef>
#include <span>

namespace supermachine {

// Gives back the whole pages of `bytes`, which are read from their file again when they are wanted.
// Does nothing where they are no file's, or can be written to. They must never have been.
void drop_clean_pages(std::span<const std::byte> bytes);

}  // namespace supermachine
