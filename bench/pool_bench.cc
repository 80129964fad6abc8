// SPDX-License-Identifier: Apache-2.0
// A pool of one VM beside what else runs a command in isolation on the same host: crun with the
// same root file system, and a plain process. And what a copy costs that is made from nothing.
//
//   pool_bench ROUNDS IMAGE CRUN_BUNDLE DIRECTORY        CRUN_BUNDLE: "-" for none
#include <spawn.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/files.h"
#include "supermachine/pool.h"
#include "support/series.h"

namespace supermachine::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kMemoryMib = 128;
const std::vector<std::string> kEcho{"/bin/echo", "hello"};

double in_ms(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

Status spawn(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t quiet;
  ::posix_spawn_file_actions_init(&quiet);
  ::posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", 1, 0);
  pid_t pid = -1;
  const int rc = ::posix_spawnp(&pid, argv[0], &quiet, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&quiet);
  int status = -1;
  if (rc != 0 || ::waitpid(pid, &status, 0) != pid || status != 0)
    return Error(Errc::kOs, words[0] + " failed");
  return {};
}

Status expect_echo(const Result<ExecOutcome>& outcome) {
  if (!outcome.ok()) return outcome.error();
  if (outcome.value().stdout == "hello\n" && outcome.value().status == 0) return {};
  return Error(Errc::kGuestFault, "the echo was \"" + outcome.value().stdout + "\"");
}

struct Measured {
  Series plain, crun, boot, acquire, first, again, release, cycle;
  Series memory_ready, vm_created, entered, answered, first_of_new;  // of a new copy
};

Status measure_pool(const Pool& pool, Measured& out) {
  const auto begin = Clock::now();
  double released_at = 0;
  {
    PooledVm vm = SM_TRY(pool.acquire());
    out.acquire.add(ms_since(begin));
    auto step = Clock::now();
    SM_TRY(expect_echo(vm.exec_builder().argv(kEcho).output()));
    out.first.add(ms_since(step));
    released_at = ms_since(begin);
  }
  out.cycle.add(ms_since(begin));
  out.release.add(out.cycle.last() - released_at);
  return {};
}

// VMs end in the background, which what comes next is not to be measured against.
void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(100)); }

Status measure(std::size_t rounds, const std::string& reference, const std::string& bundle,
               const std::string& dir) {
  const Image image = SM_TRY(Image::from_oci(reference));
  // The same program in memory, where there is a bundle: its name tells busybox what to be, and its
  // links are absolute.
  std::string plain = "/bin/echo";
  if (bundle != "-") {
    plain = dir + "/echo";
    SM_TRY(spawn({"cp", bundle + "/rootfs/bin/busybox", plain}));
  }
  Measured out;
  Image snapshot = image;
  for (int i = 0; i < 3; ++i) {
    const auto begin = Clock::now();
    Vm vm = SM_TRY(image.start(VmConfig().with_memory_mib(kMemoryMib)));
    out.boot.add(ms_since(begin));
    SM_TRY(expect_echo(vm.exec_builder().argv(kEcho).output()));
    snapshot = SM_TRY(vm.snapshot(dir + "/snapshot"));
  }
  PoolBuilder builder = snapshot.pool().min(1).max(1);
  if (const char* kib = std::getenv("WARM_KIB"))
    builder.warm_memory(std::strtoul(kib, nullptr, 10) << 10);
  const Pool pool = SM_TRY(builder.build());
  for (std::size_t round = 0; round < rounds; ++round) {
    settle();
    auto begin = Clock::now();
    SM_TRY(spawn({plain, "hello"}));
    out.plain.add(ms_since(begin));
    if (bundle != "-" && round % 4 == 0) {
      begin = Clock::now();
      SM_TRY(spawn({"crun", "--cgroup-manager=disabled", "run", "--bundle", bundle,
                    "bench" + std::to_string(round)}));
      out.crun.add(ms_since(begin));
      settle();
    }
    if (Status done = measure_pool(pool, out); !done.ok())
      return Error(done.error()).with("round " + std::to_string(round));
    if (round % 4 == 0) {
      settle();
      begin = Clock::now();
      const Vm grown = SM_TRY(snapshot.start());
      out.answered.add(ms_since(begin));
      out.memory_ready.add(in_ms(grown.timings().memory_ready));
      out.vm_created.add(in_ms(grown.timings().vm_created));
      out.entered.add(in_ms(grown.timings().kernel_entered));
      SM_TRY(expect_echo(grown.exec_builder().argv(kEcho).output()));
      out.first_of_new.add(ms_since(begin));
      for (int i = 0; i < 4; ++i) {
        begin = Clock::now();
        SM_TRY(expect_echo(grown.exec_builder().argv(kEcho).output()));
        out.again.add(ms_since(begin));
      }
    }
  }
  print_header("ms");
  const Series& base = out.crun.empty() ? out.cycle : out.crun;
  if (!out.crun.empty()) print_line("crun run /bin/echo", out.crun, base);
  print_line("pool: acquire", out.acquire, base);
  print_line("pool: first exec", out.first, base);
  print_line("pool: release", out.release, base);
  print_line("**pool: cycle**", out.cycle, base);
  print_line("cold boot", out.boot, base);
  print_line("a new copy: memory in place", out.memory_ready, base);
  print_line("a new copy: VM created", out.vm_created, base);
  print_line("a new copy: first instruction", out.entered, base);
  print_line("**a new copy: the agent's answer**", out.answered, base);
  print_line("a new copy: first exec done", out.first_of_new, base);
  std::printf("\n");
  print_header("ms");
  print_line("plain process", out.plain, out.plain);
  print_line("**exec again in the same VM**", out.again, out.plain);
  return {};
}

}  // namespace
}  // namespace supermachine::bench

int main(int argc, char** argv) {
  using namespace supermachine;
  if (argc != 5) return 2;
  const Status done =
      bench::measure(static_cast<std::size_t>(std::atoi(argv[1])), argv[2], argv[3], argv[4]);
  if (!done.ok()) std::fprintf(stderr, "pool_bench: %s\n", done.error().message().c_str());
  return done.ok() ? 0 : 1;
}
