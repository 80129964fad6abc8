// SPDX-License-Identifier: Apache-2.0
// What the user's environment says about reaching registries. Read in one place, so that tests can
// say it themselves.
#pragma once

#include <string>
#include <vector>

namespace supermachine::registry {

struct Environment {
  std::string home = {};
  std::string config_home = {};         // $XDG_CONFIG_HOME, or ~/.config
  std::string runtime_dir = {};         // $XDG_RUNTIME_DIR
  std::string docker_config = {};       // $DOCKER_CONFIG: a directory
  std::string registry_auth_file = {};  // $REGISTRY_AUTH_FILE
  std::string registries_file = {};     // $SUPERMACHINE_REGISTRIES
  std::string http_proxy = {};
  std::string https_proxy = {};
  std::string no_proxy = {};
  std::string ca_file = {};       // $CURL_CA_BUNDLE, or $SSL_CERT_FILE
  std::string ca_directory = {};  // $SSL_CERT_DIR
  std::vector<std::string> certs_dirs{"/etc/docker/certs.d", "/etc/containers/certs.d"};

  static Environment of_process();
};

}  // namespace supermachine::registry
