// SPDX-License-Identifier: Apache-2.0
// Which program an image and the command line make together.
#pragma once

#include <string>
#include <vector>

#include "cli/shared_options.h"
#include "supermachine/image.h"

namespace supermachine::cli {

// As docker composes them: the command replaces the image's cmd, the image's entrypoint stays in
// front; a given entrypoint replaces both. kInvalidArgument when nothing is left to run;
// `reference` is how the image was named.
Result<std::vector<std::string>> compose_command(const ImageConfig& image,
                                                 const CommandOptions& options,
                                                 const std::string& reference);

}  // namespace supermachine::cli
