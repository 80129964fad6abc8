// SPDX-License-Identifier: Apache-2.0
// Vsock packets: a header parses to what encodes to the same bytes, and no sequence of packets
// confuses the connections.
#include <sys/epoll.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/sys.h"
#include "virtio/vsock_mux.h"
#include "virtio/vsock_packet.h"

namespace supermachine::virtio {
namespace {

constexpr std::uint64_t kCid = 3;
constexpr std::size_t kMaxConnections = 4;
constexpr std::size_t kPacketBytes = kVsockHeaderBytes + 4;
constexpr std::size_t kMaxPackets = 64;

EventLoop& loop() {
  static const std::unique_ptr<EventLoop> the_loop = EventLoop::create().value();
  return *the_loop;
}

void check_round_trip(std::span<const std::byte> bytes) {
  const auto header = parse_vsock_header(bytes);
  SM_CHECK(header.has_value() == (bytes.size() >= kVsockHeaderBytes));
  if (!header) return;
  const auto again = encode_vsock_header(*header);
  SM_CHECK(std::ranges::equal(again, bytes.first(kVsockHeaderBytes)));
}

// What the device would do: take everything the mux has for the guest.
void take_all(VsockMux& mux) {
  std::vector<std::byte> room(4096);
  for (int i = 0; i < 1000 && mux.has_packet(); ++i) {
    if (mux.first_reply() != nullptr) {
      mux.drop_first_reply();
      continue;
    }
    VsockConnection* connection = mux.next_ready();
    if (connection == nullptr) break;
    if (connection->has_control()) {
      SM_CHECK(connection->take_control().dst_cid == kCid);
    } else if (const std::uint32_t sendable = connection->sendable_bytes(); sendable != 0) {
      const std::vector<std::span<std::byte>> out{
          std::span(room).first(std::min<std::size_t>(sendable, room.size()))};
      const std::size_t got = connection->read_data(out);
      SM_CHECK(got <= sendable);
      if (got != 0) SM_CHECK(connection->data_header(static_cast<std::uint32_t>(got)).len == got);
    }
    mux.after_turn();
  }
  SM_CHECK(mux.connection_count() <= kMaxConnections);
}

void drive(std::span<const std::byte> input) {
  const auto owned =
      VsockMux::create({}, loop(), kCid, {.unix_path = {}, .max_connections = kMaxConnections})
          .value();
  VsockMux& mux = *owned;
  std::vector<UniqueFd> hosts;
  SM_CHECK(
      mux.listen(1, [&](VsockStream stream) { hosts.push_back(std::move(stream.socket)); }).ok());
  mux.start([] {});
  auto pair = sys::socket_pair().value();
  SM_CHECK(sys::set_nonblocking(pair.first.get(), true).ok());
  mux.open(2, std::move(pair.first), Deadline::max(), [](const Result<VsockMux::Opened>&) {});
  const std::uint32_t opened_port = 1U << 30;

  static const std::vector<std::byte> zeroes(64 << 10);
  for (std::size_t packets = 0; packets < kMaxPackets && input.size() >= kPacketBytes; ++packets) {
    VsockHeader header = *parse_vsock_header(input);
    const auto control = std::to_integer<unsigned>(input[kVsockHeaderBytes]);
    input = input.subspan(kPacketBytes);
    // Mostly packets that find somebody.
    if ((control & 1) == 0) header.src_cid = kCid;
    if ((control & 2) == 0) header.dst_cid = kVsockHostCid;
    if ((control & 4) == 0) header.type = VsockType::kStream;
    if ((control & 8) == 0) header.op = VsockOp{static_cast<std::uint16_t>(control >> 5)};
    const bool to_opened = (control & 16) != 0;
    header.dst_port = to_opened ? opened_port : header.dst_port % 3;
    header.src_port = to_opened ? 2 : header.src_port % 4;
    header.len %= static_cast<std::uint32_t>(zeroes.size());
    const std::vector<std::span<const std::byte>> payload{std::span(zeroes).first(header.len)};
    mux.on_packet(header, payload);
    if (packets % 2 == 0) take_all(mux);
    if (packets % 8 == 3 && !hosts.empty()) {
      static_cast<void>(sys::try_sendv(hosts.back().get(), payload).ok());
    }
    if (packets % 16 == 7 && !hosts.empty()) hosts.pop_back();
    SM_CHECK(loop().run_once(deadline_in({})).ok());
  }
  take_all(mux);
}

}  // namespace
}  // namespace supermachine::virtio

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  supermachine::virtio::check_round_trip(input);
  supermachine::virtio::drive(input);
  return 0;
}
