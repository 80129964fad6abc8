// SPDX-License-Identifier: Apache-2.0
// import_image REFERENCE...: puts images into the cache, where tests that run in the lab find them.
// There, unpacking would take twenty times as long.
#include <cstdio>

#include "supermachine/image.h"

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const auto image = supermachine::Image::from_oci(argv[i]);
    if (!image.ok()) {
      std::fprintf(stderr, "%s: %s\n", argv[i], image.error().message().c_str());
      return 1;
    }
  }
  return 0;
}
