// SPDX-License-Identifier: Apache-2.0
// What `supermachine run IMAGE -- /bin/true` does, and when it did it: prints a line "STAGE
// NANOSECONDS" for each stage, by the clock that all processes share. Argument: the image; with
// --check before it, only imports the image, prints the path of its root file system, and tells
// whether this host can run VMs.
#include <chrono>
#include <cstdio>
#include <optional>
#include <string_view>

#include "supermachine/host.h"
#include "supermachine/image.h"
#include "supermachine/vm.h"

using namespace supermachine;

namespace {

using Clock = std::chrono::steady_clock;

void report(const char* stage, Clock::time_point when = Clock::now()) {
  std::printf("%s %lld\n", stage,
              static_cast<long long>(std::chrono::nanoseconds(when.time_since_epoch()).count()));
}

Status run(const char* reference) {
  report("main");
  const Image image = SM_TRY(Image::from_oci(reference));
  report("image ready");
  const auto begin = Clock::now();
  std::optional<Vm> vm(SM_TRY(image.start()));
  report("VM created", begin + vm->timings().vm_created);
  report("kernel entered", begin + vm->timings().kernel_entered);
  report("agent up");
  const ExecOutcome outcome = SM_TRY(vm->exec_builder().argv({"/bin/true"}).output());
  if (!outcome.success()) return Error(Errc::kGuestFault, "/bin/true failed");
  report("exec done");
  vm.reset();
  report("gone");
  return {};
}

Status check(const char* reference) {
  const Image image = SM_TRY(Image::from_oci(reference));
  std::printf("%s\n", image.rootfs_path().c_str());
  const HostReport host = check_host();
  if (!host.usable()) return Error(Errc::kUnsupported, host.problems.front());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const bool checking = argc == 3 && std::string_view(argv[1]) == "--check";
  if (argc != 2 && !checking) return 2;
  const Status done = checking ? check(argv[2]) : run(argv[1]);
  if (!done.ok()) std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return done.ok() ? 0 : 1;
}
