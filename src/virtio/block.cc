// SPDX-License-Identifier: Apache-2.0
#include "virtio/block.h"

#include <algorithm>

#include "base/endian.h"

namespace supermachine::virtio {
namespace {

constexpr std::size_t kConfigBytes = 60;  // section 5.2.4

std::uint64_t sectors_of(const BlockBackend& backend) {
  const std::uint64_t bytes = backend.size_bytes();
  return bytes / Block::kSectorSize + (bytes % Block::kSectorSize != 0 ? 1 : 0);
}

}  // namespace

// Section 5.2.6: le32 type, le32 reserved, le64 sector.
struct Block::Request {
  std::uint32_t type = 0;
  std::uint64_t sector = 0;
};

struct Block::Answer {
  std::uint8_t status = blk::kIoError;
  std::uint32_t data_bytes = 0;  // written for the driver, from the first writable byte on
};

BlockState BlockState::power_on(const BlockBackend& backend, std::string_view id) {
  BlockState state{.capacity_sectors = sectors_of(backend)};
  const auto bytes = std::as_bytes(std::span(id.substr(0, state.id.size())));
  std::ranges::copy(bytes, state.id.begin());
  return state;
}

Result<std::unique_ptr<Block>> Block::create(const BlockState& state, BlockBackend& backend) {
  if (state.capacity_sectors != sectors_of(backend)) {
    return Error(Errc::kInvalidArgument,
                 "block device of " + std::to_string(state.capacity_sectors) +
                     " sectors over a backend of " + std::to_string(sectors_of(backend)));
  }
  return std::unique_ptr<Block>(new Block(state, backend));
}

std::uint64_t Block::features() const {
  const std::uint64_t access = backend_.read_only() ? blk::kFeatureReadOnly : blk::kFeatureFlush;
  return blk::kFeatureSizeMax | blk::kFeatureSegMax | access;
}

void Block::read_config(std::uint32_t offset, std::span<std::byte> out) const {
  std::array<std::byte, kConfigBytes> config{};
  store_le(config, 0, state_.capacity_sectors);
  store_le(config, 8, kMaxSegmentBytes);
  store_le(config, 12, kMaxSegments);
  store_le(config, 20, kSectorSize);
  std::ranges::fill(out, std::byte{0});
  if (offset >= config.size()) return;
  std::copy_n(config.begin() + offset, std::min(out.size(), config.size() - offset), out.begin());
}

Status Block::activate(Activation activation) {
  SM_CHECK(activation.queues.size() == kQueueSizes.size());
  active_ = std::move(activation);
  return {};
}

Result<Progress> Block::on_notify(std::uint16_t queue) {
  SM_CHECK(active_ && queue == 0);
  Queue& requests = active_->queues[0];
  auto progress = Progress::kMore;
  std::uint16_t done = 0;
  for (; done < requests.size(); ++done) {
    auto chain = SM_TRY(requests.pop());
    if (!chain) {
      progress = Progress::kDrained;
      break;
    }
    const std::uint32_t written = SM_TRY(handle(*chain));
    requests.complete(*std::move(chain), written);
  }
  if (done > 0 && requests.needs_interrupt()) active_->raise_irq(queue);
  return progress;
}

// The status is the last writable byte, wherever the driver's buffers begin and end.
Result<std::uint32_t> Block::handle(const Chain& chain) {
  if (chain.writable_bytes == 0) return Error(Errc::kGuestFault, "no room for a status");
  Answer answer;
  std::array<std::byte, blk::kHeaderBytes> header{};
  if (copy_from(chain.readable, 0, header) == header.size()) {
    answer = execute({load_le<std::uint32_t>(header, 0), load_le<std::uint64_t>(header, 8)}, chain);
  }
  const std::array status{std::byte{answer.status}};
  copy_to(chain.writable, chain.writable_bytes - 1, status);
  // The used length promises that the first bytes were written, all of them (2.7.8.2).
  const bool full = answer.data_bytes == chain.writable_bytes - 1;
  return answer.data_bytes + (full ? 1 : 0);
}

Block::Answer Block::execute(const Request& request, const Chain& chain) {
  switch (request.type) {
    case blk::kIn:
      return read(request.sector, chain);
    case blk::kOut:
      return write(request.sector, chain);
    case blk::kFlush:
      return {.status = backend_.flush().ok() ? blk::kOk : blk::kIoError};
    case blk::kGetId:
      return read_id(chain);
    default:
      return {.status = blk::kUnsupported};
  }
}

// Written so that no sum of guest-chosen numbers can overflow.
bool Block::in_range(std::uint64_t sector, std::uint64_t len) const {
  if (len % kSectorSize != 0 || len > kMaxRequestBytes) return false;
  return sector <= state_.capacity_sectors && len / kSectorSize <= state_.capacity_sectors - sector;
}

Block::Answer Block::read(std::uint64_t sector, const Chain& chain) {
  const std::uint32_t len = chain.writable_bytes - 1;
  if (!in_range(sector, len)) return {.status = blk::kIoError};
  data_in_.clear();
  append_range<std::byte>(chain.writable, 0, len, data_in_);
  if (!backend_.read_at(sector * kSectorSize, data_in_).ok()) return {.status = blk::kIoError};
  return {.status = blk::kOk, .data_bytes = len};
}

Block::Answer Block::write(std::uint64_t sector, const Chain& chain) {
  const std::uint32_t len = chain.readable_bytes - static_cast<std::uint32_t>(blk::kHeaderBytes);
  if (backend_.read_only() || !in_range(sector, len)) return {.status = blk::kIoError};
  data_out_.clear();
  append_range<const std::byte>(chain.readable, blk::kHeaderBytes, len, data_out_);
  if (!backend_.write_at(sector * kSectorSize, data_out_).ok()) return {.status = blk::kIoError};
  return {.status = blk::kOk};
}

Block::Answer Block::read_id(const Chain& chain) {
  const std::size_t len = std::min<std::size_t>(chain.writable_bytes - 1, state_.id.size());
  copy_to(chain.writable, 0, std::span(state_.id).first(len));
  return {.status = blk::kOk, .data_bytes = static_cast<std::uint32_t>(len)};
}

}  // namespace supermachine::virtio
