// SPDX-License-Identifier: Apache-2.0
// Bakes: a container image becomes a snapshot, once, from which VMs start in milliseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "supermachine/assets.h"
#include "supermachine/detail/std.h"
#include "supermachine/image.h"
#include "supermachine/progress.h"
#include "supermachine/result.h"

namespace supermachine {

// Describes a bake, then makes it or finds it. A value: copy it, keep it, build() it again.
//
//   auto image = Image::builder("nginx:1.27-alpine").with_listener_required().build();
//
// The bake is found again by a key made of the image's digest and of every setting that the guest
// could notice; a setting that is said to be no part of the key is none. A bake made under the same
// name with another key, or by another version of this library or its kernel, is made again and
// replaced; VMs that run from it go on.
//
// VMs of a bake start the workload, the image's own program, as soon as they run (see
// VmConfig::with_workload()), unless it runs in them already.
class OciImageBuilder {
 public:
  // A registry's image or one on disk, as Image::from_oci() takes it.
  explicit OciImageBuilder(std::string reference) : reference_(std::move(reference)) {}

  // As docker's --platform. Default, and all that this host can run: "linux/amd64". Images of other
  // processors are kUnsupported; there is no translation of their programs (on other hosts,
  // Rosetta does that).
  OciImageBuilder& with_platform(std::string platform) {
    return platform_ = std::move(platform), *this;
  }
  // A file of this host that the guest has at `guest_path` (absolute; directories on the way are
  // made), with the permission bits that it has here and owned by root. Its content is part of the
  // key. It is kept in the guest's memory.
  OciImageBuilder& with_extra_file(std::string host_path, std::string guest_path) {
    extra_files_.emplace_back(std::move(host_path), std::move(guest_path));
    return *this;
  }
  // Where the image's bytes come from, in place of a registry: a tar, or a directory, as the OCI
  // image layout has it. The reference stays the name it goes by. Of the two the last one counts.
  OciImageBuilder& with_oci_archive(std::string path) {
    return source_ = "oci-archive:" + std::move(path), *this;
  }
  OciImageBuilder& with_oci_layout(std::string directory) {
    return source_ = "oci-layout:" + std::move(directory), *this;
  }
  // The image itself, opened before, in place of all these. The reference stays its name.
  OciImageBuilder& with_image(Image image) { return image_ = std::move(image), *this; }
  // One more word for the kernel's command line, after our own. Repeatable. For tests and experts.
  OciImageBuilder& with_extra_kernel_arg(std::string word) {
    kernel_args_.push_back(std::move(word));
    return *this;
  }
  // Processors, 1 to 32. Default 1.
  OciImageBuilder& with_vcpus(std::uint32_t count) { return vcpus_ = count, *this; }
  // MiB of guest memory. Default 256.
  OciImageBuilder& with_memory_mib(std::uint32_t mib) { return memory_mib_ = mib, *this; }
  // What the bake is called in the store: give several bakes of one image names of their own.
  // Default: made from the reference, "nginx_1_27-alpine". No part of the key.
  OciImageBuilder& with_name(std::string name) { return name_ = std::move(name), *this; }
  // Added to the default name: another bake of the same image, beside the first.
  OciImageBuilder& with_name_suffix(std::string suffix) {
    return name_suffix_ = std::move(suffix), *this;
  }
  // When the registry is asked. Default kMissing. No part of the key.
  OciImageBuilder& with_pull_policy(PullPolicy policy) { return pull_policy_ = policy, *this; }
  // The TCP port of the workload: Vm::connect() goes there, and a bake that waits for a listener
  // waits for this one. Default: the lowest TCP port that the image exposes, else 80.
  OciImageBuilder& with_guest_port(std::uint16_t port) { return guest_port_ = port, *this; }
  // The workload, in place of the image's entrypoint and cmd together.
  OciImageBuilder& with_cmd(std::vector<std::string> argv) { return cmd_ = std::move(argv), *this; }
  // Adds to the environment of the workload and of all commands, or replaces part of it.
  // Repeatable.
  OciImageBuilder& with_env(std::string name, std::string value) {
    env_.emplace_back(std::move(name), std::move(value));
    return *this;
  }
  // The store. Default: $SUPERMACHINE_SNAPSHOTS_DIR, else ~/.local/supermachine-snapshots. No part
  // of the key.
  OciImageBuilder& with_snapshots_dir(std::string dir) {
    return snapshots_dir_ = std::move(dir), *this;
  }
  // Called with a VM of the bake, after its workload listens where the image has one that does
  // (it exposes a port, or with_guest_port() or with_listener_required() was called). What is in
  // the VM when it returns is captured: files, processes, and a page cache full of what it used.
  // An error of it is build()'s, and nothing is kept but the bake it started from. The function is
  // no part of the key; its tag is.
  OciImageBuilder& with_warmup(std::function<Status(Vm&)> warmup) {
    return warmup_ = std::move(warmup), *this;
  }
  // Change it when the warm-up does something else. Default: empty; a warm-up without a tag is
  // made again only when its bake is.
  OciImageBuilder& with_warmup_tag(std::string tag) { return warmup_tag_ = std::move(tag), *this; }
  // Starts the workload and captures when it listens, so that it answers at once in every VM.
  // Default: captures before the workload starts, which is quicker to bake and lets each VM start
  // its own.
  OciImageBuilder& with_listener_required() { return listener_required_ = true, *this; }
  // How long the workload may take to listen. Default 7 s. No part of the key.
  OciImageBuilder& with_listener_timeout(std::chrono::milliseconds timeout) {
    return listener_timeout_ = timeout, *this;
  }
  // How long the guest may take to boot. Default 30 s. No part of the key.
  OciImageBuilder& with_boot_timeout(std::chrono::milliseconds timeout) {
    return boot_timeout_ = timeout, *this;
  }
  // The guest's kernel and agent. Default: AssetPaths::discover(). Their builds are part of the
  // key.
  OciImageBuilder& with_assets(AssetPaths assets) { return assets_ = std::move(assets), *this; }
  // Where pulled images and root file systems are kept; see ImportOptions. No part of the key.
  OciImageBuilder& with_cache_dir(std::string dir) { return cache_dir_ = std::move(dir), *this; }
  // Told what is being done. No part of the key.
  OciImageBuilder& with_progress(ProgressCallback progress) {
    return progress_ = std::move(progress), *this;
  }

