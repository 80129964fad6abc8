// SPDX-License-Identifier: Apache-2.0
#include "cli/start.h"

#include <unistd.h>

#include <filesystem>
#include <string_view>

#include "cli/progress_display.h"
#include "supermachine/image_builder.h"
#include "supermachine/snapshot.h"
#include "supermachine/store.h"

namespace supermachine::cli {
namespace {

constexpr std::string_view kSnapshotPrefix = "snapshot:";
constexpr const char* kRestoreFile = "restore.snap";
constexpr auto kTimeoutGrace = std::chrono::seconds(10);
constexpr auto kLastWordsWait = std::chrono::milliseconds(500);

Result<Image> open_image(const std::string& reference, const MachineOptions& options) {
  ProgressDisplay display(choose_progress_style(options.quiet, false, false));
  auto image =
      Image::from_oci(reference, {.pull_policy = options.pull, .progress = display.callback()});
  if (image.ok() || image.error().code() != Errc::kInvalidArgument) return image;
  if (reference.find(':') != std::string::npos) return image;
  return Error(Errc::kInvalidArgument,
               image.error().message() + ", or the directory of a snapshot");
}

// Bakes that nobody asked for by name, beside those that somebody did.
std::string suffix_for(const MachineOptions& options) {
  std::string suffix = "__run";
  if (options.memory_mib) suffix += "-" + std::to_string(*options.memory_mib) + "m";
  if (options.vcpus) suffix += "-" + std::to_string(*options.vcpus) + "c";
  return suffix;
}

Result<Image> find_or_bake(const std::string& reference, const Prepared& prepared,
                           const MachineOptions& options) {
  // Nobody asked for a bake: only who looks on is told.
  const bool quiet = options.quiet || ::isatty(STDERR_FILENO) != 1;
  ProgressDisplay display(choose_progress_style(quiet, false, false));
  OciImageBuilder builder = Image::builder(reference);
  builder.with_image(*prepared.image).with_assets(prepared.assets);
  builder.with_progress(display.callback());
  if (options.memory_mib) builder.with_memory_mib(*options.memory_mib);
  if (options.vcpus) builder.with_vcpus(*options.vcpus);
  if (options.boot_timeout) builder.with_boot_timeout(*options.boot_timeout);
  auto found = SM_TRY(builder.find());
  if (found && !(options.has_own_workload && found->runs_workload())) return *std::move(found);
  return builder.with_name_suffix(suffix_for(options)).build();
}

// A store that cannot be written to is no reason not to run.
Result<Image> bake_if_possible(const std::string& reference, const Prepared& prepared,
                               const MachineOptions& options) {
  auto baked = find_or_bake(reference, prepared, options);
  if (baked.ok() || (baked.error().code() != Errc::kOs && baked.error().code() != Errc::kNotFound))
    return baked;
  if (!options.quiet) say("not baked, so it boots each time: " + baked.error().message());
  return *prepared.image;
}

Result<Prepared> prepare_snapshot(const std::string& path, const MachineOptions& options,
                                  const std::function<Status(const ImageConfig&)>& check) {
  Prepared prepared;
  const SnapshotInfo info = SM_TRY(inspect_snapshot(path));
  SM_TRY(check(info.config));
  prepared.engine = SM_TRY(choose_engine(options.engine));
  if (!prepared.engine.in_lab) prepared.image = SM_TRY(Image::from_snapshot(path));
  return prepared;
}

}  // namespace

bool names_snapshot(const std::string& reference) {
  if (reference.starts_with(kSnapshotPrefix)) return true;
  std::error_code ignored;  // what cannot be looked at is no snapshot
  const std::filesystem::path path = reference;
  // "nginx" is an image, whatever directory of that name happens to be here.
  const bool is_path = reference.starts_with('/') || reference.starts_with('.');
  return (is_path && std::filesystem::is_directory(path, ignored)) ||
         std::filesystem::exists(path / kRestoreFile, ignored) ||
         (path.filename() == kRestoreFile && std::filesystem::exists(path, ignored));
}

std::string snapshot_path(const std::string& reference) {
  return reference.starts_with(kSnapshotPrefix) ? reference.substr(kSnapshotPrefix.size())
                                                : reference;
}

Result<std::string> find_snapshot(const std::string& reference) {
  if (names_snapshot(reference)) return snapshot_path(reference);
  const auto bake = find_bake(reference);
  if (bake.ok() && bake.value()) return bake.value()->directory;
  return snapshot_path(reference);  // which says what is wrong with it
}

Result<VmConfig> machine_config(const MachineOptions& options) {
  VmConfig config;
  if (options.memory_mib) config.with_memory_mib(*options.memory_mib);
  if (options.vcpus) config.with_vcpus(*options.vcpus);
  if (!options.hostname.empty()) config.with_hostname(options.hostname);
  if (options.boot_timeout) config.with_boot_timeout(*options.boot_timeout);
  if (options.restore_timeout) config.with_restore_timeout(*options.restore_timeout);
  config.with_workload(false);  // a command is given, or the workload started as one
  SM_TRY(config.check());
  return config;
}

Result<Prepared> prepare(const std::string& reference, const MachineOptions& options,
                         const std::function<Status(const ImageConfig&)>& check) {
  if (names_snapshot(reference)) return prepare_snapshot(snapshot_path(reference), options, check);
  // By the name that somebody gave it: those that nobody gave are no references. Without a store
  // there is none.
  if (const auto named = find_bake(reference); named.ok() && named.value()) {
    mark_bake_used(reference);
    return prepare_snapshot(named.value()->directory, options, check);
  }
  Prepared prepared;
  prepared.image = SM_TRY(open_image(reference, options));
  SM_TRY(check(prepared.image->config()));
  prepared.assets = SM_TRY(AssetPaths::discover());
  prepared.engine = SM_TRY(choose_engine(options.engine));
  if (!options.bake || prepared.engine.in_lab) return prepared;
  prepared.image = SM_TRY(bake_if_possible(reference, prepared, options));
  SM_TRY(check(prepared.image->config()));  // a bake may have a command of its own
  return prepared;
}

Error hand_over(const EngineChoice& engine, const MachineOptions& options, const Signals& signals,
                const std::string& verb, Args args, ImageIs image) {
  if (!options.quiet && !engine.reason.empty()) say(engine.reason);
  signals.restore();
  return enter_lab(engine.lab, verb, args, image);
}

Result<Vm> start(const Image& image, const VmConfig& config) {
  const EndOnSignal ending = SM_TRY(EndOnSignal::create());
  return image.start(config);
}

ExecBuilder describe(ExecBuilder builder, const CommandOptions& options,
                     std::vector<std::string> argv) {
  builder.argv(std::move(argv));
  for (const auto& [name, value] : options.env) builder.env(name, value);
  if (!options.workdir.empty()) builder.cwd(options.workdir);
  if (!options.user.empty()) builder.user(options.user);
  if (options.timeout) builder.timeout(*options.timeout);
  return builder;
}

Error explain(Error error, Vm& vm) {
  if (error.code() != Errc::kGuestFault) return error;
  const auto end = vm.wait(kLastWordsWait);
  if (!end) return error;
  return {Errc::kGuestFault, "the VM ended before the command did: " + end->message};
}

Result<RelayEnd> run_command(ExecBuilder command, RelayConfig config, const CommandOptions& options,
                             Signals& signals) {
  command.tty(config.tty).with_stdin(config.interactive);
  if (const auto size = window_size(); config.tty && size) command.winsize(size->rows, size->cols);
  ExecChild child = SM_TRY(command.spawn());
  std::optional<RawTerminal> raw;
  if (config.tty && config.interactive) raw.emplace(SM_TRY(RawTerminal::enter()));
  if (options.timeout) config.limit = *options.timeout + kTimeoutGrace;
  return Relay(child, signals, config).run();
}

int exit_status(const RelayEnd& end) {
  constexpr int kTimedOut = 124;  // as timeout(1) has it
  if (!end.timed_out) return end.status;
  say("the command was ended: it took longer than --timeout allows");
  return kTimedOut;
}

}  // namespace supermachine::cli
