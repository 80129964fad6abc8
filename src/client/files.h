// SPDX-License-Identifier: Apache-2.0
// Files of the guest, and the calls that concern the whole of it.
#pragma once

#include <string>
#include <string_view>

#include "client/connection.h"

namespace supermachine::client {

// Fills the span; 0 is the end.
using FileSource = std::function<Result<std::size_t>(std::span<std::byte>)>;
using FileSink = std::function<Status(std::span<const std::byte>)>;

// Creates or replaces the content of `path`, which is absolute, and sets its permission bits. If it
// fails midway the file holds what came so far. Directories are not created: kNotFound.
Status write_file(const Connector& connect, const std::string& path, std::uint32_t mode,
                  std::span<const std::byte> content, Deadline deadline);
Status write_file(const Connector& connect, const std::string& path, std::uint32_t mode,
                  const FileSource& source, Deadline deadline);

Result<rpc::FileInfo> read_file(const Connector& connect, const std::string& path,
                                const FileSink& sink, Deadline deadline);
// kExhausted for a file longer than `max_bytes`.
Result<std::string> read_file(const Connector& connect, const std::string& path,
                              std::size_t max_bytes, Deadline deadline);

// Writes back what the guest holds in memory.
Status sync(const Connector& connect, Deadline deadline);

// sync(), then the guest restarts, which its VMM sees as the end. Returns when it is about to.
Status shutdown(const Connector& connect, Deadline deadline);

}  // namespace supermachine::client
