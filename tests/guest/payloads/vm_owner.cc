// SPDX-License-Identifier: Apache-2.0
// Starts a VM, prints "up", and keeps it until killed. Arguments: the image, a directory for the
// vsock socket or nothing for none.
#include <unistd.h>

#include <cstdio>

#include "supermachine/image.h"
#include "supermachine/vm.h"

using namespace supermachine;

namespace {

Status own(const char* image, const char* vsock_dir) {
  const Vm vm = SM_TRY(
      SM_TRY(Image::from_oci(image)).start(VmConfig().with_vcpus(2).with_vsock_mux_dir(vsock_dir)));
  std::puts("up");
  std::fflush(stdout);
  for (;;) ::pause();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const Status done = own(argv[1], argv[2]);
  if (!done.ok()) std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return 1;
}
