// SPDX-License-Identifier: Apache-2.0
// What a registry says when it wants to know who asks (RFC 9110, 11.6.1, WWW-Authenticate).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "supermachine/result.h"

namespace supermachine::registry {

struct Challenge {
  std::string scheme;                             // in lower case: "bearer", "basic"
  std::map<std::string, std::string> parameters;  // names in lower case, values unquoted

  [[nodiscard]] std::string parameter(const std::string& name) const;  // or empty
};

// All of a field's challenges; several fields are joined with commas first. kCorrupt for what the
// grammar does not have.
Result<std::vector<Challenge>> parse_challenges(std::string_view field);

}  // namespace supermachine::registry
