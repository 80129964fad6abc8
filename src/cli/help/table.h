// SPDX-License-Identifier: Apache-2.0
// What is to be said of a verb, as data: its --help, its manual page, its shell completion and the
// options that its parser takes are made of one table, which lies beside the verb.
#pragma once

#include <span>

namespace supermachine::cli {

// What can be completed in the place of a value.
enum class Value {
  kText,  // nothing we know
  kFile,
  kDirectory,
  kImage,     // what `run` takes: pulled images, bakes, files by prefix, snapshots
  kPulled,    // an image of a registry
  kSnapshot,  // a directory or a bake
  kVm,        // a detached VM that there is
  kRunningVm,
  kKept,  // what `rm` takes: VMs, bakes, images
  kEngine,
  kPullPolicy,
  kSignal,
  kShell,
  kCommand,  // of the guest; the end of our own arguments
};

struct Option {
  const char* names;  // "-m, --memory"
  const char* argument =
      "";            // "SIZE"; "[=SECONDS]" where it may be left out; "" where there is none
  const char* text;  // wrapped when it is shown; a line break stays one
  Value value = Value::kText;
  bool repeats = false;   // each one counts, and not only one of them
  const char* also = "";  // more names, for hands that are used to them: "--a,--b"
};

struct OptionGroup {
  const char* title;  // "": the only one
  std::span<const Option> options;
};

// A term and what it means.
struct Definition {
  const char* term;
  const char* text;
};

// A paragraph, and the list it leads to, if any. Wrapped when it is shown.
struct Block {
  const char* text;
  std::span<const Definition> items = {};
};

struct Argument {
  Value value;
  bool repeats = false;
};

struct VerbHelp {
  std::span<const char* const> usage;  // "run [OPTIONS] IMAGE"; one line each
  std::span<const Block> description = {};
  std::span<const OptionGroup> groups = {};
  std::span<const Block> notes = {};  // what is to be said when the options are known
  const char* exit_status = "";
  std::span<const Definition> environment = {};  // in the manual page only
  std::span<const char* const> examples = {};
  std::span<const Argument> arguments = {};  // by position
};

// Options that verbs have in common.
inline constexpr Option kHelpOption{.names = "-h, --help", .text = "this text"};
inline constexpr Option kWhereOption{.names = "--engine",
                                     .argument = "ENGINE",
                                     .text = "where to look, see 'supermachine ps --help'",
                                     .value = Value::kEngine};
inline constexpr Option kEnvOption{.names = "-e, --env",
                                   .argument = "NAME[=VALUE]",
                                   .text = "set a variable; without a value, take ours",
                                   .repeats = true};
inline constexpr Option kEnvFileOption{.names = "--env-file",
                                       .argument = "FILE",
                                       .text = "the same from a file, one per line",
                                       .value = Value::kFile,
                                       .repeats = true};
inline constexpr Option kWorkdirOption{.names = "-w, --workdir",
                                       .argument = "DIRECTORY",
                                       .text = "where it starts; made if it is missing"};
inline constexpr Option kUserOption{
    .names = "-u, --user", .argument = "USER[:GROUP]", .text = "who runs it, by name or number"};
inline constexpr Option kEntrypointOption{.names = "--entrypoint",
                                          .argument = "PROGRAM",
                                          .text = "run PROGRAM with COMMAND as its arguments"};
inline constexpr Option kMemoryOption{
    .names = "-m, --memory", .argument = "SIZE", .text = "MiB, or with k, m or g; default 256"};
inline constexpr Option kVcpusOption{.names = "--vcpus",
                                     .argument = "COUNT",
                                     .text = "processors, 1 to 32; default 1 (also --cpus)",
                                     .also = "--cpus"};
inline constexpr Option kHostnameOption{
    .names = "--hostname", .argument = "NAME", .text = "default supermachine"};
inline constexpr Option kBootTimeoutOption{.names = "--boot-timeout",
                                           .argument = "SECONDS",
                                           .text = "how long a boot may take; default 30"};
inline constexpr Option kRestoreTimeoutOption{.names = "--restore-timeout",
                                              .argument = "SECONDS",
                                              .text = "the same for a snapshot; default 10"};
inline constexpr Option kPullOption{
    .names = "--pull",
    .argument = "WHEN",
    .text = "when the registry is asked: missing, which is the default; always; never",
    .value = Value::kPullPolicy};
inline constexpr Option kPlatformOption{
    .names = "--platform",
    .argument = "OS/ARCH",
    .text = "the image's platform; linux/amd64, which is the default"};

// Environment variables that verbs have in common.
inline constexpr Definition kLabVariable{"SUPERMACHINE_LAB",
                                         "lab/run of supermachine's source tree, the emulated host "
                                         "where this one has no KVM that works"};
inline constexpr Definition kCacheVariable{
    "SUPERMACHINE_CACHE",
    "where images are kept; default $XDG_CACHE_HOME/supermachine or ~/.cache/supermachine"};
inline constexpr Definition kBakesVariable{
    "SUPERMACHINE_SNAPSHOTS_DIR", "where bakes are kept; default ~/.local/supermachine-snapshots"};
inline constexpr Definition kAssetsVariable{
    "SUPERMACHINE_ASSETS_DIR",
    "the directory of the guest's kernel and agent; see 'supermachine assets'"};
inline constexpr Definition kRuntimeVariable{"SUPERMACHINE_RUNTIME",
                                             "where detached VMs have their state and their log"};

}  // namespace supermachine::cli
