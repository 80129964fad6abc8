// SPDX-License-Identifier: Apache-2.0
// The user's own settings for registries: mirrors, and what may go without TLS
// (docs/guide/registries.md has the format).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/registry_reference.h"
#include "registry/environment.h"

namespace supermachine::registry {

struct RegistrySettings {
  std::vector<std::string> mirrors;  // "https://HOST[:PORT][/PREFIX]", tried in this order
  std::optional<bool> plain_http;    // default: for loopback
  bool skip_tls_verify = false;
};

struct RegistryConfig {
  std::map<std::string, RegistrySettings> registries;  // by host, as in a reference
  [[nodiscard]] const RegistrySettings& of(const std::string& host) const;
};

// Strict: what it does not know, it refuses, since a word misspelt could mean less safety or more.
Result<RegistryConfig> parse_registry_config(std::string_view text);

// $SUPERMACHINE_REGISTRIES, which must exist, or registries.json in ~/.config/supermachine.
Result<RegistryConfig> load_registry_config(const Environment& environment);

// One place that may have a repository.
struct Endpoint {
  std::string base;        // "https://registry-1.docker.io"
  std::string host;        // whose credentials it gets
  std::string repository;  // there
  bool is_mirror = false;
  bool skip_tls_verify = false;
  std::string extra_ca;  // PEM
};

// The mirrors, then the registry itself.
Result<std::vector<Endpoint>> endpoints_of(const oci::RegistryReference& reference,
                                           const RegistryConfig& config,
                                           const Environment& environment);

}  // namespace supermachine::registry
