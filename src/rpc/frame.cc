// SPDX-License-Identifier: Apache-2.0
#include "rpc/frame.h"

#include <algorithm>
#include <cstring>

#include "base/endian.h"

namespace supermachine::rpc {
namespace {

// docs/formats/rpc.md, "Frames".
constexpr std::uint16_t kMagic = 0x6d53;  // "Sm"
constexpr std::size_t kMagicAt = 0;
constexpr std::size_t kTypeAt = 2;
constexpr std::size_t kLengthAt = 4;

// Most calls fit in this; a longer frame makes the reader grow to its length.
constexpr std::size_t kSmallRead = 4096;

Result<FrameType> parse_type(std::uint16_t raw) {
  const auto type = static_cast<FrameType>(raw);
  switch (type) {
    case FrameType::kExec:
    case FrameType::kWriteFile:
    case FrameType::kReadFile:
    case FrameType::kSync:
    case FrameType::kShutdown:
    case FrameType::kStartWorkload:
    case FrameType::kFollowWorkload:
    case FrameType::kSignalWorkload:
    case FrameType::kConnect:
    case FrameType::kListListeners:
    case FrameType::kWaitListener:
    case FrameType::kStdin:
    case FrameType::kStdinEof:
    case FrameType::kSignal:
    case FrameType::kResize:
    case FrameType::kFileData:
    case FrameType::kFileEnd:
    case FrameType::kStarted:
    case FrameType::kStdout:
    case FrameType::kStderr:
    case FrameType::kStdinCredit:
    case FrameType::kExited:
    case FrameType::kFileInfo:
    case FrameType::kOk:
    case FrameType::kFailure:
    case FrameType::kListeners:
    case FrameType::kSkipped:
    case FrameType::kHello:
    case FrameType::kReady:
    case FrameType::kPrepare:
    case FrameType::kResumed:
    case FrameType::kRestored:
      return type;
  }
  return Error(Errc::kCorrupt, "unknown frame type " + std::to_string(raw));
}

}  // namespace

std::size_t max_payload(FrameType type) {
  const bool command = type == FrameType::kExec || type == FrameType::kStartWorkload;
  return command ? kMaxPayload : kMaxData;
}

FrameHeader encode_header(FrameType type, std::size_t payload_size) {
  SM_CHECK(payload_size <= max_payload(type));
  FrameHeader header{};
  store_le(header, kMagicAt, kMagic);
  store_le(header, kTypeAt, static_cast<std::uint16_t>(type));
  store_le(header, kLengthAt, static_cast<std::uint32_t>(payload_size));
  return header;
}

std::vector<std::byte> encode_frame(FrameType type, std::span<const std::byte> payload) {
  const FrameHeader header = encode_header(type, payload.size());
  std::vector<std::byte> out;
  out.reserve(header.size() + payload.size());
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

Result<DecodedFrame> decode_frame(std::span<const std::byte> bytes) {
  if (bytes.size() < kFrameHeaderSize) return DecodedFrame{};
  if (load_le<std::uint16_t>(bytes, kMagicAt) != kMagic) {
    return Error(Errc::kCorrupt, "bad frame magic");
  }
  const FrameType type = SM_TRY(parse_type(load_le<std::uint16_t>(bytes, kTypeAt)));
  const std::size_t length = load_le<std::uint32_t>(bytes, kLengthAt);
  if (length > max_payload(type)) {
    return Error(Errc::kCorrupt, "frame of " + std::to_string(length) + " bytes is too long");
  }
  DecodedFrame out{.consumed = 0, .needed = kFrameHeaderSize + length, .frame = {}};
  if (bytes.size() < out.needed) return out;
  out.consumed = out.needed;
  out.frame = {.type = type, .payload = bytes.subspan(kFrameHeaderSize, length)};
  return out;
}

std::span<std::byte> FrameReader::room() {
  const std::size_t held = end_ - begin_;
  if (begin_ != 0) std::memmove(buffer_.data(), buffer_.data() + begin_, held);
  begin_ = 0;
  end_ = held;
  const std::size_t want = std::max({needed_, held + 1, kSmallRead});
  if (buffer_.size() < want) buffer_.resize(want);
  return std::span(buffer_).subspan(end_);
}

void FrameReader::filled(std::size_t count) {
  SM_CHECK(count <= buffer_.size() - end_);
  end_ += count;
}

void FrameReader::shrink() {
  if (mid_frame() || buffer_.size() <= kSmallRead) return;
  std::vector<std::byte>().swap(buffer_);
  begin_ = end_ = 0;
}

Result<std::optional<FrameView>> FrameReader::next() {
  const DecodedFrame decoded =
      SM_TRY(decode_frame(std::span<const std::byte>(buffer_).subspan(begin_, end_ - begin_)));
  needed_ = decoded.needed;
  if (decoded.consumed == 0) return std::optional<FrameView>();
  begin_ += decoded.consumed;
  needed_ = kFrameHeaderSize;
  return std::optional(decoded.frame);
}

}  // namespace supermachine::rpc
