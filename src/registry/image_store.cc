// SPDX-License-Identifier: Apache-2.0
#include "registry/image_store.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>

#include "base/directory.h"
#include "base/json.h"
#include "base/sys.h"
#include "registry/http_client.h"

namespace supermachine::registry {
namespace {

namespace fs = std::filesystem;

constexpr int kVersion = 1;
constexpr std::size_t kMaxRecord = 65536;
constexpr std::size_t kMaxSmallBlob = kMaxJsonBytes;

// Text of one's own.
class TextSource final : public ByteSource {
 public:
  explicit TextSource(std::string text)
      : text_(std::move(text)), left_(std::as_bytes(std::span(text_))) {}
  Result<std::size_t> read(std::span<std::byte> out) override { return left_.read(out); }

 private:
  std::string text_;
  MemorySource left_;
};

// The store as an OCI layout that holds one image.
class StoreBlobs final : public oci::BlobSource {
 public:
  StoreBlobs(std::unique_ptr<oci::BlobSource> files, std::string index)
      : files_(std::move(files)), index_(std::move(index)) {}
  Result<std::optional<oci::Blob>> open(std::string_view name) const override {
    if (name != "index.json") return files_->open(name);
    return std::optional(oci::Blob{std::make_unique<TextSource>(index_), index_.size()});
  }

 private:
  std::unique_ptr<oci::BlobSource> files_;
  std::string index_;
};

Json descriptor_json(const oci::Descriptor& descriptor) {
  return {{"mediaType", descriptor.media_type},
          {"digest", descriptor.digest.text()},
          {"size", descriptor.size}};
}

Result<oci::Digest> digest_of(int fd) {
  oci::Sha256 hash;
  std::vector<std::byte> piece(std::size_t{1} << 18);
  for (;;) {
    const std::size_t got = SM_TRY(sys::read(fd, piece));
    if (got == 0) return hash.finish();
    hash.add(std::span(piece).first(got));
  }
}

Status remove_file(const fs::path& path, PruneReport& report) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  if (error) return {};  // another was faster
  if (!fs::remove(path, error)) {
    return error ? Status(Error::from_errno("remove " + path.string(), error.value())) : Status();
  }
  report.files += 1;
  report.bytes += size;
  return {};
}

}  // namespace

std::string format_record(const StoredImage& stored) {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(stored.pulled_at.time_since_epoch()).count();
  const Json json = {
      {"version", kVersion},
      {"reference", stored.reference.familiar()},
      {"platform", {{"os", stored.platform.os}, {"architecture", stored.platform.architecture}}},
      {"digest", stored.digest.text()},
      {"manifest", descriptor_json(stored.manifest)},
      {"pulled", std::max<std::int64_t>(seconds, 0)}};
  return json.dump(2) + "\n";
}

Result<StoredImage> parse_record(std::string_view text) {
  const Json json = SM_TRY(parse_json(text, "record"));
  if (number_member(json, "version") != std::optional<std::uint64_t>(kVersion)) {
    return Error(Errc::kUnsupported, "record of another version");
  }
  StoredImage out;
  out.reference = SM_TRY(oci::RegistryReference::parse(string_member(json, "reference")));
  out.digest = SM_TRY(oci::Digest::parse(string_member(json, "digest")));
  const Json* platform = find_member(json, "platform");
  const Json* manifest = find_member(json, "manifest");
  const auto size = manifest == nullptr ? std::nullopt : number_member(*manifest, "size");
  const auto pulled = number_member(json, "pulled");
  if (platform == nullptr || !size || !pulled || *pulled > 1ULL << 33) {
    return Error(Errc::kCorrupt, "record lacks a member");
  }
  out.platform = {string_member(*platform, "os"), string_member(*platform, "architecture"), {}};
  out.manifest.media_type = string_member(*manifest, "mediaType");
  out.manifest.digest = SM_TRY(oci::Digest::parse(string_member(*manifest, "digest")));
  out.manifest.size = *size;
  out.pulled_at = std::chrono::system_clock::time_point(
      std::chrono::seconds(static_cast<std::int64_t>(*pulled)));
  return out;
}

