// SPDX-License-Identifier: Apache-2.0
// Starts a VM of a snapshot, then captures it to the same place again and again, and prints a line
// before each time, until it is killed. Each capture has one line more in the guest's /root/lines.
// Arguments: the snapshot, where to capture to.
#include <cstdio>

#include "supermachine/image.h"
#include "supermachine/vm.h"

using namespace supermachine;

namespace {

Status own(const char* snapshot, const char* directory) {
  Vm vm = SM_TRY(SM_TRY(Image::from_snapshot(snapshot)).start());
  for (;;) {
    SM_TRY(
        vm.exec_builder()
            .argv({"sh", "-c", "echo line >> /root/lines; head -c 2000000 /dev/urandom > /tmp/x"})
            .output());
    std::puts("capturing");
    std::fflush(stdout);
    SM_TRY(vm.snapshot(directory));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const Status done = own(argv[1], argv[2]);
  if (!done.ok()) std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return 1;
}
