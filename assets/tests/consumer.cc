// SPDX-License-Identifier: Apache-2.0
// Someone's program, to be linked with the version of its headers and with another.
#include <cstdio>

#include "supermachine/kernel.h"

int main() {
  using namespace supermachine_kernel;
  std::printf("%.*s %zu\n", static_cast<int>(VERSION.size()), VERSION.data(), KERNEL_BYTES.size());
  return extract_kernel_to("/no/such/directory/kernel").ok() ? 1 : 0;
}
