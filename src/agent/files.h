// SPDX-License-Identifier: Apache-2.0
// Files that the host asks for. The guest's tree is not trusted to hold ordinary files: nothing
// here blocks on a FIFO or a device.
#pragma once

#include <string>

#include "agent/users.h"
#include "base/handles.h"

namespace supermachine::agent {

// A regular file; anything else is kInvalidArgument, an absent one kNotFound.
Result<UniqueFd> open_for_reading(const std::string& path);

// Created or truncated in place, so that links and files of /proc/sys keep their identity. `mode`
// is set either way.
Result<UniqueFd> open_for_writing(const std::string& path, std::uint32_t mode);

// mkdir -p.
Status make_path(const std::string& path);

// A whole file, owned by `owner`.
Status write_file(const std::string& path, std::uint32_t mode, const std::string& content,
                  const User& owner);

}  // namespace supermachine::agent
