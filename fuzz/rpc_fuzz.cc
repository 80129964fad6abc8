// SPDX-License-Identifier: Apache-2.0
// Properties: whatever decodes, frame or message, encodes back to the very bytes it came from; and
// the reader finds the same frames however the stream is cut.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "rpc/messages.h"

namespace {

using namespace supermachine;

template <typename Message>
void check_message(std::span<const std::byte> payload) {
  const auto message = rpc::decode<Message>(payload);
  if (!message.ok()) return;
  const auto frame = rpc::encode(message.value());
  if (!frame.ok()) std::abort();
  if (!std::ranges::equal(std::span(frame.value()).subspan(rpc::kFrameHeaderSize), payload)) {
    std::abort();
  }
}

void check_payload(const rpc::FrameView& frame) {
  switch (frame.type) {
    case rpc::FrameType::kExec:
      return check_message<rpc::ExecRequest>(frame.payload);
    case rpc::FrameType::kWriteFile:
      return check_message<rpc::WriteFile>(frame.payload);
    case rpc::FrameType::kReadFile:
      return check_message<rpc::ReadFile>(frame.payload);
    case rpc::FrameType::kSignal:
      return check_message<rpc::Signal>(frame.payload);
    case rpc::FrameType::kResize:
      return check_message<rpc::Resize>(frame.payload);
    case rpc::FrameType::kStarted:
      return check_message<rpc::Started>(frame.payload);
    case rpc::FrameType::kStdinCredit:
      return check_message<rpc::StdinCredit>(frame.payload);
    case rpc::FrameType::kExited:
      return check_message<rpc::ExitStatus>(frame.payload);
    case rpc::FrameType::kFileInfo:
      return check_message<rpc::FileInfo>(frame.payload);
    case rpc::FrameType::kStartWorkload:
      return check_message<rpc::StartWorkload>(frame.payload);
    case rpc::FrameType::kSignalWorkload:
      return check_message<rpc::SignalWorkload>(frame.payload);
    case rpc::FrameType::kSkipped:
      return check_message<rpc::Skipped>(frame.payload);
    case rpc::FrameType::kConnect:
      return check_message<rpc::Connect>(frame.payload);
    case rpc::FrameType::kWaitListener:
      return check_message<rpc::WaitListener>(frame.payload);
    case rpc::FrameType::kListeners:
      return check_message<rpc::Listeners>(frame.payload);
    case rpc::FrameType::kFailure:
      return check_message<rpc::Failure>(frame.payload);
    case rpc::FrameType::kHello:
      return check_message<rpc::Hello>(frame.payload);
    case rpc::FrameType::kPrepare:
      return check_message<rpc::Prepare>(frame.payload);
    case rpc::FrameType::kRestored:
      return check_message<rpc::Restored>(frame.payload);
    default:
      return;  // raw bytes, or nothing
  }
}

// The bytes of `stream` that are whole frames, put together again from pieces of `piece` bytes.
std::size_t read_in_pieces(std::span<const std::byte> stream, std::size_t piece) {
  rpc::FrameReader reader;
  std::size_t whole = 0;
  while (!stream.empty()) {
    const auto room = reader.room();
    const std::size_t count = std::min({piece, stream.size(), room.size()});
    std::memcpy(room.data(), stream.data(), count);
    reader.filled(count);
    stream = stream.subspan(count);
    for (;;) {
      const auto frame = reader.next();
      if (!frame.ok()) return whole;
      if (!frame.value()) break;
      whole += rpc::kFrameHeaderSize + frame.value()->payload.size();
    }
  }
  return whole;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto stream = std::as_bytes(std::span(data, size));
  auto rest = stream;
  for (;;) {
    const auto decoded = rpc::decode_frame(rest);
    if (!decoded.ok() || decoded.value().consumed == 0) break;
    const rpc::FrameView& frame = decoded.value().frame;
    const auto again = rpc::encode_frame(frame.type, frame.payload);
    if (!std::ranges::equal(again, rest.first(decoded.value().consumed))) std::abort();
    check_payload(frame);
    rest = rest.subspan(decoded.value().consumed);
  }
  const std::size_t whole = stream.size() - rest.size();
  for (const std::size_t piece : {std::size_t{3}, std::size_t{1000}}) {
    if (read_in_pieces(stream, piece) != whole) std::abort();
  }
  return 0;
}
