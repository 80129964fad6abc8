// SPDX-License-Identifier: Apache-2.0
// What a capture costs: how long a guest of 512 MiB with 64 MiB in use stands still, beside the
// time of writing as many bytes once; and how large a difference is after a small change.
//
//   capture_bench ROUNDS IMAGE DIRECTORY
#include <fcntl.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/files.h"
#include "base/sys.h"
#include "supermachine/vm.h"
#include "support/series.h"

namespace supermachine::bench {
namespace {

using Clock = std::chrono::steady_clock;

double in_ms(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

Status sh(const Vm& vm, const std::string& script) {
  const ExecOutcome outcome = SM_TRY(vm.exec_builder().argv({"sh", "-c", script}).output());
  if (outcome.success()) return {};
  return Error(Errc::kGuestFault, script + ": " + outcome.stderr);
}

// As the capture writes them: in pieces, to a new file beside the snapshots.
Result<double> write_once(const std::string& path, std::uint64_t size) {
  const std::vector<std::byte> piece(1 << 20, std::byte{0x5a});
  const auto begin = Clock::now();
  const UniqueFd file = SM_TRY(sys::open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
  for (std::uint64_t at = 0; at < size; at += piece.size())
    SM_TRY(write_all_at(file.get(), piece, at));
  const double took = in_ms(Clock::now() - begin);
  SM_TRY(sys::unlink(path));
  return took;
}

Status run(std::size_t rounds, const std::string& reference, const std::string& dir) {
  const Image image = SM_TRY(Image::from_oci(reference));
  Vm vm = SM_TRY(image.start(VmConfig().with_memory_mib(512)));
  SM_TRY(sh(vm, "dd if=/dev/urandom of=/tmp/used bs=1M count=48 2> /dev/null"));
  Series written, pause, total, diff_pause;
  double full_mib = 0;
  double diff_mib = 0;
  const auto stored_mib = [](const std::string& path) -> Result<double> {
    return static_cast<double>(SM_TRY(inspect_snapshot(path)).stored_bytes) / (1 << 20);
  };
  for (std::size_t round = 0; round < rounds; ++round) {
    const Image full = SM_TRY(vm.snapshot(dir + "/full", {.rehearse = false}));
    pause.add(in_ms(vm.snapshot_timings().pause));
    total.add(in_ms(vm.snapshot_timings().total));
    full_mib = SM_TRY(stored_mib(dir + "/full"));
    written.add(SM_TRY(write_once(dir + "/bytes", static_cast<std::uint64_t>(full_mib) << 20)));

    Vm copy = SM_TRY(full.start());
    SM_TRY(sh(copy, "echo small > /root/change"));
    static_cast<void>(SM_TRY(copy.snapshot_diff(dir + "/diff", full, {.rehearse = false})));
    diff_pause.add(in_ms(copy.snapshot_timings().pause));
    diff_mib = SM_TRY(stored_mib(dir + "/diff"));
  }
  print_header("ms");
  print_line("writing the used pages once", written, written);
  print_line("**pause of a full snapshot**", pause, written);
  print_line("all of a full snapshot", total, written);
  print_line("pause of a difference", diff_pause, written);
  std::printf("\nstored: full %.1f MiB, difference after a small change %.2f MiB: %.1f %%\n",
              full_mib, diff_mib, 100 * diff_mib / full_mib);
  return {};
}

}  // namespace
}  // namespace supermachine::bench

int main(int argc, char** argv) {
  using namespace supermachine;
  if (argc != 4) return 2;
  const Status done = bench::run(static_cast<std::size_t>(std::atoi(argv[1])), argv[2], argv[3]);
  if (!done.ok()) std::fprintf(stderr, "capture_bench: %s\n", done.error().message().c_str());
  return done.ok() ? 0 : 1;
}
