// SPDX-License-Identifier: Apache-2.0
#include "oci/image.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "oci/manifest.h"

namespace supermachine::oci {
namespace {

constexpr std::size_t kMaxListed = 8;

std::string listed(const std::vector<std::string>& words) {
  std::vector<std::string> shown(
      words.begin(),
      words.begin() + static_cast<std::ptrdiff_t>(std::min(words.size(), kMaxListed)));
  if (words.size() > kMaxListed) shown.push_back(fmt::format("{} more", words.size() - kMaxListed));
  return fmt::format("{}", fmt::join(shown, ", "));
}

void add_once(std::vector<std::string>& words, std::string word) {
  if (std::ranges::find(words, word) == words.end()) words.push_back(std::move(word));
}

class Finder {
 public:
  Finder(std::shared_ptr<const BlobSource> blobs, const Reference& reference,
         const Platform& wanted)
      : blobs_(std::move(blobs)), reference_(reference), wanted_(wanted) {}

  Result<Image> find_oci();
  Result<Image> find_docker();

 private:
  Result<std::string> read_index(std::string_view name, std::string_view other_name,
                                 Reference::Kind other_kind, std::string_view missing);
  Result<std::string> read_blob(const Descriptor& descriptor, std::string_view what);
  Result<std::vector<Descriptor>> choose_by_name(std::vector<Descriptor> all);
  Result<std::optional<Image>> search(const Descriptor& descriptor, int depth);
  Result<Image> load(const Descriptor& descriptor, std::string_view manifest_text);
  Result<Image> load_docker(const DockerImage& entry);

  Error named(Error error) const { return std::move(error).with(reference_.path); }
  Error no_such_name(const std::vector<std::string>& names) const;
  Error several(const std::vector<std::string>& names) const;
  Error nothing_fits() const;

