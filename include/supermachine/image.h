// A container image, ready to be started as VMs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "supermachine/result.h"
#include "supermachine/vm_config.h"

namespace supermachine {

class Vm;

// What the image says about running it (OCI image-spec, config.md).
struct ImageConfig {
  std::vector<std::string> env;         // "NAME=value"
  std::vector<std::string> entrypoint;  // comes before the arguments
  std::vector<std::string> cmd;         // the arguments when none are given
  std::string working_dir;              // empty: /
  std::string user;                     // "name", "uid", "name:group", …; empty: root
  std::vector<std::string> exposed_ports;
  std::map<std::string, std::string> labels;
};

struct ImportOptions {
  // Where root file systems are kept. Default: $SUPERMACHINE_CACHE, else
  // $XDG_CACHE_HOME/supermachine, else ~/.cache/supermachine.
  std::string cache_dir;
  // Called with what is being done ("unpacking layer 2 of 3") when there is work to do.
  std::function<void(std::string_view)> progress;
};

// Immutable and cheap to copy; safe to use from many threads.
class Image {
 public:
  // Reads an image from disk: "oci-archive:FILE[:TAG]", "oci-layout:DIR[:TAG]" or
  // "docker-archive:FILE[:NAME:TAG]". Its layers are verified and become one read-only file system
  // in the cache, so the first time takes seconds and every later one milliseconds. kNotFound,
  // kCorrupt, kUnsupported or kInvalidArgument name the file and what to do.
  static Result<Image> from_oci(std::string_view reference, const ImportOptions& options = {});

  // Boots a VM and returns when its agent answers. Fails with kInvalidArgument for settings that
  // cannot be, kUnsupported when this host cannot run VMs, kGuestFault with the guest's last words
  // when it dies at boot, kTimeout when it does not answer in time. Nothing is left behind then.
  Result<Vm> start(const VmConfig& config = {}) const;

  [[nodiscard]] const ImageConfig& config() const noexcept;
  [[nodiscard]] const std::string& name() const noexcept;    // its tag, or empty
  [[nodiscard]] const std::string& digest() const noexcept;  // "sha256:…" of its manifest
  [[nodiscard]] const std::string& rootfs_path() const noexcept;

 private:
  struct State;
  explicit Image(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace supermachine
