#include "supermachine/image.h"

#include <cstdlib>

#include "api/state.h"

namespace supermachine {
namespace {

Result<std::string> default_cache_dir() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (auto dir = variable("SUPERMACHINE_CACHE"); !dir.empty()) return dir;
  if (auto dir = variable("XDG_CACHE_HOME"); !dir.empty()) return dir + "/supermachine";
  if (auto dir = variable("HOME"); !dir.empty()) return dir + "/.cache/supermachine";
  return Error(Errc::kNotFound, "no place for the cache: set SUPERMACHINE_CACHE or HOME");
}

ImageConfig to_public(const oci::ImageConfig& config) {
  return {.env = config.env,
          .entrypoint = config.entrypoint,
          .cmd = config.cmd,
          .working_dir = config.working_dir,
          .user = config.user,
          .exposed_ports = config.exposed_ports,
          .labels = config.labels};
}

}  // namespace

Result<Image> Image::from_oci(std::string_view reference, const ImportOptions& options) {
  bake::ImportOptions import;
  import.cache_dir = (options.cache_dir.empty() ? SM_TRY(default_cache_dir()) : options.cache_dir);
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
const ImageConfig& Image::config() const noexcept { return state_->config; }
const std::string& Image::name() const noexcept { return state_->name; }
const std::string& Image::digest() const noexcept { return state_->digest; }
const std::string& Image::rootfs_path() const noexcept { return state_->rootfs_path; }

}  // namespace supermachine