std::string ImageStore::record_path(const oci::RegistryReference& reference,
                                    const oci::Platform& platform) const {
  const std::string name = reference.canonical() + " " + platform.os + "/" + platform.architecture;
  return root_ + "/references/" + oci::Sha256::of(name).hex() + ".json";
}

Status ImageStore::make_places() const {
  for (const char* place : {"/blobs/sha256", "/partial", "/references"}) {
    SM_TRY(make_directories(root_ + place));
  }
  return {};
}

Result<SharedLock> ImageStore::use(Deadline deadline) const {
  SM_TRY(make_places());
  return SharedLock::share(root_ + "/lock", deadline);
}

bool ImageStore::has_blob(const oci::Digest& digest, std::uint64_t size) const {
  std::error_code error;
  const std::uintmax_t got = fs::file_size(blob_path(digest), error);
  return !error && got == size;
}

std::optional<std::string> ImageStore::small_blob(const oci::Digest& digest) const {
  auto text = read_file(blob_path(digest), kMaxSmallBlob);
  if (!text.ok() || oci::Sha256::of(text.value()) != digest) return std::nullopt;
  return std::move(text).value();
}

Status ImageStore::put_blob(const std::string& bytes, const oci::Digest& digest) const {
  if (small_blob(digest)) return {};
  AtomicFile file = SM_TRY(AtomicFile::create(blob_path(digest)));
  SM_TRY(write_all(file.fd(), std::as_bytes(std::span(bytes))));
  return file.commit();
}

Status ImageStore::record(const StoredImage& stored) const {
  AtomicFile file = SM_TRY(AtomicFile::create(record_path(stored.reference, stored.platform)));
  const std::string text = format_record(stored);
  SM_TRY(write_all(file.fd(), std::as_bytes(std::span(text))));
  return file.commit();
}

bool ImageStore::is_whole(const StoredImage& stored) const {
  const auto text = small_blob(stored.manifest.digest);
  if (!text) return false;
  const auto manifest = oci::parse_manifest(*text);
  return manifest.ok() && small_blob(manifest.value().config.digest).has_value();
}

Result<std::optional<StoredImage>> ImageStore::resolve(const oci::RegistryReference& reference,
                                                       const oci::Platform& platform) const {
  const auto text = read_file(record_path(reference, platform), kMaxRecord);
  if (text.ok()) {
    auto stored = parse_record(text.value());
    if (stored.ok() && stored.value().reference.canonical() == reference.canonical() &&
        is_whole(stored.value())) {
      return std::optional(std::move(stored).value());
    }
  }
  if (reference.digest.text().empty()) return std::optional<StoredImage>();
  for (StoredImage& stored : SM_TRY(list())) {
    const bool is_same =
        stored.digest == reference.digest || stored.manifest.digest == reference.digest;
    if (is_same && stored.reference.name() == reference.name() && stored.platform.fits(platform) &&
        is_whole(stored)) {
      return std::optional(std::move(stored));
    }
  }
  return std::optional<StoredImage>();
}

Result<std::vector<StoredImage>> ImageStore::list() const {
  std::vector<StoredImage> out;
  for (const fs::path& path : SM_TRY(list_directory(root_ + "/references"))) {
    if (path.extension() != ".json") continue;
    const auto text = read_file(path.string(), kMaxRecord);
    if (!text.ok()) continue;
    auto stored = parse_record(text.value());
    if (stored.ok()) out.push_back(std::move(stored).value());
  }
  std::ranges::sort(out, {}, [](const StoredImage& it) { return it.reference.canonical(); });
  return out;
}

Result<bool> ImageStore::remove(const oci::RegistryReference& reference) const {
  bool any = false;
  for (const StoredImage& stored : SM_TRY(list())) {
    if (stored.reference.canonical() != reference.canonical()) continue;
    Status gone = sys::unlink(record_path(stored.reference, stored.platform));
    if (!gone.ok() && gone.error().os_errno() != ENOENT) return std::move(gone).error();
    any = any || gone.ok();
  }
  return any;
}

