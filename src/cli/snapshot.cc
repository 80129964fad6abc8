// SPDX-License-Identifier: Apache-2.0
// `supermachine snapshot`: start an image, warm it up, keep it on disk.
#include "supermachine/snapshot.h"

#include <cstdio>

#include "cli/command.h"
#include "cli/help/text.h"
#include "cli/sizes.h"
#include "cli/snapshot_help.h"
#include "cli/snapshot_options.h"
#include "cli/start.h"
#include "cli/timing.h"

namespace supermachine::cli {
namespace {

constexpr const char* kNoSnapshot = "no snapshot was made";

using Command = std::optional<std::vector<std::string>>;

// Why it goes no further, for people, and our exit status then.
struct Stopped {
  int status = kOwnFailure;
  std::string why;
};

Result<std::optional<Stopped>> warm_up(Vm& vm, const SnapshotVerbOptions& options,
                                       const std::vector<std::string>& argv, Signals& signals) {
  auto ran = run_command(describe(vm.exec_builder(), options, argv), {}, options, signals);
  if (!ran.ok()) return explain(std::move(ran).error(), vm);
  const RelayEnd& end = ran.value();
  if (end.kind != RelayEnd::Kind::kExited) {
    return std::optional(
        Stopped{.status = end.status, .why = std::string("interrupted; ") + kNoSnapshot});
  }
  if (end.timed_out) {
    return std::optional(
        Stopped{.why = argv[0] + " took longer than --timeout allows; " + kNoSnapshot});
  }
  if (end.status != 0) {
    return std::optional(Stopped{.why = argv[0] + " ended with status " +
                                        std::to_string(end.status) + "; " + kNoSnapshot});
  }
  return std::optional<Stopped>();
}

Status wait_ready(Vm& vm, std::chrono::milliseconds timeout) {
  const EndOnSignal ending = SM_TRY(EndOnSignal::create());
  Status ready = vm.wait_ready(timeout);
  if (ready.ok()) return ready;
  Error error = explain(std::move(ready).error(), vm);
  if (error.code() != Errc::kTimeout) return error;
  return Error(Errc::kTimeout,
               "nothing was written to /run/supermachine/ready within --wait-ready's time");
}

// Of the snapshot that is in `directory`; empty for none.
std::string id_in(const std::string& directory) {
  const auto info = inspect_snapshot(directory);
  return info.ok() ? info.value().id : std::string();
}

Result<std::optional<Stopped>> capture(Vm& vm, const Image& image,
                                       const SnapshotVerbOptions& options) {
  const SnapshotOptions how{.include_rootfs = options.include_rootfs,
                            .drop_caches = options.drop_caches,
                            .rehearse = !options.no_rehearsal};
  const std::string before = id_in(options.directory);
  const FailWritesOnSignal ending = SM_TRY(FailWritesOnSignal::create());
  const auto captured = options.diff ? vm.snapshot_diff(options.directory, image, how)
                                     : vm.snapshot(options.directory, how);
  if (captured.ok()) return std::optional<Stopped>();
  if (ending.caught() == 0) return captured.error();
  const bool published = id_in(options.directory) != before;
  return std::optional(Stopped{.status = kSignalBase + ending.caught(),
                               .why = published
                                          ? "interrupted; the snapshot is there, but was not tried"
                                          : std::string("interrupted; ") + kNoSnapshot});
}

Status report(const Vm& vm, const SnapshotVerbOptions& options) {
  const SnapshotInfo info = SM_TRY(inspect_snapshot(options.directory));
  const SnapshotTimings timings = vm.snapshot_timings();
  const std::string what = info.image_name.empty() ? options.image : info.image_name;
  std::printf("%s: %s of %s, %s; %s stored in %s, the machine stood still for %s\n",
              info.directory.c_str(), info.is_diff ? "a difference" : "a snapshot", what.c_str(),
              human_machine(info.memory_mib, info.vcpus).c_str(),
              human_size(info.stored_bytes).c_str(), human_time(timings.total).c_str(),
              human_time(timings.pause).c_str());
  return {};
}

Result<int> snapshot_here(const SnapshotVerbOptions& options, const Image& image,
                          const VmConfig& config, const Command& command, Signals& signals,
                          Timing& timing) {
  const auto begin = Timing::Clock::now();
  std::optional<Stopped> stopped;
  {
    Vm vm = SM_TRY(start(image, config));
    timing.add_start(begin, vm.timings());
    if (command) {
      stopped = SM_TRY(warm_up(vm, options, *command, signals));
      timing.mark("exec done");
    }
    if (!stopped && options.wait_ready) {
      SM_TRY(wait_ready(vm, *options.wait_ready));
      timing.mark("ready");
    }
    if (!stopped) {
      stopped = SM_TRY(capture(vm, image, options));
      timing.mark("captured");
    }
    if (!stopped && !options.quiet) SM_TRY(report(vm, options));
  }
  timing.mark("gone");
  if (!stopped) return 0;
  say(stopped->why);
  return stopped->status;
}

}  // namespace

Result<int> snapshot_verb(Args args) {
  Timing timing;
  const SnapshotVerbOptions options = SM_TRY(parse_snapshot_options(args));
  if (options.help) return print_help(kSnapshotHelp);
  if (options.diff && !names_snapshot(options.image)) {
    return Error(Errc::kInvalidArgument,
                 "--diff is the difference to a snapshot, which " + options.image + " is not");
  }
  VmConfig config = SM_TRY(machine_config(options));
  Signals signals = SM_TRY(Signals::create());
  std::optional<EndOnSignal> ending(SM_TRY(EndOnSignal::create()));
  Command command;
  const Prepared prepared =
      SM_TRY(prepare(options.image, options, [&](const ImageConfig& image) -> Status {
        timing.mark("image ready");
        if (!options.command.empty() || options.entrypoint) {
          command = SM_TRY(compose_command(image, options, options.image));
        }
        return {};
      }));
  ending.reset();
  if (prepared.engine.in_lab) {
    return hand_over(prepared.engine, options, signals, "snapshot", args);
  }
  if (!prepared.image->is_snapshot()) config.with_assets(prepared.assets);
  auto status = snapshot_here(options, *prepared.image, config, command, signals, timing);
  if (options.timing && status.ok()) timing.print();
  return status;
}

}  // namespace supermachine::cli
