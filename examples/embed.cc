// SPDX-License-Identifier: Apache-2.0
// Runs one command in a VM of its own, from a program: embed oci-archive:python.tar python3 -V
#include <cstdio>

#include "supermachine/image.h"
#include "supermachine/vm.h"

using namespace supermachine;
using namespace std::chrono_literals;

static Result<int> run(const char* reference, std::vector<std::string> argv) {
  const Image image = SM_TRY(Image::from_oci(reference));
  Vm vm = SM_TRY(Vm::start(image, VmConfig().with_memory_mib(256).with_vcpus(2)));
  SM_TRY(vm.write_file("/tmp/greeting", "hello from the host\n"));

  ExecBuilder command = vm.exec_builder();
  const ExecOutcome outcome = SM_TRY(command.argv(std::move(argv)).timeout(60s).output());
  std::fwrite(outcome.stdout.data(), 1, outcome.stdout.size(), stdout);
  std::fwrite(outcome.stderr.data(), 1, outcome.stderr.size(), stderr);
  return outcome.status;
}

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: embed IMAGE COMMAND [ARGUMENT...]\n", stderr);
    return 2;
  }
  const auto status = run(argv[1], {argv + 2, argv + argc});
  if (status.ok()) return status.value();
  std::fprintf(stderr, "embed: %s\n", status.error().message().c_str());
  return 1;
}