  std::shared_ptr<const BlobSource> blobs_;
  const Reference& reference_;
  const Platform& wanted_;
  std::vector<std::string> platforms_;  // seen and not fitting
  std::optional<Error> artifact_;       // why the first that is no image is none
  int visits_ = 0;
};

Error Finder::no_such_name(const std::vector<std::string>& names) const {
  return {Errc::kNotFound, fmt::format("{} holds no image '{}'; it has {}", reference_.path,
                                       reference_.name, names.empty() ? "none" : listed(names))};
}

Error Finder::several(const std::vector<std::string>& names) const {
  return {Errc::kInvalidArgument,
          fmt::format("{} holds several images ({}); name one: {}", reference_.path, listed(names),
                      reference_.text_with_name(names.front()))};
}

Error Finder::nothing_fits() const {
  if (platforms_.empty() && artifact_) return named(*artifact_);
  return {Errc::kNotFound, fmt::format("{} holds no {} image{}", reference_.path, wanted_.text(),
                                       platforms_.empty() ? "" : "; it has " + listed(platforms_))};
}

Result<std::string> Finder::read_index(std::string_view name, std::string_view other_name,
                                       Reference::Kind other_kind, std::string_view missing) {
  auto text = read_small(*blobs_, name, kMaxJsonBytes);
  if (text.ok() || text.error().code() != Errc::kNotFound) {
    return text.ok() ? std::move(text) : Result<std::string>(named(std::move(text).error()));
  }
  const auto other = blobs_->open(other_name);
  if (other.ok() && other.value()) {
    Reference right = reference_;
    right.kind = other_kind;
    return Error(Errc::kInvalidArgument,
                 fmt::format("{}: {}; use {}", reference_.path, missing, right.text()));
  }
  return Error(Errc::kCorrupt,
               fmt::format("{}: not an OCI or docker archive (no {})", reference_.path, name));
}

Result<std::string> Finder::read_blob(const Descriptor& descriptor, std::string_view what) {
  const std::string label = fmt::format("{} {}", what, descriptor.digest.short_text());
  auto text = read_small(*blobs_, "blobs/sha256/" + descriptor.digest.hex(), kMaxJsonBytes);
  if (!text.ok() && text.error().code() == Errc::kNotFound) {
    return named({Errc::kCorrupt, label + " is missing; the archive is damaged, fetch it again"});
  }
  if (!text.ok()) return named(std::move(text).error().with(label));
  const Digest got = Sha256::of(text.value());
  if (got != descriptor.digest) {
    return named({Errc::kCorrupt,
                  fmt::format("{}: digest mismatch: got {}; the archive is damaged, fetch it again",
                              label, got.text())});
  }
  return text;
}

Result<std::vector<Descriptor>> Finder::choose_by_name(std::vector<Descriptor> all) {
  std::erase_if(all, [](const Descriptor& it) { return it.is_attestation(); });
  std::vector<std::string> names;
  std::set<Digest> of_names;
  for (const Descriptor& it : all) {
    if (it.name().empty()) continue;
    add_once(names, it.name());
    of_names.insert(it.digest);
  }
  if (reference_.name.empty()) {
    // Two names of one image are no choice, and one name may cover several platforms.
    if (names.size() > 1 && of_names.size() > 1) return several(names);
    return all;
  }
  if (names.empty()) {
    for (const Descriptor& it : all) add_once(names, it.digest.text());
  }
  std::erase_if(all, [&](const Descriptor& it) {
    return it.name() != reference_.name && it.digest.text() != reference_.name;
  });
  if (all.empty()) return no_such_name(names);
  return all;
}

Result<Image> Finder::load(const Descriptor& descriptor, std::string_view manifest_text) {
  auto parsed = parse_manifest(manifest_text);
  if (!parsed.ok()) return named(std::move(parsed).error());
  const Manifest manifest = std::move(parsed).value();
  const std::string config_text = SM_TRY(read_blob(manifest.config, "configuration"));
  auto config = parse_image_config(config_text);
  if (!config.ok()) return named(std::move(config).error());

  Image image;
  image.name = descriptor.name();
  image.digest = descriptor.digest;
  image.config = std::move(config).value();
  image.blobs = blobs_;
  if (image.config.diff_ids.size() != manifest.layers.size()) {
    return named(
        {Errc::kCorrupt, fmt::format("manifest has {} layers, its configuration {}",
                                     manifest.layers.size(), image.config.diff_ids.size())});
  }
  for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
    const Descriptor& layer = manifest.layers[i];
    image.layers.push_back({"blobs/sha256/" + layer.digest.hex(), layer.media_type, layer.digest,
                            layer.size, image.config.diff_ids[i]});
  }
  return image;
}

// The first image below `descriptor` that fits, as the specification asks of readers.
Result<std::optional<Image>> Finder::search(const Descriptor& descriptor, int depth) {
  if (++visits_ > kMaxVisits || depth > kMaxIndexDepth) {
    return named({Errc::kCorrupt, "indexes refer to too many others"});
  }
  if (descriptor.is_attestation()) return std::optional<Image>();
  if (descriptor.is_index()) {
    const std::string text = SM_TRY(read_blob(descriptor, "index"));
    auto entries = parse_index(text);
    if (!entries.ok()) return named(std::move(entries).error());
    for (const Descriptor& entry : entries.value()) {
      auto found = SM_TRY(search(entry, depth + 1));
      if (!found) continue;
      found->digest = entry.is_index() ? found->digest : entry.digest;
      return found;
    }
    return std::optional<Image>();
  }
  if (!descriptor.is_manifest() && !descriptor.media_type.empty()) return std::optional<Image>();
  const bool says = descriptor.platform && !descriptor.platform->architecture.empty();
  if (says && !descriptor.platform->fits(wanted_)) {
    add_once(platforms_, descriptor.platform->text());
    return std::optional<Image>();
  }
  const std::string manifest = SM_TRY(read_blob(descriptor, "manifest"));
  if (says) return std::optional(SM_TRY(load(descriptor, manifest)));
  if (auto why = why_no_image(manifest)) {
    if (!artifact_) artifact_ = std::move(why);
    return std::optional<Image>();
  }
  Image image = SM_TRY(load(descriptor, manifest));
  const Platform platform{image.config.os, image.config.architecture, {}};
  if (!platform.fits(wanted_)) {
    add_once(platforms_, platform.text());
    return std::optional<Image>();
  }
  return std::optional(std::move(image));
}

Result<Image> Finder::find_oci() {
  const std::string text = SM_TRY(read_index(
      "index.json", "manifest.json", Reference::Kind::kDockerArchive, "holds a docker archive"));
  auto entries = parse_index(text);
  if (!entries.ok()) return named(std::move(entries).error());
  const auto candidates = SM_TRY(choose_by_name(std::move(entries).value()));
  std::optional<Image> found;
  std::vector<std::string> fitting;
  for (const Descriptor& candidate : candidates) {
    auto image = SM_TRY(search(candidate, 0));
    if (!image) continue;
    if (image->name.empty()) image->name = candidate.name();
    const bool is_same = found && found->digest == image->digest;
    if (!is_same) fitting.push_back(candidate.digest.text());
    if (!found) found = std::move(image);
  }
  if (!found) return nothing_fits();
  if (fitting.size() > 1) return several(fitting);
  return *std::move(found);
}

Result<Image> Finder::load_docker(const DockerImage& entry) {
  auto text = read_small(*blobs_, entry.config, kMaxJsonBytes);
  if (!text.ok()) return named(std::move(text).error());
  Image image;
  image.digest = Sha256::of(text.value());
  // The member goes by its digest: "<hex>.json", or "blobs/sha256/<hex>" of late.
  std::string_view stem = entry.config;
  stem = stem.substr(stem.rfind('/') + 1);
  if (stem.ends_with(".json")) stem.remove_suffix(5);
  const auto claimed = Digest::parse(fmt::format("sha256:{}", stem));
  if (claimed.ok() && claimed.value() != image.digest) {
    return named({Errc::kCorrupt,
                  fmt::format("configuration {}: digest mismatch: got {}; the archive is damaged, "
                              "fetch it again",
                              claimed.value().short_text(), image.digest.text())});
  }
  auto config = parse_image_config(text.value());
  if (!config.ok()) return named(std::move(config).error());
  image.config = std::move(config).value();
  if (!entry.tags.empty()) image.name = entry.tags.front();
  image.blobs = blobs_;
  if (image.config.diff_ids.size() != entry.layers.size()) {
    return named({Errc::kCorrupt, fmt::format("manifest has {} layers, its configuration {}",
                                              entry.layers.size(), image.config.diff_ids.size())});
  }
  for (std::size_t i = 0; i < entry.layers.size(); ++i) {
    image.layers.push_back({entry.layers[i], {}, {}, 0, image.config.diff_ids[i]});
  }
  return image;
}

Result<Image> Finder::find_docker() {
  const std::string text = SM_TRY(read_index("manifest.json", "index.json",
                                             Reference::Kind::kOciArchive, "holds an OCI archive"));
  auto entries = parse_docker_manifest(text);
  if (!entries.ok()) return named(std::move(entries).error());
  std::vector<std::string> names;
  std::optional<Image> found;
  std::vector<std::string> fitting;
  bool any = false;
  for (const DockerImage& entry : entries.value()) {
    // "busybox" is "busybox:latest", and may be written in full:
    // "docker.io/library/busybox:latest".
    const auto is_meant = [&](const std::string& tag) {
      const std::string in_full = "/" + reference_.name;
      return tag == reference_.name || tag == reference_.name + ":latest" ||
             tag.ends_with(in_full) || tag.ends_with(in_full + ":latest");
    };
    for (const std::string& tag : entry.tags) add_once(names, tag);
    if (!reference_.name.empty() && std::ranges::none_of(entry.tags, is_meant)) continue;
    any = true;
    Image image = SM_TRY(load_docker(entry));
    if (!reference_.name.empty()) image.name = reference_.name;
    const Platform platform{image.config.os, image.config.architecture, {}};
    if (!platform.fits(wanted_)) {
      add_once(platforms_, platform.text());
      continue;
    }
    if (!found || found->digest != image.digest) {
      fitting.push_back(image.name.empty() ? image.digest.text() : image.name);
    }
    if (!found) found = std::move(image);
  }
  if (!any && !reference_.name.empty()) return no_such_name(names);
  if (!found) return nothing_fits();
  if (fitting.size() > 1) return several(fitting);
  return *std::move(found);
}

}  // namespace

Result<Image> find_image(std::shared_ptr<const BlobSource> blobs, const Reference& reference,
                         const Platform& wanted) {
  Finder finder(std::move(blobs), reference, wanted);
  return reference.kind == Reference::Kind::kDockerArchive ? finder.find_docker()
                                                           : finder.find_oci();
}

Result<Image> open_image(const Reference& reference, const Platform& wanted) {
  if (reference.kind == Reference::Kind::kRegistry) {
    return Error(Errc::kInvalidArgument, reference.path + ": in a registry, not on disk");
  }
  std::shared_ptr<const BlobSource> blobs =
      SM_TRY(reference.kind == Reference::Kind::kOciLayout
                 ? LayoutDirectory::open_directory(reference.path)
                 : ArchiveFile::open_file(reference.path));
  return find_image(std::move(blobs), reference, wanted);
}

}  // namespace supermachine::oci
