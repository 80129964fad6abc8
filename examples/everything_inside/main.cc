// SPDX-License-Identifier: Apache-2.0
// A program of one's own with everything inside: kernel and agent are part of it, so this one file
// and an image are all that a machine needs.
//
//   everything_inside oci-archive:python.tar python3 -c 'print(6*7)'
#include <cstdio>

#include "supermachine/assets.h"
#include "supermachine/exec.h"
#include "supermachine/image.h"
#include "supermachine/vm.h"

using namespace supermachine;

static Result<int> run(const char* reference, std::vector<std::string> argv) {
  // Not discovered: whatever lies on this machine, what was built in is what runs.
  const AssetPaths assets = SM_TRY(AssetPaths::bundled());
  const Image image = SM_TRY(Image::from_oci(reference));
  const Vm vm = SM_TRY(image.start(VmConfig().with_assets(assets)));
  const ExecOutcome outcome = SM_TRY(vm.exec_builder().argv(std::move(argv)).output());
  std::fwrite(outcome.stdout.data(), 1, outcome.stdout.size(), stdout);
  std::fwrite(outcome.stderr.data(), 1, outcome.stderr.size(), stderr);
  return outcome.status;
}

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: everything_inside IMAGE COMMAND [ARGUMENT...]\n", stderr);
    return 2;
  }
  const auto status = run(argv[1], {argv + 2, argv + argc});
  if (status.ok()) return status.value();
  std::fprintf(stderr, "everything_inside: %s\n", status.error().message().c_str());
  return 1;
}
