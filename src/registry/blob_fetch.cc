// SPDX-License-Identifier: Apache-2.0
#include "registry/blob_fetch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "base/files.h"
#include "base/sys.h"

namespace supermachine::registry {
namespace {

// The file of an unfinished blob, and the hash of what it holds so far.
class PartialFile final : public BlobSink {
 public:
  // Takes up what is there, unless it is more than there should be.
  static Result<PartialFile> open(const std::string& path, std::uint64_t size,
                                  ProgressReport::Step& step) {
    UniqueFd fd = SM_TRY(sys::open(path, O_RDWR | O_CREAT, 0644));
    PartialFile file(std::move(fd), step);
    const std::uint64_t have = SM_TRY(sys::file_size(file.fd_.get()));
    if (have > size) {
      SM_TRY(file.restart());
    } else {
      SM_TRY(file.hash_existing(have));
    }
    return file;
  }

  [[nodiscard]] std::uint64_t offset() const override { return offset_; }
  Status restart() override {
    SM_TRY(sys::truncate(fd_.get(), 0));
    offset_ = 0;
    hash_ = oci::Sha256();
    step_->set_done(0);
    return {};
  }
  Status write(std::span<const std::byte> bytes) override {
    SM_TRY(write_all_at(fd_.get(), bytes, offset_));
    hash_.add(bytes);
    offset_ += bytes.size();
    step_->set_done(offset_);
    return {};
  }

  Status sync() const { return sys::sync(fd_.get()); }
  oci::Digest finish() { return hash_.finish(); }

 private:
  PartialFile(UniqueFd fd, ProgressReport::Step& step) : fd_(std::move(fd)), step_(&step) {}
  Status hash_existing(std::uint64_t size) {
    std::vector<std::byte> piece(std::size_t{1} << 18);
    while (offset_ < size) {
      const std::size_t got = SM_TRY(sys::pread(
          fd_.get(), std::span(piece).first(std::min<std::uint64_t>(piece.size(), size - offset_)),
          offset_));
      if (got == 0) break;
      hash_.add(std::span(piece).first(got));
      offset_ += got;
    }
    return {};
  }

  UniqueFd fd_;
  ProgressReport::Step* step_;  // not owned; outlives us
  std::uint64_t offset_ = 0;
  oci::Sha256 hash_;
};

Result<FileLock> wait_for_lock(const BlobFetch& how, const oci::Digest& digest,
                               ProgressReport::Step& step) {
  auto at_once = how.store.lock_blob(digest, deadline_in({}), {});
  if (at_once.ok() || at_once.error().code() != Errc::kTimeout) return at_once;
  step.set_note("waiting for another process that downloads it");
  return how.store.lock_blob(digest, how.deadline, how.cancelled);
}

}  // namespace

Status fetch_blob(const BlobFetch& how, const oci::Descriptor& descriptor,
                  RepositoryClient::Connections& connections, ProgressReport::Step& step) {
  const auto is_here = [&] {
    if (!how.store.has_blob(descriptor.digest, descriptor.size)) return false;
    if (how.checks_content && !how.store.small_blob(descriptor.digest)) return false;
    step.set_done(descriptor.size);
    step.set_note("already here");
    step.finish();
    return true;
  };
  if (is_here()) return {};
  const std::string path = how.store.partial_path(descriptor.digest);
  const FileLock lock = SM_TRY(wait_for_lock(how, descriptor.digest, step));
  if (is_here()) return {};
  step.set_note("");

  PartialFile file = SM_TRY(PartialFile::open(path, descriptor.size, step));
  bool resumed = file.offset() != 0;
  if (resumed) {
    step.set_note(
        fmt::format("resumed at {:.1f} MiB", static_cast<double>(file.offset()) / (1 << 20)));
    step.set_done(file.offset());
  }
  auto whom = RepositoryClient::Ask::kMirrorsFirst;
  for (;;) {
    const std::uint64_t begun_at = file.offset();
    Status got = how.client.blob(descriptor, file, connections, whom);
    if (!got.ok()) {
      // What a wrong answer left is no beginning of a right one.
      if (got.error().code() == Errc::kCorrupt) static_cast<void>(sys::unlink(path));
      return got;
    }
    const oci::Digest digest = file.finish();
    if (digest == descriptor.digest) break;
    SM_TRY(file.restart());
    const bool may_be_a_mirrors =
        how.client.has_mirrors() && whom != RepositoryClient::Ask::kRegistryOnly;
    whom = RepositoryClient::Ask::kRegistryOnly;
    if (!std::exchange(resumed, false) && !may_be_a_mirrors) {
      static_cast<void>(sys::unlink(path));
      return Error(
          Errc::kCorrupt,
          fmt::format("blob {}: digest mismatch: got {}; the registry, or a proxy on the way, "
                      "sends something else",
                      descriptor.digest.short_text(), digest.text()));
    }
    step.set_note(begun_at != 0
                      ? fmt::format("the first {} bytes were damaged: begun again", begun_at)
                      : "a mirror sent something else: begun again");
  }
  SM_TRY(file.sync());
  SM_TRY(sys::rename(path, how.store.blob_path(descriptor.digest)));
  step.finish();
  return {};
}

}  // namespace supermachine::registry
