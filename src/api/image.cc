// SPDX-License-Identifier: Apache-2.0
#include "supermachine/image.h"

#include "api/places.h"
#include "api/state.h"

namespace supermachine {
namespace {

ImageConfig to_public(const oci::ImageConfig& config) {
  return {.env = config.env,
          .entrypoint = config.entrypoint,
          .cmd = config.cmd,
          .working_dir = config.working_dir,
          .user = config.user,
          .exposed_ports = config.exposed_ports,
          .stop_signal = config.stop_signal,
          .labels = {config.labels.begin(), config.labels.end()}};
}

}  // namespace

Result<Image> Image::from_oci(std::string_view reference, const ImportOptions& options) {
  bake::ImportOptions import;
  import.cache_dir = SM_TRY(cache_dir_or_default(options.cache_dir));
  import.platform = SM_TRY(oci::parse_platform(options.platform));
  import.pull_policy = options.pull_policy;
  import.progress = options.progress;
  const bake::ImportedImage imported = SM_TRY(bake::import_image(reference, import));
  return Image(std::make_shared<const State>(State{.name = imported.name,
                                                   .digest = imported.digest.text(),
                                                   .rootfs_path = imported.rootfs_path,
                                                   .config = to_public(imported.config)}));
}

Result<Image> Image::from_oci_with_policy(std::string_view reference, PullPolicy policy) {
  return from_oci(reference, {.pull_policy = policy});
}

bool Image::is_snapshot() const noexcept { return state_->origin != nullptr; }
std::string Image::snapshot_directory() const {
  return is_snapshot() ? state_->origin->snapshot()->directory() : std::string();
}
bool Image::runs_workload() const noexcept {
  return state_->workload.mode == bake::WorkloadMode::kRuns;
}
const ImageConfig& Image::config() const noexcept { return state_->config; }
const std::string& Image::name() const noexcept { return state_->name; }
const std::string& Image::digest() const noexcept { return state_->digest; }
const std::string& Image::rootfs_path() const noexcept { return state_->rootfs_path; }

}  // namespace supermachine