Result<std::vector<oci::Digest>> ImageStore::reachable() const {
  std::vector<oci::Digest> out;
  for (const StoredImage& stored : SM_TRY(list())) {
    out.push_back(stored.digest);
    out.push_back(stored.manifest.digest);
    const auto text = small_blob(stored.manifest.digest);
    if (!text) continue;
    const auto manifest = oci::parse_manifest(*text);
    if (!manifest.ok()) continue;
    out.push_back(manifest.value().config.digest);
    for (const oci::Descriptor& layer : manifest.value().layers) out.push_back(layer.digest);
  }
  return out;
}

Result<SharedLock> ImageStore::use_alone(Deadline deadline) const {
  SM_TRY(make_places());
  return SharedLock::alone(root_ + "/lock", deadline);
}

Result<PruneReport> ImageStore::prune(const SharedLock& /*alone*/) const {
  PruneReport report;
  std::set<std::string> wanted;
  for (const oci::Digest& digest : SM_TRY(reachable())) wanted.insert(digest.hex());
  for (const fs::path& path : SM_TRY(list_directory(root_ + "/blobs/sha256"))) {
    // Names that are no digest were left by a writer that was killed.
    if (!wanted.contains(path.filename().string())) SM_TRY(remove_file(path, report));
  }
  for (const fs::path& path : SM_TRY(list_directory(root_ + "/partial")))
    SM_TRY(remove_file(path, report));
  for (const fs::path& path : SM_TRY(list_directory(root_ + "/references"))) {
    const auto text = read_file(path.string(), kMaxRecord);
    if (!text.ok() || !parse_record(text.value()).ok()) SM_TRY(remove_file(path, report));
  }
  return report;
}

Result<oci::Image> ImageStore::open(const StoredImage& stored) const {
  const Json index = {{"schemaVersion", 2},
                      {"manifests", Json::array({descriptor_json(stored.manifest)})}};
  auto files = SM_TRY(oci::LayoutDirectory::open_directory(root_));
  oci::Reference reference{
      oci::Reference::Kind::kRegistry, stored.reference.familiar(), {}, stored.reference};
  oci::Image image = SM_TRY(oci::find_image(
      std::make_shared<StoreBlobs>(std::move(files), index.dump()), reference, stored.platform));
  image.name = stored.reference.familiar();
  return image;
}

Result<std::uint64_t> ImageStore::size_of(const StoredImage& stored) const {
  std::uint64_t size = stored.manifest.size;
  for (const oci::Layer& layer : SM_TRY(open(stored)).layers) size += layer.size;
  return size;
}

Result<FileLock> ImageStore::lock_blob(const oci::Digest& digest, Deadline deadline,
                                       const std::function<bool()>& cancelled) const {
  constexpr auto kLook = std::chrono::milliseconds(200);
  const std::string path = partial_path(digest) + ".lock";
  for (;;) {
    auto lock = FileLock::acquire(path, std::min(deadline_in(kLook), deadline));
    if (lock.ok() || lock.error().code() != Errc::kTimeout) return lock;
    if (cancelled && cancelled()) return cancelled_error();
    if (std::chrono::steady_clock::now() >= deadline) return lock;
  }
}

Status ImageStore::drop_damaged(const oci::Image& image, Deadline deadline,
                                const std::function<bool()>& cancelled) const {
  SM_TRY(make_places());
  for (const oci::Layer& layer : image.layers) {
    const std::string path = blob_path(layer.digest);
    // Without it, what we find damaged may be the whole one that another has just put there by the
    // time we remove it.
    const FileLock lock = SM_TRY(lock_blob(layer.digest, deadline, cancelled));
    const auto file = sys::open(path, O_RDONLY);
    if (!file.ok() || SM_TRY(digest_of(file.value().get())) == layer.digest) continue;
    Status gone = sys::unlink(path);
    if (!gone.ok() && gone.error().os_errno() != ENOENT) return gone;
  }
  return {};
}

}  // namespace supermachine::registry
