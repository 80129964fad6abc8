// SPDX-License-Identifier: Apache-2.0
// What VMs are started from: a container image, or a snapshot of a VM.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "supermachine/detail/pointers.h"
#include "supermachine/detail/std.h"
#include "supermachine/progress.h"
#include "supermachine/pull_policy.h"
#include "supermachine/result.h"
#include "supermachine/vm_config.h"

namespace supermachine {

class OciImageBuilder;
class PoolBuilder;
class Vm;

// What the image says about running it (OCI image-spec, config.md).
struct ImageConfig {
  std::vector<std::string> env;         // "NAME=value"
  std::vector<std::string> entrypoint;  // comes before the arguments
  std::vector<std::string> cmd;         // the arguments when none are given
  std::string working_dir;              // empty: /
  std::string user;                     // "name", "uid", "name:group", …; empty: root
  std::vector<std::string> exposed_ports;
  std::string stop_signal;  // asks the workload to end: "SIGQUIT", "3", …; empty: SIGTERM
  std::vector<std::pair<std::string, std::string>> labels;  // by name
};

struct ImportOptions {
  // Where root file systems are kept. Default: $SUPERMACHINE_CACHE, else
  // $XDG_CACHE_HOME/supermachine, else ~/.cache/supermachine.
  std::string cache_dir = {};
  // Of references to a registry.
  PullPolicy pull_policy = PullPolicy::kMissing;
  // "linux/amd64", which is the default, and all that this host runs.
  std::string platform = {};
  // Told what is being done, when there is work to do.
  ProgressCallback progress = {};
};

// Immutable and cheap to copy; safe to use from many threads.
class Image {
 public:
  // An image of a registry, as docker names them: "nginx", "ghcr.io/owner/app:v1",
  // "localhost:5000/app@sha256:…"; or one on disk: "oci-archive:FILE[:TAG]",
  // "oci-layout:DIR[:TAG]", "docker-archive:FILE[:NAME:TAG]". Its layers are verified and become
  // one read-only file system in the cache, so the first time takes seconds and every later one
  // milliseconds. kNotFound, kCorrupt, kUnsupported or kInvalidArgument name the image and what to
  // do; kOs, kTimeout and kExhausted mean that a registry cannot be reached now.
  static Result<Image> from_oci(std::string_view reference, const ImportOptions& options = {});
  static Result<Image> from_oci_with_policy(std::string_view reference, PullPolicy policy);

  // Describes a bake of the image, see supermachine/image_builder.h.
  static OciImageBuilder builder(std::string reference);
  // The bake called `name`, as `describe` has it; found, or made.
  //
  //   auto image = Image::ensure_baked("py", "python:3.12-slim",
  //                                    [](auto b) { return b.with_memory_mib(512); });
  static Result<Image> ensure_baked(
      std::string name, std::string reference,
      const std::function<OciImageBuilder(OciImageBuilder)>& describe);

  // A snapshot that Vm::snapshot() made: its directory, or restore.snap in it. It must not be
  // changed while VMs of it run. kNotFound; kCorrupt and kUnsupported with all the reasons against
  // it on this host.
  static Result<Image> from_snapshot(const std::string& path);

  // Boots a VM, or restores it where the image is a snapshot, and returns when its agent answers.
  // Fails with kInvalidArgument for settings that cannot be, kUnsupported when this host cannot run
  // VMs, kGuestFault with the guest's last words when it dies, kTimeout when it does not answer in
  // time. Nothing is left behind then.
  Result<Vm> start(const VmConfig& config = {}) const;

  // Describes a pool of VMs, see supermachine/pool.h.
  [[nodiscard]] PoolBuilder pool() const;

  [[nodiscard]] bool is_snapshot() const noexcept;
  // Where the snapshot lies; empty for what is none.
  [[nodiscard]] std::string snapshot_directory() const;
  // Whether the workload runs in VMs of this snapshot from the beginning.
  [[nodiscard]] bool runs_workload() const noexcept;
  [[nodiscard]] const ImageConfig& config() const noexcept;
  // Its tag, or empty; of a registry's image the whole reference.
  [[nodiscard]] const std::string& name() const noexcept;
  [[nodiscard]] const std::string& digest() const noexcept;  // "sha256:…" of its manifest
  [[nodiscard]] const std::string& rootfs_path() const noexcept;

 private:
  friend class Baker;
  friend class Pool;
  friend class PoolBuilder;
  friend class Vm;
  struct State;
  explicit Image(detail::Shared<const State> state) : state_(std::move(state)) {}
  detail::Shared<const State> state_;
};

}  // namespace supermachine