  // Finds the bake or makes it. Several that make the same one at once, in this process or others,
  // wait for the first. A bake that is interrupted or fails leaves the store as it was. Errors are
  // those of Image::from_oci(), Image::start() and Vm::snapshot(); kTimeout when the workload does
  // not listen in time, kGuestFault when it ends before; kInvalidArgument for settings that cannot
  // be.
  [[nodiscard]] Result<Image> build() const;

  // A bake of that name that is of the same image, kernel and agent, and as large as was asked for,
  // whatever its other settings. nullopt when there is none: nothing is baked, though the image may
  // be pulled.
  [[nodiscard]] Result<std::optional<Image>> find() const;

 private:
  friend class Baker;

  std::string reference_;
  std::string platform_;
  std::string source_;
  std::optional<Image> image_;
  std::vector<std::pair<std::string, std::string>> extra_files_;
  std::vector<std::string> kernel_args_;
  std::optional<std::uint32_t> vcpus_;
  std::optional<std::uint32_t> memory_mib_;
  std::string name_;
  std::string name_suffix_;
  PullPolicy pull_policy_ = PullPolicy::kMissing;
  std::optional<std::uint16_t> guest_port_;
  std::optional<std::vector<std::string>> cmd_;
  std::vector<std::pair<std::string, std::string>> env_;
  std::string snapshots_dir_;
  std::function<Status(Vm&)> warmup_;
  std::string warmup_tag_;
  bool listener_required_ = false;
  std::chrono::milliseconds listener_timeout_ = std::chrono::seconds(7);
  std::chrono::milliseconds boot_timeout_ = std::chrono::seconds(30);
  std::optional<AssetPaths> assets_;
  std::string cache_dir_;
  ProgressCallback progress_;
};

}  // namespace supermachine
