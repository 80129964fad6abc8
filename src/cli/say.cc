// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "cli/verbs.h"

namespace supermachine::cli {

void say(const std::string& message) {
  std::fprintf(stderr, "supermachine: %s\n", message.c_str());
}

}  // namespace supermachine::cli
