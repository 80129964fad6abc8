// SPDX-License-Identifier: Apache-2.0
#include "registry/environment.h"

#include <cstdlib>
#include <initializer_list>

namespace supermachine::registry {
namespace {

// The first that is set and not empty.
std::string variable(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return {};
}

}  // namespace

Environment Environment::of_process() {
  Environment out;
  out.home = variable({"HOME"});
  out.config_home = variable({"XDG_CONFIG_HOME"});
  if (out.config_home.empty() && !out.home.empty()) out.config_home = out.home + "/.config";
  out.runtime_dir = variable({"XDG_RUNTIME_DIR"});
  out.docker_config = variable({"DOCKER_CONFIG"});
  out.registry_auth_file = variable({"REGISTRY_AUTH_FILE"});
  out.registries_file = variable({"SUPERMACHINE_REGISTRIES"});
  out.http_proxy = variable({"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"});
  out.https_proxy = variable({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
  out.no_proxy = variable({"no_proxy", "NO_PROXY"});
  out.ca_file = variable({"CURL_CA_BUNDLE", "SSL_CERT_FILE"});
  out.ca_directory = variable({"SSL_CERT_DIR"});
  return out;
}

}  // namespace supermachine::registry
