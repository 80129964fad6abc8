// SPDX-License-Identifier: Apache-2.0
#include "client/files.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace supermachine::client {
namespace {

Error unexpected(const rpc::FrameView& frame) {
  if (frame.type == rpc::FrameType::kFailure) {
    auto failure = rpc::decode<rpc::Failure>(frame.payload);
    return failure.ok() ? rpc::to_error(failure.value()) : std::move(failure).error();
  }
  return {Errc::kGuestFault, "the agent sent a frame that does not belong here"};
}

Status expect_ok(Connection& connection, Deadline deadline) {
  const rpc::FrameView frame = SM_TRY(connection.next(deadline));
  if (frame.type != rpc::FrameType::kOk) return unexpected(frame);
  return {};
}

// A request without fields, answered by kOk.
Result<Connection> plain_call(const Connector& connect, rpc::FrameType type, Deadline deadline) {
  const auto frame = rpc::encode_frame(type, {});
  Connection connection = SM_TRY(begin_call(connect, std::span<const std::byte>(frame), deadline));
  SM_TRY(expect_ok(connection, deadline));
  return connection;
}

}  // namespace

Status write_file(const Connector& connect, const std::string& path, std::uint32_t mode,
                  const FileSource& source, Deadline deadline) {
  Connection connection =
      SM_TRY(begin_call(connect, rpc::WriteFile{.path = path, .mode = mode}, deadline));
  std::vector<std::byte> buffer(rpc::kMaxData);
  for (;;) {
    const std::size_t count = SM_TRY(source(buffer));
    if (count == 0) break;
    connection.send(rpc::FrameType::kFileData, std::span(buffer).first(count));
    do {
      // The agent speaks up before the end only when it has failed.
      if (const auto frame = SM_TRY(connection.try_next())) return unexpected(*frame);
      if (connection.has_unsent()) SM_TRY(connection.wait(deadline));
      connection.flush();
    } while (connection.has_unsent());
  }
  connection.send(rpc::FrameType::kFileEnd);
  SM_TRY(expect_ok(connection, deadline));
  connection.call_ended_in_order();
  return {};
}

Status write_file(const Connector& connect, const std::string& path, std::uint32_t mode,
                  std::span<const std::byte> content, Deadline deadline) {
  const FileSource source = [&content](std::span<std::byte> out) -> Result<std::size_t> {
    const std::size_t count = std::min(out.size(), content.size());
    if (count != 0) std::memcpy(out.data(), content.data(), count);
    content = content.subspan(count);
    return count;
  };
  return write_file(connect, path, mode, source, deadline);
}

Result<rpc::FileInfo> read_file(const Connector& connect, const std::string& path,
                                const FileSink& sink, Deadline deadline) {
  Connection connection = SM_TRY(begin_call(connect, rpc::ReadFile{.path = path}, deadline));
  const rpc::FrameView first = SM_TRY(connection.next(deadline));
  if (first.type != rpc::FrameType::kFileInfo) return unexpected(first);
  const auto info = SM_TRY(rpc::decode<rpc::FileInfo>(first.payload));
  for (;;) {
    const rpc::FrameView frame = SM_TRY(connection.next(deadline));
    if (frame.type == rpc::FrameType::kFileEnd) {
      connection.call_ended_in_order();
      return info;
    }
    if (frame.type != rpc::FrameType::kFileData) return unexpected(frame);
    SM_TRY(sink(frame.payload));
  }
}

Result<std::string> read_file(const Connector& connect, const std::string& path,
                              std::size_t max_bytes, Deadline deadline) {
  std::string content;
  const FileSink sink = [&](std::span<const std::byte> bytes) -> Status {
    if (bytes.size() > max_bytes - content.size()) {
      return Error(Errc::kExhausted,
                   path + ": longer than " + std::to_string(max_bytes) + " bytes");
    }
    content.append(rpc::FrameView{.payload = bytes}.text());
    return {};
  };
  SM_TRY(read_file(connect, path, sink, deadline));
  return content;
}

Status sync(const Connector& connect, Deadline deadline) {
  SM_TRY(plain_call(connect, rpc::FrameType::kSync, deadline)).call_ended_in_order();
  return {};
}

Status shutdown(const Connector& connect, Deadline deadline) {
  SM_TRY(plain_call(connect, rpc::FrameType::kShutdown, deadline));
  return {};  // closed, which is what the agent waits for
}

}  // namespace supermachine::client
