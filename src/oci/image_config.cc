// SPDX-License-Identifier: Apache-2.0
#include "oci/image_config.h"

#include <fmt/format.h>

#include "base/json.h"

namespace supermachine::oci {

Result<ImageConfig> parse_image_config(std::string_view text) {
  const Json json = SM_TRY(parse_json(text, "image configuration"));
  ImageConfig config;
  config.architecture = string_member(json, "architecture");
  config.os = string_member(json, "os");
  config.created = string_member(json, "created");
  if (const Json* run = find_member(json, "config")) {
    config.env = strings_member(*run, "Env");
    config.entrypoint = strings_member(*run, "Entrypoint");
    config.cmd = strings_member(*run, "Cmd");
    config.working_dir = string_member(*run, "WorkingDir");
    config.user = string_member(*run, "User");
    config.exposed_ports = keys_member(*run, "ExposedPorts");
    config.volumes = keys_member(*run, "Volumes");
    config.labels = string_map_member(*run, "Labels");
    config.stop_signal = string_member(*run, "StopSignal");
  }
  const Json* rootfs = find_member(json, "rootfs");
  if (rootfs == nullptr || find_member(*rootfs, "diff_ids") == nullptr) {
    return Error(Errc::kCorrupt, "image configuration lists no layers (rootfs.diff_ids)");
  }
  for (const std::string& id : strings_member(*rootfs, "diff_ids")) {
    if (config.diff_ids.size() == kMaxLayers) {
      return Error(Errc::kCorrupt, fmt::format("image has more than {} layers", kMaxLayers));
    }
    config.diff_ids.push_back(SM_TRY(Digest::parse(id)));
  }
  return config;
}

}  // namespace supermachine::oci
