// SPDX-License-Identifier: Apache-2.0
// One frame on the stream between host and agent: a type, a length and that many bytes. The bytes
// are specified in docs/formats/rpc.md. Nothing here knows sockets, so the host, the agent, the
// tests and the fuzzer share it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "supermachine/result.h"

namespace supermachine::rpc {

inline constexpr std::uint32_t kAgentPort = 1024;    // the agent listens for calls
inline constexpr std::uint32_t kControlPort = 1025;  // the host listens: the doorbell

enum class FrameType : std::uint16_t {
  // Requests: the first frame of a call.
  kExec = 1,
  kWriteFile = 2,
  kReadFile = 3,
  kSync = 4,
  kShutdown = 5,
  kStartWorkload = 6,
  kFollowWorkload = 7,
  kSignalWorkload = 8,
  kConnect = 9,
  kListListeners = 10,
  kWaitListener = 11,
  // Host to agent, inside a call.
  kStdin = 16,
  kStdinEof = 17,
  kSignal = 18,
  kResize = 19,
  // Either way, inside a call.
  kFileData = 24,
  kFileEnd = 25,
  // Agent to host, inside a call. kExited, kOk, kFailure and kListeners are the last frame of
  // theirs, and so is kStarted of kStartWorkload.
  kStarted = 32,
  kStdout = 33,
  kStderr = 34,
  kStdinCredit = 35,
  kExited = 36,
  kFileInfo = 37,
  kOk = 38,
  kFailure = 39,
  kListeners = 40,
  kSkipped = 41,
  // Control connection, agent to host; kOk and kFailure answer what the host sends there.
  kHello = 48,
  kReady = 49,
  // Control connection, host to agent.
  kPrepare = 56,
  kResumed = 57,
  kRestored = 58,
};

inline constexpr std::size_t kFrameHeaderSize = 8;
inline constexpr std::size_t kMaxPayload = std::size_t{1} << 20;  // of commands, which carry files
inline constexpr std::size_t kMaxData = std::size_t{64} << 10;    // of every other frame

// What the agent holds for a process that does not read its input. The host counts down as it
// sends kStdin, and up by kStdinCredit, so signals never wait behind input.
inline constexpr std::size_t kStdinWindow = std::size_t{128} << 10;

[[nodiscard]] std::size_t max_payload(FrameType type);

// A decoded frame; `payload` points into the bytes it was decoded from.
struct FrameView {
  FrameType type = FrameType::kOk;
  std::span<const std::byte> payload;

  [[nodiscard]] std::string_view text() const {
    // Bytes and characters share one representation.
    return {reinterpret_cast<const char*>(payload.data()), payload.size()};
  }
};

using FrameHeader = std::array<std::byte, kFrameHeaderSize>;
[[nodiscard]] FrameHeader encode_header(FrameType type, std::size_t payload_size);
[[nodiscard]] std::vector<std::byte> encode_frame(FrameType type,
                                                  std::span<const std::byte> payload);

// Decodes the frame at the front of `bytes`. `consumed` is 0 while the frame is incomplete, and
// then `needed` says how long it is as far as one can tell.
struct DecodedFrame {
  std::size_t consumed = 0;
  std::size_t needed = kFrameHeaderSize;
  FrameView frame;
};
[[nodiscard]] Result<DecodedFrame> decode_frame(std::span<const std::byte> bytes);

// Puts a stream of bytes back together into frames.
//
//   const auto room = reader.room();
//   reader.filled(read(fd, room));
//   while (auto frame = SM_TRY(reader.next())) ...
class FrameReader {
 public:
  // Where to put the next bytes: at least one, at most what completes a large frame. Invalidates
  // every FrameView.
  [[nodiscard]] std::span<std::byte> room();
  void filled(std::size_t count);

  // The next whole frame, valid until room(). After an error the stream cannot be used.
  [[nodiscard]] Result<std::optional<FrameView>> next();

  // Gives back what a large frame took, unless bytes are held. Invalidates every FrameView.
  void shrink();

  // The bytes behind the last frame. Valid until room().
  [[nodiscard]] std::span<const std::byte> rest() const {
    return std::span<const std::byte>(buffer_).subspan(begin_, end_ - begin_);
  }

  // Whether bytes of an unfinished frame are held.
  [[nodiscard]] bool mid_frame() const { return begin_ != end_; }

 private:
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;  // [begin_, end_) of buffer_ is not yet decoded
  std::size_t end_ = 0;
  std::size_t needed_ = kFrameHeaderSize;
};

}  // namespace supermachine::rpc
