// SPDX-License-Identifier: Apache-2.0
// How long a restore takes to the guest's first exit, all devices included, with a guest that
// dirties 100 pages and runs on any KVM: cold, from a shell made ahead, and rewound in place; and
// beside each the floor, the same bare system calls, in the same run.
//
//   restore_bench --native [--floor] [--rounds N] [--mib N]… [--vms N]…
//
// --vms: how many restored VMs are alive meanwhile.
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/sys.h"
#include "memory/rewind.h"
#include "support/restore_floor.h"
#include "support/series.h"
#include "tiny_guest.h"
#include "vmm/machine.h"

namespace supermachine::bench {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kUsedBytes = 4 << 20;  // of the guest's memory, at its beginning
constexpr std::uint64_t kKeptPages = 256;      // as a pool has it

struct Options {
  bool floor = false;
  std::size_t rounds = 60;
  std::vector<std::uint64_t> mib = {};
  std::vector<std::size_t> vms = {};
};

// What a snapshot would hold: the tiny guest at the beginning of its work.
struct Template {
  UniqueFd memory;
  MemoryImage image;
  MachineState state;
  std::string root_path;
  std::shared_ptr<const ImagePages> pages;
};

Result<Template> make_template(const std::string& dir, std::uint64_t mib) {
  const std::string elf = TinyGuest::kernel();
  for (const auto& [name, bytes] :
       {std::pair{"/kernel", elf}, {"/root", std::string(1 << 20, 0)}}) {
    AtomicFile file = SM_TRY(AtomicFile::create(dir + name));
    SM_TRY(write_all(file.fd(), std::as_bytes(std::span(bytes))));
    SM_TRY(file.commit());
  }
  Template out;
  out.root_path = dir + "/root";
  BootTrace trace;
  auto source = SM_TRY(Machine::boot(
      {.memory_mib = mib, .kernel = dir + "/kernel", .host = {.root_image = out.root_path}},
      trace));
  source->start();
  for (int i = 0; source->console().last_lines(1).empty(); ++i) {
    if (i == 10'000) return Error(Errc::kTimeout, "the tiny guest does not speak");
    ::usleep(1000);
  }
  SM_TRY(source->pause(deadline_in(5s)));
  out.state = SM_TRY(source->save({}));
  TinyGuest::jump_to_silent_work(out.state);
  out.memory = SM_TRY(anonymous_file("/dev/shm"));
  SM_TRY(sys::truncate(out.memory.get(), mib << 20));
  SM_TRY(write_all_at(out.memory.get(), source->memory().bytes().first(kUsedBytes), 0));
  out.image = {.size_bytes = mib << 20,
               .files = {out.memory.get()},
               .runs = {{.start = 0, .length = kUsedBytes}}};
  out.pages = SM_TRY(ImagePages::create(out.image));
  return out;
}

// From `begin` to the guest's first exit, which is its reset.
Result<double> run_to_exit(Machine& machine, Clock::time_point begin) {
  std::atomic<Clock::rep> exited = 0;
  machine.on_exit([&] {
    exited = Clock::now().time_since_epoch().count();
    exited.notify_all();
  });
  machine.start();
  const auto report = machine.wait(deadline_in(10s));
  if (!report || report->kind != ExitKind::kReset)
    return Error(Errc::kGuestFault, "the tiny guest ended otherwise than by its reset");
  exited.wait(0);
  const Clock::duration took = Clock::duration(exited.load()) - begin.time_since_epoch();
  return std::chrono::duration<double, std::micro>(took).count();
}

struct Measured {
  Series cold, shell, rewind;
  Series floor_cold, floor_shell, floor_rewind;
};

// A restored machine is left in `alive`.
Status measure_ours(const Template& from, Measured& out,
                    std::vector<std::unique_ptr<Machine>>& alive) {
  const MachineHost host{.root_image = from.root_path};
  settle();
  auto begin = Clock::now();
  GuestMemory memory = SM_TRY(GuestMemory::reserve(from.image.size_bytes));
  SM_TRY(memory.map(from.image));
  auto cold = SM_TRY(Machine::shell(std::move(memory), 1, host));
  SM_TRY(cold->load(from.state));
  out.cold.add(SM_TRY(run_to_exit(*cold, begin)));

  // Once to have pages to keep, as every use but the first.
  for (const bool counts : {false, true}) {
    begin = Clock::now();
    SM_TRY(cold->rewind(*from.pages, kKeptPages));
    SM_TRY(cold->load(from.state));
    const double took = SM_TRY(run_to_exit(*cold, begin));
    if (counts) out.rewind.add(took);
  }
  alive.push_back(std::move(cold));

  auto shell = SM_TRY(Machine::shell(SM_TRY(GuestMemory::reserve(from.image.size_bytes)), 1, host));
  settle();
  begin = Clock::now();
  SM_TRY(shell->memory().map(from.image));
  SM_TRY(shell->load(from.state));
  out.shell.add(SM_TRY(run_to_exit(*shell, begin)));
  return {};
}

Status add_floor(const Template& from, Measured& out) {
  const auto us = [](std::chrono::nanoseconds took) {
    return std::chrono::duration<double, std::micro>(took).count();
  };
  const FloorTimes floor =
      SM_TRY(measure_floor(from.memory.get(), from.image.size_bytes, from.state));
  out.floor_cold.add(us(floor.cold));
  out.floor_shell.add(us(floor.shell));
  out.floor_rewind.add(us(floor.rewind));
  return {};
}

void print(const char* what, std::uint64_t mib, std::size_t vms, const Series& ours,
           const Series& floor) {
  std::printf("| %-8s | %5lu | %4zu | %7.0f | %7.0f | %7.0f |", what, mib, vms, ours.median(),
              ours.percentile(95), ours.percentile(99));
  if (floor.empty()) {
    std::printf("\n");
  } else {
    std::printf(" %7.0f | %5.2f |\n", floor.median(), ours.median() / floor.median());
  }
}

Status run(const Options& options) {
  std::printf("| restore  |   MiB |  VMs | p50, us |     p95 |     p99 |%s\n",
              options.floor ? "   floor | ratio |" : "");
  std::printf("|----------|-------|------|---------|---------|---------|%s\n",
              options.floor ? "---------|-------|" : "");
  for (const std::size_t vms : options.vms) {
    for (const std::uint64_t mib : options.mib) {
      const TempDir dir = SM_TRY(TempDir::create());
      const Template from = SM_TRY(make_template(dir.path(), mib));
      Measured measured;
      std::vector<std::unique_ptr<Machine>> alive;
      for (std::size_t round = 0; round < options.rounds + vms - 1; ++round) {
        SM_TRY(measure_ours(from, measured, alive));
        if (alive.size() == vms) alive.erase(alive.begin());
        if (options.floor) SM_TRY(add_floor(from, measured));
      }
      print("cold", mib, vms, measured.cold, measured.floor_cold);
      print("shell", mib, vms, measured.shell, measured.floor_shell);
      print("rewind", mib, vms, measured.rewind, measured.floor_rewind);
    }
  }
  return {};
}

Result<Options> parse(int argc, char** argv) {
  Options options;
  const auto wrong = [](const std::string& what) {
    return Error(Errc::kInvalidArgument, what + ": see the head of restore_bench.cc");
  };
  bool native = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--native") {
      native = true;
    } else if (word == "--floor") {
      options.floor = true;
    } else if (i + 1 == argc) {
      return wrong(word);
    } else if (const auto number = std::strtoul(argv[++i], nullptr, 10); number == 0) {
      return wrong(word + " " + argv[i]);
    } else if (word == "--rounds") {
      options.rounds = number;
    } else if (word == "--mib") {
      options.mib.push_back(number);
    } else if (word == "--vms") {
      options.vms.push_back(number);
    } else {
      return wrong(word);
    }
  }
  if (!native) return wrong("--native is the only kind there is");
  if (options.mib.empty()) options.mib = {128, 512, 2048, 8192};
  if (options.vms.empty()) options.vms = {1};
  return options;
}

}  // namespace
}  // namespace supermachine::bench

int main(int argc, char** argv) {
  using namespace supermachine;
  const auto options = bench::parse(argc, argv);
  const Status done = options.ok() ? bench::run(options.value()) : Status(options.error());
  if (!done.ok()) std::fprintf(stderr, "restore_bench: %s\n", done.error().message().c_str());
  return done.ok() ? 0 : 1;
}
