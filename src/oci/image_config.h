// SPDX-License-Identifier: Apache-2.0
// An image's configuration (OCI image-spec, config.md; docker's is the same in what we read).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "oci/digest.h"
#include "supermachine/result.h"

namespace supermachine::oci {

struct ImageConfig {
  std::vector<std::string> env;  // "NAME=value"
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::string working_dir;
  std::string user;                        // "name", "uid", "name:group" ...; empty for root
  std::vector<std::string> exposed_ports;  // "80/tcp"
  std::vector<std::string> volumes;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::string architecture;
  std::string os;
  std::string created;           // RFC 3339, as it stands in the file
  std::vector<Digest> diff_ids;  // of the uncompressed layers, the lowest first
};

// kCorrupt when `text` isn't a configuration of at most `max_layers` layers.
Result<ImageConfig> parse_image_config(std::string_view text);

inline constexpr std::size_t kMaxLayers = 512;

}  // namespace supermachine::oci
