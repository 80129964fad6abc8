// SPDX-License-Identifier: Apache-2.0
// Many VMs of one snapshot at once: how long each takes to start, what each costs in memory that it
// has for itself, in use and idle.
//
//   density_bench IMAGE DIRECTORY [VMS]…        default: 1 16 100
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/files.h"
#include "supermachine/pool.h"
#include "support/series.h"

namespace supermachine::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Memory {
  double process_kib = 0;  // private to this process: guests' and ours
  double host_kib = 0;     // of all processes, with what the kernel has for them and for their VMs
};

Result<double> field(const std::string& path, const std::string& name) {
  std::istringstream lines(SM_TRY(read_file(path, 1 << 20)));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + ":")) return std::strtod(line.c_str() + name.size() + 1, nullptr);
  }
  return Error(Errc::kNotFound, path + " has no " + name);
}

Result<Memory> measure() {
  constexpr const char* kSelf = "/proc/self/smaps_rollup";
  Memory memory{.process_kib =
                    SM_TRY(field(kSelf, "Private_Dirty")) + SM_TRY(field(kSelf, "Private_Clean"))};
  // Not what is missing from MemFree: the kernel keeps freed pages at hand without counting them.
  for (const char* kind : {"AnonPages", "PageTables", "SecPageTables", "Slab", "VmallocUsed"})
    memory.host_kib += SM_TRY(field("/proc/meminfo", kind));
  return memory;
}

Status use(const Vm& vm) {
  const ExecOutcome outcome = SM_TRY(vm.exec_builder().argv({"/bin/echo", "hello"}).output());
  if (outcome.stdout == "hello\n") return {};
  return Error(Errc::kGuestFault, "the echo was \"" + outcome.stdout + "\"");
}

void print(std::size_t vms, const char* what, const Memory& before, const Memory& after) {
  const auto each = static_cast<double>(vms);
  std::printf("| %4zu | %-26s | %12.0f | %12.0f |\n", vms, what,
              (after.process_kib - before.process_kib) / each,
              (after.host_kib - before.host_kib) / each);
}

Status run(const std::string& reference, const std::string& dir,
           const std::vector<std::size_t>& counts) {
  const Image image = SM_TRY(Image::from_oci(reference));
  Image snapshot = image;
  {
    Vm vm = SM_TRY(image.start(VmConfig().with_memory_mib(128)));
    SM_TRY(use(vm));
    snapshot = SM_TRY(vm.snapshot(dir + "/snapshot"));
  }
  SM_TRY(use(SM_TRY(snapshot.start())));  // what is made once for all
  std::vector<std::string> starts;
  std::printf(
      "|  VMs | each                       | process, KiB | host, KiB    |\n"
      "|------|----------------------------|--------------|--------------|\n");
  for (const std::size_t count : counts) {
    std::this_thread::sleep_for(std::chrono::seconds(1));  // those before end in the background
    const Memory before = SM_TRY(measure());
    const Pool pool =
        SM_TRY(snapshot.pool().max(count).idle_timeout(std::chrono::hours(1)).build());
    Series start;
    {
      std::vector<PooledVm> vms;
      for (std::size_t i = 0; i < count; ++i) {
        const auto begin = Clock::now();
        vms.push_back(SM_TRY(pool.acquire()));
        start.add(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
      }
      print(count, "agent has answered", before, SM_TRY(measure()));
      for (const PooledVm& vm : vms) SM_TRY(use(*vm));
      print(count, "in use, after an exec", before, SM_TRY(measure()));
    }
    print(count, "**idle, after an exec**", before, SM_TRY(measure()));
    char line[128];
    std::snprintf(line, sizeof line, "| %4zu | %8.1f | %8.1f | %8.1f |", count, start.median(),
                  start.percentile(95), start.percentile(99));
    starts.emplace_back(line);
  }
  std::printf("\n| VMs alive at the end | a new one, ms: p50 | p95 | p99 |\n|---|---|---|---|\n");
  for (const std::string& line : starts) std::printf("%s\n", line.c_str());
  return {};
}

}  // namespace
}  // namespace supermachine::bench

int main(int argc, char** argv) {
  using namespace supermachine;
  if (argc < 3) return 2;
  std::vector<std::size_t> counts;
  for (int i = 3; i < argc; ++i) counts.push_back(std::strtoul(argv[i], nullptr, 10));
  if (counts.empty()) counts = {1, 16, 100};
  const Status done = bench::run(argv[1], argv[2], counts);
  if (!done.ok()) std::fprintf(stderr, "density_bench: %s\n", done.error().message().c_str());
  return done.ok() ? 0 : 1;
}
