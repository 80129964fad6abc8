// SPDX-License-Identifier: Apache-2.0
// What a bake costs by stage and what it saves: finding it again, a warm-up, `supermachine run`.
//
//   bake_bench ROUNDS PROGRAM BUSYBOX NGINX PYTHON GCC DIRECTORY
//
// PROGRAM is supermachine itself. DIRECTORY, where the bakes go, is best in memory.
#include <fcntl.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/sys.h"
#include "supermachine/image.h"
#include "supermachine/image_builder.h"
#include "supermachine/vm.h"
#include "support/process.h"
#include "support/series.h"

namespace supermachine::bench {
namespace {

using namespace std::chrono_literals;

constexpr int kBakes = 3;
constexpr int kFindsPerBake = 5;
constexpr std::uint32_t kMemoryMib = 256;  // of all machines here
// What is slow the first time, and how.
struct Work {
  const char* name;
  std::vector<std::string> argv;
};
const Work kImports{"python's imports",
                    {"python3", "-c", "import json, http.server, email, asyncio, unittest"}};
const Work kCompile{
    "gcc's compile",
    {"sh", "-c",
     "printf '#include <stdio.h>\\nint main(void) { return puts(\"hi\") < 0; }\\n' | "
     "gcc -O2 -x c -o /tmp/hi - && /tmp/hi"}};

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

// VMs end in the background, which what comes next is not to be measured against.
void settle() { std::this_thread::sleep_for(200ms); }

void print_head() {
  std::printf("| what | median, ms | min | max | ratio | target |\n|---|---|---|---|---|---|\n");
}

void print(const std::string& what, const Series& series, const Series& base,
           const std::string& target = "") {
  std::printf("| %s | %.1f | %.1f | %.1f | %.2f | %s |\n", what.c_str(), series.median(),
              series.min(), series.max(), series.median() / base.median(), target.c_str());
  std::fflush(stdout);
}

// How long each stage of one build() took, all its steps together.
class StageTimes {
 public:
  ProgressCallback callback() {
    return [this](const Progress& step) {
      auto& sum = sums_[step.stage];  // begun stages too: a failure is no reason to miss one
      if (step.finished) sum += std::chrono::duration<double, std::milli>(step.elapsed).count();
    };
  }
  [[nodiscard]] bool has(Stage stage) const { return sums_.contains(stage); }
  [[nodiscard]] const std::map<Stage, double>& sums() const { return sums_; }

