// SPDX-License-Identifier: Apache-2.0
#include "virtio/vsock.h"

#include <algorithm>
#include <utility>

#include "base/endian.h"

namespace supermachine::virtio {
namespace {

constexpr std::size_t kConfigBytes = 8;               // section 5.10.4: le64 guest_cid
constexpr std::uint64_t kFirstGuestCid = 3;           // lower ones are reserved
constexpr std::uint64_t kLastGuestCid = 0xffff'fffe;  // so are the highest and the upper half
constexpr std::uint32_t kMaxReadBytes = 64 << 10;     // from a host socket at once
constexpr std::size_t kMaxReadChains = 64;            // that it is spread over

}  // namespace

Result<std::unique_ptr<Vsock>> Vsock::create(const VsockState& state, EventLoop& loop,
                                             const VsockConfig& config) {
  if (state.guest_cid < kFirstGuestCid || state.guest_cid > kLastGuestCid) {
    return Error(Errc::kInvalidArgument,
                 "vsock context id " + std::to_string(state.guest_cid) + " is reserved");
  }
  auto mux = SM_TRY(
      VsockMux::create(state.mux, loop, state.guest_cid,
                       {.unix_path = config.unix_path, .max_connections = config.max_connections}));
  std::unique_ptr<Vsock> vsock(new Vsock(state.guest_cid, loop, std::move(mux)));
  if (!config.unix_path.empty()) {
    vsock->server_ = SM_TRY(VsockUnixServer::create(loop, *vsock->mux_, config.unix_path));
  }
  return vsock;
}

VsockState Vsock::save(std::span<const VsockPorts> keep) const {
  return {.guest_cid = guest_cid_, .mux = mux_->save(keep)};
}

void Vsock::read_config(std::uint32_t offset, std::span<std::byte> out) const {
  std::array<std::byte, kConfigBytes> config{};
  store_le(config, 0, guest_cid_);
  std::ranges::fill(out, std::byte{0});
  if (offset >= config.size()) return;
  std::copy_n(config.begin() + offset, std::min(out.size(), config.size() - offset), out.begin());
}

Status Vsock::activate(Activation activation) {
  SM_CHECK(activation.queues.size() == kQueueSizes.size());
  active_ = std::move(activation);
  mux_->start([this] { on_host_side(); });
  if (mux_->has_packet()) continue_later();
  return {};
}

void Vsock::reset() {
  active_.reset();
  faulty_ = false;
  tx_left_ = false;
  mux_->stop();
}

// What cannot be finished in one turn is continued by continue_later(), never by the transport.
Result<Progress> Vsock::on_notify(std::uint16_t queue) {
  SM_CHECK(active_ && queue < kQueueSizes.size());
  SM_TRY(work(queue == kTxQueue));
  return Progress::kDrained;
}

// Called by the mux when a host socket or the host's program has something for the guest.
void Vsock::on_host_side() {
  if (!active_ || faulty_ || working_) return;  // work() sees to it if it called us
  const Status done = work(false);
  if (!done.ok()) active_->fail(done.error());
}

void Vsock::continue_later() {
  if (std::exchange(later_posted_, true)) return;
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    later_posted_ = false;
    if (!active_ || faulty_) return;
    const Status done = work(tx_left_);
    if (!done.ok()) active_->fail(done.error());
  });
}

Status Vsock::work(bool take) {
  working_ = true;
  Status done = take ? take_packets() : Status();
  if (done.ok()) done = give_packets();
  working_ = false;
  faulty_ = !done.ok();
  interrupt();
  return done;
}

// One queue length at most; what is left comes next time.
Status Vsock::take_packets() {
  Queue& tx = queue(kTxQueue);
  tx_left_ = true;
  for (std::uint16_t done = 0; done < tx.size() && !mux_->congested(); ++done) {
    auto chain = SM_TRY(tx.pop());
    if (!chain) {
      tx_left_ = false;
      break;
    }
    handle(*chain);
    tx.complete(*std::move(chain), 0);
  }
  return {};
}

