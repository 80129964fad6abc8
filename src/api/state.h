// SPDX-License-Identifier: Apache-2.0
// What stands behind the opaque classes of the public API.
#pragma once

#include <memory>
#include <string>

#include "api/command_log.h"
#include "api/guest_calls.h"
#include "bake/bake_record.h"
#include "bake/import.h"
#include "base/files.h"
#include "client/exec.h"
#include "instance/instance.h"
#include "supermachine/exec.h"
#include "supermachine/image.h"
#include "supermachine/vm.h"

namespace supermachine {

// A program that every guest has: it says that it is of no use there, and ends.
inline constexpr const char* kAgentItself = "/proc/1/exe";

struct Image::State {
  std::string name;
  std::string digest;
  std::string rootfs_path;
  ImageConfig config;
  std::shared_ptr<const Origin> origin = {};  // of a snapshot
  bake::WorkloadTraits workload = {};
  std::vector<std::string> kernel_args = {};  // of a boot, after our own
};

struct Vm::State {
  Image image;
  std::optional<TempDir> socket_dir = {};  // before the instance, whose socket lies in it
  std::string vsock_path = {};
  std::unique_ptr<Instance> instance = {};
  StartTimings timings = {};
  SnapshotTimings snapshot_timings = {};
  FileOrBytes kernel = {};       // of a VM that was booted
  std::uint16_t guest_port = 0;  // where connect() goes; 0: to the first listener
  bool runs_workload = false;    // it has been started, here or in what this is a copy of
  std::optional<bake::BakeRecord> bake_record = {};  // for the next snapshot
  std::shared_ptr<CommandLog> command_log = {};      // of a warm-up

  // Everything but the instance, which `config` asks for.
  static Result<std::unique_ptr<State>> create(const Image& image, const VmConfig& config);
  [[nodiscard]] MachineHost host(const VmConfig& config) const;
  [[nodiscard]] GuestCalls calls() const {
    return {instance->connector(), image.config(), command_log};
  }

  Status start_workload(std::vector<std::string> argv);

  // kUnsupported when the VM comes from a snapshot whose agent lacks `feature`.
  [[nodiscard]] Status check_agent(std::string_view feature) const;

  [[nodiscard]] Result<SnapshotMetadata> describe() const;
  Status write_snapshot(const std::string& directory, std::shared_ptr<const Snapshot> base,
                        const SnapshotOptions& options);
  [[nodiscard]] Status rehearse(const std::string& directory, const SnapshotOptions& options) const;
  Result<Image> snapshot(const std::string& directory, std::shared_ptr<const Snapshot> base,
                         const SnapshotOptions& options);
};

// What a copy is told, as `config` has it.
[[nodiscard]] Identity identity_of(const VmConfig& config);
[[nodiscard]] StartTimings timings_of(const BootTrace& trace, bool restored);
// Whether a VM of `image` starts its workload by itself.
[[nodiscard]] bool starts_workload(const VmConfig& config, const bake::WorkloadTraits& workload);
// kInvalidArgument when `config` wants another machine than `origin` was captured from.
Status check_shape(const VmConfig& config, const Origin& origin);

struct ExecBuilder::State {
  client::Connector connect;
  rpc::ExecRequest request;
  std::string input;
  std::shared_ptr<CommandLog> log = {};  // told of what was run
};

struct ExecChild::State {
  client::ExecSession session;
};

}  // namespace supermachine
