// SPDX-License-Identifier: Apache-2.0
// What every VM needs besides an image: a kernel and the guest agent.
#pragma once

#include <string>

#include "supermachine/result.h"

namespace supermachine {

struct AssetPaths {
  std::string
      kernel;  // a Linux vmlinux (boots faster) or bzImage, built with guest/kernel's options
  std::string agent;  // the static program that becomes the guest's first process

  // The files `kernel` and `supermachine-agent` in `dir`. kNotFound names what is missing.
  static Result<AssetPaths> from_dir(const std::string& dir);

  // from_dir() of the first that holds both: $SUPERMACHINE_ASSETS_DIR (alone, when set), the
  // directory of the running program, ~/.local/share/supermachine.
  static Result<AssetPaths> discover();
};

}  // namespace supermachine