 private:
  std::map<Stage, double> sums_;
};

// The first build() of nginx in a new store, from its archive on, and the ones after it.
struct Bakes {
  std::map<Stage, Series> stages;
  Series total, again;
};

Status bake_nginx(const std::string& reference, const std::string& dir, Bakes& out) {
  OciImageBuilder builder = Image::builder(reference);
  builder.with_memory_mib(kMemoryMib).with_listener_required().with_listener_timeout(60s);
  builder.with_snapshots_dir(dir + "/store").with_cache_dir(dir + "/cache");
  StageTimes times;
  auto begin = Clock::now();
  SM_TRY(OciImageBuilder(builder).with_progress(times.callback()).build());
  out.total.add(ms_since(begin));
  for (const auto& [stage, ms] : times.sums()) out.stages[stage].add(ms);
  if (!times.has(Stage::kBoot)) return Error(Errc::kCorrupt, "the store is not new");

  for (int i = 0; i < kFindsPerBake; ++i) {
    settle();
    StageTimes found;
    begin = Clock::now();
    SM_TRY(OciImageBuilder(builder).with_progress(found.callback()).build());
    out.again.add(ms_since(begin));
    for (const Stage stage : {Stage::kBoot, Stage::kListener, Stage::kWarmup, Stage::kCapture}) {
      if (found.has(stage))
        return Error(Errc::kCorrupt, std::string("built again, with a ") + stage_name(stage));
    }
  }
  return {};
}

Status measure_bakes(const std::string& reference, const std::string& dir) {
  Bakes out;
  for (int i = 0; i < kBakes; ++i) {
    const std::string place = dir + "/nginx" + std::to_string(i);
    SM_TRY(bake_nginx(reference, place, out));
    SM_TRY(SM_TRY(Program::start({"rm", "-rf", place})).wait_for_end(deadline_in(60s)));
  }
  print_head();
  print("bake of nginx, all", out.total, out.total);
  for (const auto& [stage, series] : out.stages)
    print(std::string("its ") + stage_name(stage), series, out.total);
  print("**found again, no VM started**", out.again, out.total, "50 ms");
  std::printf("\n");
  return {};
}

Result<double> exec_ms(const Vm& vm, const std::vector<std::string>& argv) {
  const auto begin = Clock::now();
  const ExecOutcome outcome = SM_TRY(vm.exec_builder().argv(argv).timeout(120s).output());
  const double ms = ms_since(begin);
  if (!outcome.success()) return Error(Errc::kGuestFault, argv[0] + " failed: " + outcome.stderr);
  return ms;
}

struct Starts {
  Series start, exec;
};

Status start_once(const Image& bake, const std::vector<std::string>& argv, Starts& out) {
  settle();
  const auto begin = Clock::now();
  const Vm vm = SM_TRY(bake.start(VmConfig().with_workload(false)));
  out.start.add(ms_since(begin));
  out.exec.add(SM_TRY(exec_ms(vm, argv)));
  return {};
}

Status measure_warmth(int rounds, const std::string& reference, const Work& work,
                      const std::string& dir) {
  OciImageBuilder builder = Image::builder(reference);
  builder.with_memory_mib(kMemoryMib).with_snapshots_dir(dir);
  const Image cold = SM_TRY(OciImageBuilder(builder).with_name("cold").build());
  const Image warm = SM_TRY(OciImageBuilder(builder)
                                .with_name("warm")
                                .with_warmup([&](Vm& vm) -> Status {
                                  SM_TRY(exec_ms(vm, work.argv));
                                  return {};
                                })
                                .build());
  Starts from_cold, from_warm;
  for (int round = 0; round < rounds; ++round) {
    SM_TRY(start_once(cold, work.argv, from_cold));
    SM_TRY(start_once(warm, work.argv, from_warm));
  }
  print_head();
  print("cold: start", from_cold.start, from_cold.start);
  print("warm: start", from_warm.start, from_cold.start);
  print(std::string("cold: ") + work.name, from_cold.exec, from_cold.exec);
  print(std::string("**warm: ") + work.name + "**", from_warm.exec, from_cold.exec, "0.33");
  std::printf("\n");
  return {};
}

// From the start of the process to its end.
Status run_once(const std::vector<std::string>& command, int nothing, Series& out) {
  settle();
  auto run = SM_TRY(Program::start(command, nothing));
  const auto gone = SM_TRY(run.wait_for_end(deadline_in(60s)));
  out.add(std::chrono::duration<double, std::milli>(gone - run.started()).count());
  return {};
}

Status measure_runs(int rounds, const std::string& program, const std::string& reference,
                    const std::string& dir) {
  const std::string snapshot = dir + "/snapshot";
  {
    const Image image = SM_TRY(Image::from_oci(reference));
    Vm vm = SM_TRY(image.start(VmConfig().with_memory_mib(kMemoryMib)));
    SM_TRY(vm.snapshot(snapshot));
  }
  if (::setenv("SUPERMACHINE_SNAPSHOTS_DIR", (dir + "/runs").c_str(), 1) != 0)
    return Error::from_errno("setenv");
  const UniqueFd nothing = SM_TRY(sys::open("/dev/null", O_RDONLY));
  const std::vector<std::string> version{program, "--version"};
  const std::vector<std::string> bake{program, "bake", "--quiet", reference};
  const auto run_true = [&](const std::string& what) {
    return std::vector<std::string>{program, "run", what, "--", "true"};
  };
  Series nothing_done, first_bake, found, first, restored, baked;
  SM_TRY(run_once(bake, nothing.get(), first_bake));
  SM_TRY(run_once(run_true(reference), nothing.get(), first));  // a bake too
  for (int round = 0; round < rounds; ++round) {
    SM_TRY(run_once(version, nothing.get(), nothing_done));
    SM_TRY(run_once(bake, nothing.get(), found));
    SM_TRY(run_once(run_true(snapshot), nothing.get(), restored));
    SM_TRY(run_once(run_true(reference), nothing.get(), baked));
  }
  print_head();
  print("--version", nothing_done, restored);
  print("bake IMAGE, the first time", first_bake, restored);
  print("bake IMAGE again", found, restored);
  print("run SNAPSHOT -- true", restored, restored);
  print("run IMAGE -- true, which bakes it", first, restored);
  print("**run IMAGE -- true, from its bake**", baked, restored, "1.5");
  std::printf("\n");
  return {};
}

struct Inputs {
  int rounds;
  std::string program, busybox, nginx, python, gcc, dir;
};

Status measure(const Inputs& inputs) {
  SM_TRY(measure_runs(inputs.rounds, inputs.program, inputs.busybox, inputs.dir));
  SM_TRY(measure_warmth(inputs.rounds, inputs.python, kImports, inputs.dir + "/python"));
  SM_TRY(measure_warmth(inputs.rounds, inputs.gcc, kCompile, inputs.dir + "/gcc"));
  return measure_bakes(inputs.nginx, inputs.dir);
}

}  // namespace
}  // namespace supermachine::bench

int main(int argc, char** argv) {
  using namespace supermachine;
  if (argc != 8) return 2;
  const Status done =
      bench::measure({std::atoi(argv[1]), argv[2], argv[3], argv[4], argv[5], argv[6], argv[7]});
  if (!done.ok()) std::fprintf(stderr, "bake_bench: %s\n", done.error().message().c_str());
  return done.ok() ? 0 : 1;
}