// A packet that is shorter than it says is dropped.
void Vsock::handle(const Chain& chain) {
  std::array<std::byte, kVsockHeaderBytes> bytes{};
  const std::size_t got = copy_from(chain.readable, 0, bytes);
  const auto header = parse_vsock_header(std::span(bytes).first(got));
  if (!header || header->len > chain.readable_bytes - kVsockHeaderBytes) return;
  payload_.clear();
  append_range<const std::byte>(chain.readable, kVsockHeaderBytes, header->len, payload_);
  mux_->on_packet(*header, payload_);
}

// About one queue length at a time.
Status Vsock::give_packets() {
  std::uint32_t budget = queue(kRxQueue).size();
  while (mux_->has_packet()) {
    if (budget == 0) {
      continue_later();
      break;
    }
    if (const VsockHeader* reply = mux_->first_reply()) {
      auto room = SM_TRY(pop_room(0));
      if (!room) break;
      give_header(*std::move(room), *reply);
      mux_->drop_first_reply();
      --budget;
      continue;
    }
    VsockConnection* connection = mux_->next_ready();
    if (connection == nullptr) break;
    const auto used = SM_TRY(give_turn(*connection));
    if (!used) break;
    mux_->after_turn();
    budget -= std::min(budget, std::max(*used, 1U));
  }
  if (tx_left_ && !mux_->congested()) continue_later();
  return {};
}

// How many buffers of the driver it took; nullopt when there are none.
Result<std::optional<std::uint32_t>> Vsock::give_turn(VsockConnection& connection) {
  if (!connection.has_control()) return give_data(connection);
  auto room = SM_TRY(pop_room(0));
  if (!room) return std::optional<std::uint32_t>();
  give_header(*std::move(room), connection.take_control());
  return std::optional(1U);
}

// One read from the host socket goes straight into as many of the driver's buffers as it takes.
Result<std::optional<std::uint32_t>> Vsock::give_data(VsockConnection& connection) {
  const std::uint32_t want = std::min(connection.sendable_bytes(), kMaxReadBytes);
  if (want == 0) return std::optional(0U);
  batch_.clear();
  room_.clear();
  std::uint32_t gathered = 0;
  while (gathered < want && batch_.size() < kMaxReadChains) {
    auto chain = SM_TRY(pop_room(1));
    if (!chain) break;
    append_range<std::byte>(chain->writable, kVsockHeaderBytes, want - gathered, room_);
    gathered += std::min(payload_room(*chain), want - gathered);
    batch_.push_back(*std::move(chain));
  }
  if (batch_.empty()) return std::optional<std::uint32_t>();

  auto left = static_cast<std::uint32_t>(connection.read_data(room_));
  std::uint32_t used = 0;
  while (left != 0) {
    const std::uint32_t len = std::min(left, payload_room(batch_[used]));
    give_header(std::move(batch_[used]), connection.data_header(len));
    left -= len;
    ++used;
  }
  for (std::size_t i = batch_.size(); i > used; --i) {
    queue(kRxQueue).undo_pop(std::move(batch_[i - 1]));
  }
  return std::optional(used);
}

// A buffer of the driver with room for a header and so many bytes of payload.
Result<std::optional<Chain>> Vsock::pop_room(std::uint32_t payload_bytes) {
  auto chain = SM_TRY(queue(kRxQueue).pop());
  if (chain && chain->writable_bytes < kVsockHeaderBytes + payload_bytes) {
    return Error(Errc::kGuestFault, "vsock buffer is too small for a packet");
  }
  return chain;
}

std::uint32_t Vsock::payload_room(const Chain& chain) {
  return chain.writable_bytes - static_cast<std::uint32_t>(kVsockHeaderBytes);
}

// The payload, if any, is in place.
void Vsock::give_header(Chain chain, const VsockHeader& header) {
  copy_to(chain.writable, 0, encode_vsock_header(header));
  queue(kRxQueue).complete(std::move(chain),
                           static_cast<std::uint32_t>(kVsockHeaderBytes) + header.len);
}

// The queues share one interrupt.
void Vsock::interrupt() {
  bool wanted = false;
  for (Queue& queue : active_->queues) wanted = queue.needs_interrupt() || wanted;
  if (wanted) active_->raise_irq(kRxQueue);
}

}  // namespace supermachine::virtio
