// SPDX-License-Identifier: Apache-2.0
// `supermachine bench`: what VMs of the user's own image cost on this host.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cli/bench_help.h"
#include "cli/bench_options.h"
#include "cli/bench_table.h"
#include "cli/help/text.h"
#include "cli/start.h"
#include "supermachine/pool.h"

namespace supermachine::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kMaxColdBoots = 5;

class Bench {
 public:
  Bench(const BenchOptions& options, const VmConfig& config) : options_(options), config_(config) {}

  Result<BenchResult> run(const Image& image) {
    ending_.emplace(SM_TRY(EndOnSignal::create()));
    if (!image.is_snapshot()) SM_TRY(measure_cold_boots(image));
    const Image snapshot = image.is_snapshot() ? image : SM_TRY(capture(image));
    for (const std::uint32_t vms : options_.vms) SM_TRY(measure(snapshot, vms));
    return std::move(result_);
  }

 private:
  Status measure_cold_boots(const Image& image) {
    BenchLine boots{.what = "cold boot"};
    for (std::uint32_t i = 0; i < std::min(options_.rounds, kMaxColdBoots); ++i) {
      const auto begin = Clock::now();
      const Vm vm = SM_TRY(image.start(config_));
      boots.times.push_back(Clock::now() - begin);
    }
    result_.lines.push_back(std::move(boots));
    return {};
  }

  Result<Image> capture(const Image& image) {
    Vm vm = SM_TRY(image.start(config_));
    SM_TRY(exec(vm.exec_builder()));  // what it needs is in its page cache then
    std::error_code error;
    const auto place = std::filesystem::temp_directory_path(error);
    std::string directory = (place / "supermachine-bench-XXXXXX").string();
    ending_.reset();
    std::optional clearing_up(SM_TRY(FailWritesOnSignal::create()));
    if (error || ::mkdtemp(directory.data()) == nullptr) return Error::from_errno(directory);
    auto captured = vm.snapshot(directory + "/snapshot");
    // Nobody needs the directory once the snapshot is open.
    std::filesystem::remove_all(directory, error);
    if (const int number = clearing_up->caught(); number != 0) ::_exit(kSignalBase + number);
    clearing_up.reset();
    ending_.emplace(SM_TRY(EndOnSignal::create()));
    return captured;
  }

  Result<std::chrono::nanoseconds> exec(ExecBuilder builder) const {
    const auto begin = Clock::now();
    const ExecOutcome outcome = SM_TRY(builder.argv(options_.command).output());
    const auto took = Clock::now() - begin;
    if (outcome.success()) return took;
    return Error(Errc::kGuestFault, options_.command[0] + " ended with status " +
                                        std::to_string(outcome.status) + ": " + outcome.stderr);
  }

  Status measure(const Image& snapshot, std::uint32_t vms) {
    SM_TRY(measure_memory(snapshot, vms));
    std::vector<Vm> others;
    while (others.size() + 1 < vms) others.push_back(SM_TRY(started(snapshot)));
    BenchLine restore{.what = "restore", .vms = vms};
    BenchLine first{.what = "first exec", .vms = vms};
    BenchLine again{.what = "exec again", .vms = vms};
    for (std::uint32_t i = 0; i < options_.rounds; ++i) {
      const auto begin = Clock::now();
      const Vm vm = SM_TRY(snapshot.start(config_));
      restore.times.push_back(Clock::now() - begin);
      first.times.push_back(SM_TRY(exec(vm.exec_builder())));
      again.times.push_back(SM_TRY(exec(vm.exec_builder())));
    }
    BenchLine cycle{.what = "pool cycle", .vms = vms};
    SM_TRY(measure_pool(snapshot, cycle));
    for (BenchLine* line : {&restore, &first, &again, &cycle}) {
      result_.lines.push_back(std::move(*line));
    }
    return {};
  }

  Status measure_pool(const Image& snapshot, BenchLine& cycle) const {
    const Pool pool = SM_TRY(snapshot.pool().min(1).max(1).config(config_).build());
    SM_TRY(exec(SM_TRY(pool.acquire()).exec_builder()));  // the first one, which is not reset yet
    for (std::uint32_t i = 0; i < options_.rounds; ++i) {
      const auto begin = Clock::now();
      {
        const PooledVm vm = SM_TRY(pool.acquire());
        SM_TRY(exec(vm.exec_builder()));
      }
      cycle.times.push_back(Clock::now() - begin);
    }
    return {};
  }

  Status measure_memory(const Image& snapshot, std::uint32_t vms) {
    const std::uint64_t before = SM_TRY(written_memory());
    std::vector<Vm> all;
    while (all.size() < vms) all.push_back(SM_TRY(started(snapshot)));
    const std::uint64_t after = SM_TRY(written_memory());
    result_.memory.push_back({.vms = vms, .bytes_each = (after - std::min(before, after)) / vms});
    return {};
  }

  // A VM that has done its work once.
  [[nodiscard]] Result<Vm> started(const Image& snapshot) const {
    Vm vm = SM_TRY(snapshot.start(config_));
    SM_TRY(exec(vm.exec_builder()));
    return vm;
  }

  // What this process wrote, and so shares with nobody (proc(5), smaps_rollup).
  static Result<std::uint64_t> written_memory() {
    std::ifstream file("/proc/self/smaps_rollup");
    std::string word;
    while (file >> word) {
      std::uint64_t kib = 0;
      if (word == "Private_Dirty:" && file >> kib) return kib * 1024;
    }
    return Error(Errc::kUnsupported, "/proc/self/smaps_rollup does not say what is private");
  }

  const BenchOptions& options_;
  const VmConfig& config_;
  BenchResult result_;
  std::optional<EndOnSignal> ending_;
};

}  // namespace

Result<int> bench_verb(Args args) {
  const BenchOptions options = SM_TRY(parse_bench_options(args));
  if (options.help) return print_help(kBenchHelp);
  VmConfig config = SM_TRY(machine_config(options));
  const Signals signals = SM_TRY(Signals::create());
  const auto accept = [](const ImageConfig&) { return Status(); };
  std::optional<EndOnSignal> ending(SM_TRY(EndOnSignal::create()));
  const Prepared prepared = SM_TRY(prepare(options.image, options, accept));
  if (prepared.engine.in_lab) {
    ending.reset();
    return hand_over(prepared.engine, options, signals, "bench", args);
  }
  if (!prepared.image->is_snapshot()) config.with_assets(prepared.assets);
  ending.reset();
  const BenchResult result = SM_TRY(Bench(options, config).run(*prepared.image));
  std::fputs((options.json ? result.json() : result.table()).c_str(), stdout);
  return 0;
}

}  // namespace supermachine::cli
