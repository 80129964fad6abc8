// SPDX-License-Identifier: Apache-2.0
// What the hot set gains: a new copy until its agent answers and until its first command is done,
// with the recorded pages made ready and without, the snapshot's files in the page cache or not.
//
//   hot_set_bench ROUNDS IMAGE DIRECTORY      as root, which may empty the page cache
#include <fcntl.h>
#include <unistd.h>

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

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

Status empty_page_cache() {
  ::sync();
  const UniqueFd file = SM_TRY(sys::open("/proc/sys/vm/drop_caches", O_WRONLY));
  const std::string all = "3";
  return write_all(file.get(), std::as_bytes(std::span(all)));
}

struct Measured {
  Series answered, done;
};

Status start_once(const std::string& snapshot, bool cold, Measured& out) {
  if (cold) SM_TRY(empty_page_cache());
  const auto begin = Clock::now();
  const Image image = SM_TRY(Image::from_snapshot(snapshot));
  const Vm vm = SM_TRY(image.start());
  out.answered.add(ms_since(begin));
  const ExecOutcome outcome = SM_TRY(vm.exec_builder().argv({"/bin/echo", "hello"}).output());
  out.done.add(ms_since(begin));
  if (outcome.stdout == "hello\n") return {};
  return Error(Errc::kGuestFault, "the echo was \"" + outcome.stdout + "\"");
}

Status run(std::size_t rounds, const std::string& reference, const std::string& dir) {
  const std::string with = dir + "/with";
  const std::string without = dir + "/without";
  {
    Vm vm = SM_TRY(SM_TRY(Image::from_oci(reference)).start(VmConfig().with_memory_mib(128)));
    static_cast<void>(SM_TRY(vm.exec_builder().argv({"/bin/echo", "hello"}).output()));
    static_cast<void>(SM_TRY(vm.snapshot(with)));
    static_cast<void>(SM_TRY(vm.snapshot(without, {.rehearse = false})));
  }
  Measured warm_with, warm_without, cold_with, cold_without;
  for (std::size_t round = 0; round < rounds; ++round) {
    SM_TRY(start_once(with, true, cold_with));
    SM_TRY(start_once(with, false, warm_with));
    SM_TRY(start_once(without, true, cold_without));
    SM_TRY(start_once(without, false, warm_without));
  }
  print_header("ms");
  print_line("warm, without: agent's answer", warm_without.answered, warm_without.answered);
  print_line("warm, with: agent's answer", warm_with.answered, warm_without.answered);
  print_line("warm, without: first exec done", warm_without.done, warm_without.done);
  print_line("warm, with: first exec done", warm_with.done, warm_without.done);
  print_line("cold, without: agent's answer", cold_without.answered, cold_without.answered);
  print_line("cold, with: agent's answer", cold_with.answered, cold_without.answered);
  print_line("cold, without: first exec done", cold_without.done, cold_without.done);
  print_line("cold, with: first exec done", cold_with.done, cold_without.done);
  return {};
}

}  // namespace
}  // namespace supermachine::bench

int main(int argc, char** argv) {
  using namespace supermachine;
  if (argc != 4) return 2;
  const Status done = bench::run(static_cast<std::size_t>(std::atoi(argv[1])), argv[2], argv[3]);
  if (!done.ok()) std::fprintf(stderr, "hot_set_bench: %s\n", done.error().message().c_str());
  return done.ok() ? 0 : 1;
}
