// SPDX-License-Identifier: Apache-2.0
// What all verbs that start a VM do: find out what to start and where, start it, run a command.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/engine.h"
#include "cli/relay.h"
#include "cli/shared_options.h"
#include "cli/signals.h"
#include "supermachine/vm.h"

namespace supermachine::cli {

// Whether `reference` means a snapshot: "snapshot:DIR", a directory, or restore.snap in one.
[[nodiscard]] bool names_snapshot(const std::string& reference);
[[nodiscard]] std::string snapshot_path(const std::string& reference);  // without the prefix
// The same, or where the bake of that name is.
Result<std::string> find_snapshot(const std::string& reference);

// kInvalidArgument for what the library would refuse, whatever the image.
Result<VmConfig> machine_config(const MachineOptions& options);

struct Prepared {
  EngineChoice engine;
  std::optional<Image> image;  // none for a snapshot when the lab is to go on: it is the lab's host
                               // that has to be able to restore it
  AssetPaths assets;           // unless `image` is a snapshot
};

// Opens what `reference` names and chooses where its VM runs. `check` gets what the image says, as
// soon as that is known, and again what its bake says. An OCI image is unpacked here also for the
// lab, which is slow at it.
Result<Prepared> prepare(const std::string& reference, const MachineOptions& options,
                         const std::function<Status(const ImageConfig&)>& check);

// Becomes the lab's, and says so where it was not asked for. Returns only its failure.
Error hand_over(const EngineChoice& engine, const MachineOptions& options, const Signals& signals,
                const std::string& verb, Args args, ImageIs image = ImageIs::kOfNoConcern);

// Signals that come before there is a command end the start.
Result<Vm> start(const Image& image, const VmConfig& config);

// `builder`, of the VM where it is to run, made the command that `options` describe, but for
// terminal and input.
ExecBuilder describe(ExecBuilder builder, const CommandOptions& options,
                     std::vector<std::string> argv);

// Runs it to its end with our own streams.
Result<RelayEnd> run_command(ExecBuilder command, RelayConfig config, const CommandOptions& options,
                             Signals& signals);
// What we exit with then; says why where the status does not tell.
int exit_status(const RelayEnd& end);

// "a VM that ended" instead of the broken connection by which that was noticed.
Error explain(Error error, Vm& vm);

}  // namespace supermachine::cli
