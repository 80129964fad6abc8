// SPDX-License-Identifier: Apache-2.0
#include "snapshot/writer.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "base/crc32c.h"
#include "base/files.h"
#include "base/regular_file.h"
#include "base/sys.h"
#include "snapshot/limits.h"
#include "snapshot/memory_checksum.h"
#include "snapshot/page_runs.h"
#include "snapshot/restore_file.h"

namespace supermachine {
namespace {

using snapshot::BlockChecksum;
using snapshot::bridge;
using snapshot::checksum_memory;
using snapshot::decode_metadata;
using snapshot::decode_restore_file;
using snapshot::encode_metadata;
using snapshot::encode_restore_file;
using snapshot::end_of;
using snapshot::kMaxBases;
using snapshot::kMaxMemoryMib;
using snapshot::kMaxRuns;
using snapshot::kMemoryFile;
using snapshot::kMetadataFile;
using snapshot::kRestoreFile;
using snapshot::kRootfsFile;
using snapshot::RestoreFile;
using snapshot::Staging;

constexpr std::uint64_t kMib = 1 << 20;
constexpr mode_t kPrivate = 0600;  // what a guest had in memory is nobody else's business

// Each run is a mapping to be made at each restore, which costs more than the zeroes or the base's
// pages between two that are near.
constexpr std::uint64_t kGapOfFull = 63;
constexpr std::uint64_t kGapOfDiff = 0;
constexpr std::size_t kGoodRuns = 512;
static_assert(kGoodRuns <= kMaxRuns);

bool is_zero(std::span<const std::byte> page) {
  // All equal to their neighbour, and the first is zero.
  return page[0] == std::byte{0} && std::memcmp(page.data(), page.data() + 1, page.size() - 1) == 0;
}

std::uint64_t unix_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

Status write_file(const std::string& path, std::span<const std::byte> bytes) {
  const UniqueFd fd = SM_TRY(sys::open(path, O_WRONLY | O_CREAT | O_EXCL, kPrivate));
  auto done = write_all(fd.get(), bytes);
  if (done.ok()) done = sys::sync(fd.get());
  if (!done.ok()) return std::move(done).error().with(path);
  return {};
}

Status check_config(const std::string& target, const SnapshotWriterConfig& config) {
  if (config.memory_mib == 0 || config.memory_mib > kMaxMemoryMib) {
    return Error(Errc::kInvalidArgument,
                 "a snapshot of " + std::to_string(config.memory_mib) + " MiB of memory cannot be");
  }
  std::size_t bases = 0;
  for (const Snapshot* base = config.base.get(); base != nullptr; base = base->base().get()) {
    if (base->metadata().memory_mib != config.memory_mib) {
      return Error(Errc::kInvalidArgument, base->directory() + ": has another memory size");
    }
    std::error_code ignored;  // what is not there is not the same
    if (std::filesystem::equivalent(base->directory(), target, ignored)) {
      return Error(Errc::kInvalidArgument, target + ": a diff cannot replace what it stands on");
    }
    ++bases;
  }
  if (bases > kMaxBases) {
    return Error(Errc::kInvalidArgument,
                 "more than " + std::to_string(kMaxBases) + " bases below a diff");
  }
  return {};
}

}  // namespace

Result<SnapshotWriter> SnapshotWriter::create(const std::string& target,
                                              SnapshotWriterConfig config) {
  SM_TRY(check_config(target, config));
  const SnapshotId id = SM_TRY(SnapshotId::random());
  Staging staging = SM_TRY(Staging::create(target));
  UniqueFd file =
      SM_TRY(sys::open(staging.path_of(kMemoryFile), O_RDWR | O_CREAT | O_EXCL, kPrivate));
  auto sized = sys::truncate(file.get(), config.memory_mib * kMib);
  if (!sized.ok()) return std::move(sized).error().with(kMemoryFile);
  return SnapshotWriter(id, std::move(config), std::move(staging), std::move(file));
}

SnapshotWriter::SnapshotWriter(SnapshotId id, SnapshotWriterConfig config, Staging staging,
                               UniqueFd memory_file)
    : id_(id),
      config_(std::move(config)),
      staging_(std::move(staging)),
      memory_file_(std::move(memory_file)),
      base_(config_.memory_mib * kMib / kPageSize),
      known_(config_.memory_mib * kMib / kPageSize),
      stored_(config_.memory_mib * kMib / kPageSize) {
  if (!is_diff()) return;
  for (const MemoryRun& run : config_.base->memory().runs) {
    base_.insert_run({.first = run.start / kPageSize, .count = run.length / kPageSize});
  }
}

Status SnapshotWriter::write_pages(std::uint64_t offset, std::span<const std::byte> bytes) {
  const std::uint64_t size = config_.memory_mib * kMib;
  if (offset % kPageSize != 0 || bytes.size() % kPageSize != 0 || offset > size ||
      bytes.size() > size - offset) {
    return Error(Errc::kInvalidArgument, "no such pages of guest memory");
  }
  while (!bytes.empty()) {
    const bool zero = is_zero(bytes.first(kPageSize));
    std::size_t length = kPageSize;
    while (length < bytes.size() && is_zero(bytes.subspan(length, kPageSize)) == zero) {
      length += kPageSize;
    }
    auto done = write_stretch(offset, bytes.first(length), zero);
    if (!done.ok()) return std::move(done).error().with(staging_.target() + ": " + kMemoryFile);
    bytes = bytes.subspan(length);
    offset += length;
  }
  return {};
}

// Pages that are all zero, or all not.
Status SnapshotWriter::write_stretch(std::uint64_t offset, std::span<const std::byte> bytes,
                                     bool zero) {
  const PageRun pages{.first = offset / kPageSize, .count = bytes.size() / kPageSize};
  if (zero) return clear_stretch(pages);
  SM_TRY(write_all_at(memory_file_.get(), bytes, offset));
  known_.insert_run(pages);
  stored_.insert_run(pages);
  return {};
}

Status SnapshotWriter::clear_stretch(PageRun pages) {
  bool stored = false;
  for (std::uint64_t page = pages.first; page < end_of(pages); ++page) {
    stored = stored || stored_.contains(page);
    stored_.erase(page);
    base_.contains(page) ? known_.insert(page) : known_.erase(page);
  }
  if (!stored) return {};
  const std::uint64_t offset = pages.first * kPageSize;
  const std::uint64_t length = pages.count * kPageSize;
  auto done = sys::punch_hole(memory_file_.get(), offset, length);
  if (done.ok() || done.error().os_errno() != EOPNOTSUPP) return done;
  return write_all_at(memory_file_.get(), std::vector<std::byte>(length), offset);
}

Status SnapshotWriter::include_rootfs(const std::string& path) {
  const UniqueFd from = SM_TRY(open_regular_file(path));
  const UniqueFd to =
      SM_TRY(sys::open(staging_.path_of(kRootfsFile), O_WRONLY | O_CREAT | O_TRUNC, kPrivate));
  std::vector<std::byte> buffer(kMib);
  std::uint64_t size = 0;
  for (;;) {
    const std::size_t got = SM_TRY(sys::read(from.get(), buffer));
    if (got == 0) break;
    auto done = write_all(to.get(), std::span(buffer).first(got));
    if (!done.ok()) return std::move(done).error().with(staging_.target() + ": " + kRootfsFile);
    size += got;
  }
  SM_TRY(sys::sync(to.get()));
  rootfs_ = SnapshotMetadata::Rootfs{.path = kRootfsFile, .size_bytes = size};
  return {};
}

Result<std::vector<PageRun>> SnapshotWriter::settle_runs() {
  const auto exact = known_.runs();
  std::uint64_t gap = is_diff() ? kGapOfDiff : kGapOfFull;
  auto runs = bridge(exact, gap);
  while (runs.size() > kGoodRuns) {
    gap = 2 * gap + 1;
    runs = bridge(exact, gap);
  }
  if (is_diff()) SM_TRY(fill_gaps(runs));
  return runs;
}

// A run hides what is below it, so what it takes in besides our own pages must be there too.
Status SnapshotWriter::fill_gaps(std::span<const PageRun> runs) {
  for (const PageRun& run : runs) {
    std::uint64_t page = run.first;
    while (page < end_of(run)) {
      std::uint64_t end = page;
      while (end < end_of(run) && !known_.contains(end)) ++end;
      if (end > page) SM_TRY(copy_from_base({.first = page, .count = end - page}));
      page = std::max(end, page + 1);
    }
  }
  return {};
}

Status SnapshotWriter::copy_from_base(PageRun gap) {
  const MemoryImage& image = config_.base->memory();
  const std::uint64_t start = gap.first * kPageSize;
  const std::uint64_t end = end_of(gap) * kPageSize;
  auto run = std::ranges::partition_point(
      image.runs, [&](const MemoryRun& r) { return r.start + r.length <= start; });
  std::vector<std::byte> buffer;
  for (; run != image.runs.end() && run->start < end; ++run) {
    std::uint64_t at = std::max(start, run->start);
    const std::uint64_t stop = std::min(end, run->start + run->length);
    while (at < stop) {
      buffer.resize(std::min(stop - at, kMib));
      SM_TRY(read_exact_at(image.files[run->file], buffer, run->file_offset + (at - run->start)));
      SM_TRY(write_pages(at, buffer));
      at += buffer.size();
    }
  }
  return {};
}

// Next to the base the path stays right when both are moved together.
std::string SnapshotWriter::base_path() const {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path base = fs::canonical(config_.base->directory(), error);
  if (error) return config_.base->directory();
  const fs::path target = staging_.target();
  return base.parent_path() == target.parent_path() ? ".." / base.filename() : base;
}

Status SnapshotWriter::complete(SnapshotMetadata& metadata, const MachineState& state) const {
  metadata.kind = is_diff() ? SnapshotMetadata::Kind::kDiff : SnapshotMetadata::Kind::kFull;
  metadata.id = id_;
  if (metadata.created_unix == 0) metadata.created_unix = unix_now();
  metadata.memory_mib = config_.memory_mib;
  metadata.vcpus = static_cast<std::uint32_t>(state.vcpus.size());
  metadata.stored_bytes = stored_.count() * kPageSize;
  if (rootfs_) metadata.rootfs = *rootfs_;
  metadata.base.reset();
  if (is_diff()) metadata.base = {.path = base_path(), .id = config_.base->id()};
  if (state.memory_mib != config_.memory_mib) {
    return Error(Errc::kInvalidArgument, "the state has another memory size");
  }
  return {};
}

Status SnapshotWriter::finish(SnapshotMetadata metadata, const MachineState& state,
                              const Rehearse& rehearse) {
  if (staging_.path().empty()) {
    return Error(Errc::kInvalidArgument, staging_.target() + " is finished");
  }
  RestoreFile file{.id = id_, .state = state};
  file.runs = SM_TRY(settle_runs());
  for (const BlockChecksum& block : SM_TRY(checksum_memory(memory_file_.get(), file.runs))) {
    file.checksums.push_back(block.crc32c);
  }
  SM_TRY(complete(metadata, state));
  file.kind = metadata.kind;

  // Whatever no reader would take must not be written.
  const std::string text = encode_metadata(metadata);
  const auto metadata_again = decode_metadata(text);
  if (!metadata_again.ok()) {
    return Error(Errc::kInvalidArgument, "metadata: " + metadata_again.error().message());
  }
  if (metadata_again.value() != metadata) {
    return Error(Errc::kInvalidArgument, "metadata: has text that is not UTF-8");
  }
  file.metadata_bytes = text.size();
  file.metadata_crc32c = crc32c(std::as_bytes(std::span(text)));
  const std::vector<std::byte> bytes = encode_restore_file(file);
  const auto file_again = decode_restore_file(bytes);
  if (!file_again.ok()) {
    return Error(Errc::kInvalidArgument, "state: " + file_again.error().message());
  }

  SM_TRY(write_file(staging_.path_of(kMetadataFile), std::as_bytes(std::span(text))));
  SM_TRY(write_file(staging_.path_of(kRestoreFile), bytes));
  auto synced = sys::sync(memory_file_.get());
  if (!synced.ok()) return std::move(synced).error().with(staging_.target() + ": " + kMemoryFile);
  if (rehearse) SM_TRY(rehearse(staging_.path()));
  return staging_.publish();
}

}  // namespace supermachine
