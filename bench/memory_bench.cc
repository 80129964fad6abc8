// SPDX-License-Identifier: Apache-2.0
// What an idle VM costs its process beyond the guest's memory, and what the agent costs the guest.
// Argument: the image.
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>

#include "base/files.h"
#include "supermachine/image.h"
#include "supermachine/vm.h"

namespace supermachine::bench {
namespace {

constexpr std::uint32_t kMemoryMib = 256;

struct Memory {
  long own_pss_kib = 0;      // everything but the guest's memory
  long own_rss_kib = 0;      // the same, with what other processes share counted in full
  long own_private_kib = 0;  // written by us: what nobody can share
  long guest_rss_kib = 0;    // of the guest's memory, touched
};

// The guest's memory is the one mapping as large as it is (proc(5), smaps).
Result<Memory> measure_self() {
  constexpr long kGuestKib = long{kMemoryMib} * 1024;
  std::istringstream lines(SM_TRY(read_file("/proc/self/smaps", 16 << 20)));
  Memory memory;
  bool guest = false;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    long kib = 0;
    if (!(words >> name >> kib)) continue;
    if (name == "Size:") guest = kib >= kGuestKib;
    if (name == "Rss:") (guest ? memory.guest_rss_kib : memory.own_rss_kib) += kib;
    if (name == "Pss:" && !guest) memory.own_pss_kib += kib;
    if (name == "Private_Dirty:" && !guest) memory.own_private_kib += kib;
  }
  return memory;
}

Status measure(const char* reference) {
  const Image image = SM_TRY(Image::from_oci(reference));
  const Memory before = SM_TRY(measure_self());
  const Vm vm = SM_TRY(image.start(VmConfig().with_memory_mib(kMemoryMib)));
  const ExecOutcome rss =
      SM_TRY(vm.exec_builder().argv({"awk", "/^VmRSS:/ { print $2 }", "/proc/1/status"}).output());
  std::this_thread::sleep_for(std::chrono::seconds(2));
  const Memory idle = SM_TRY(measure_self());
  std::printf("| %-46s | %8s |\n|%.48s|%.10s|\n", "what", "KiB",
              "------------------------------------------------", "----------");
  std::printf("| %-46s | %8ld |\n", "process before the VM, Pss", before.own_pss_kib);
  std::printf("| %-46s | %8ld |\n", "process with an idle VM, Pss without the guest's",
              idle.own_pss_kib);
  std::printf("| %-46s | %8ld |\n", "the same, Rss", idle.own_rss_kib);
  std::printf("| %-46s | %8ld |\n", "the same, private and written", idle.own_private_kib);
  std::printf("| %-46s | %8ld |\n", "guest's memory touched, of 262144", idle.guest_rss_kib);
  std::printf("| %-46s | %8ld |\n", "agent in the guest, VmRSS", std::atol(rss.stdout.c_str()));
  return {};
}

}  // namespace
}  // namespace supermachine::bench

int main(int argc, char** argv) {
  using namespace supermachine;
  if (argc != 2) return 2;
  const Status done = bench::measure(argv[1]);
  if (!done.ok()) std::fprintf(stderr, "memory_bench: %s\n", done.error().message().c_str());
  return done.ok() ? 0 : 1;
}
