// SPDX-License-Identifier: Apache-2.0
#include "registry/pull.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "base/mutex.h"
#include "base/quiet_thread.h"
#include "registry/blob_fetch.h"

namespace supermachine::registry {
namespace {

constexpr std::size_t kMaxListed = 8;

struct Chosen {
  ManifestDocument top;   // what the reference means
  oci::Descriptor found;  // the platform's manifest; it is in the store
};

class Puller {
 public:
  Puller(const oci::RegistryReference& reference, const PullOptions& options,
         ProgressReport& progress)
      : reference_(reference), options_(options), progress_(progress), store_(options.cache_dir) {}

  Result<Pulled> run();

 private:
  Result<std::optional<Pulled>> find_whole();
  Result<StoredImage> ask_registry(const std::optional<StoredImage>& before);
  Result<oci::Descriptor> choose(const ManifestDocument& document, int depth);
  Result<bool> fits(const ManifestDocument& manifest);
  Result<ManifestDocument> document_of(const oci::Descriptor& descriptor);
  Status fetch_small(const oci::Descriptor& descriptor, std::string_view what);
  Result<bool> fetch_layers(const oci::Image& image);  // whether anything was downloaded
  Status fetch_missing(const std::vector<oci::Descriptor>& missing);
  Status connect();
  void add_platform(const oci::Platform& platform);
  Error no_such_platform() const;

  const oci::RegistryReference& reference_;
  const PullOptions& options_;
  ProgressReport& progress_;
  ImageStore store_;
  std::atomic<bool> stop_ = false;  // one download failed
  const std::function<bool()> cancelled_ = [this] {
    return stop_ || (options_.cancelled && options_.cancelled());
  };
  std::unique_ptr<RepositoryClient> client_;  // when the registry is needed
  RepositoryClient::Connections connections_;
  std::vector<std::string> platforms_;  // seen and not fitting
  std::optional<Error> artifact_;       // why the first that is no image is none
  int visits_ = 0;                      // of entries of indexes
};

Status Puller::connect() {
  if (client_) return {};
  client_ = SM_TRY(RepositoryClient::create(reference_, {.environment = options_.environment,
                                                         .http = options_.http,
                                                         .retry = options_.retry,
                                                         .metadata_retry = options_.metadata_retry,
                                                         .cancelled = cancelled_}));
  return {};
}

void Puller::add_platform(const oci::Platform& platform) {
  std::string text = platform.text();
  if (std::ranges::find(platforms_, text) == platforms_.end())
    platforms_.push_back(std::move(text));
}

Error Puller::no_such_platform() const {
  std::vector<std::string> shown = platforms_;
  if (shown.size() > kMaxListed) {
    shown.resize(kMaxListed);
    shown.push_back(fmt::format("{} more", platforms_.size() - kMaxListed));
  }
  return {Errc::kNotFound,
          fmt::format("there is no {} image; there is {}", options_.platform.text(),
                      shown.empty() ? "none at all" : fmt::format("{}", fmt::join(shown, ", ")))};
}

// From the store, or else from the registry and then into the store.
Result<ManifestDocument> Puller::document_of(const oci::Descriptor& descriptor) {
  if (auto text = store_.small_blob(descriptor.digest)) {
    return ManifestDocument{*std::move(text), descriptor.media_type, descriptor.digest};
  }
  ManifestDocument document = SM_TRY(client_->manifest(descriptor.digest.text(), connections_));
  SM_TRY(store_.put_blob(document.text, document.digest));
  return document;
}

// Of a manifest whose index says no platform: its configuration does, unless it is of no image.
Result<bool> Puller::fits(const ManifestDocument& manifest) {
  if (auto why = oci::why_no_image(manifest.text)) {
    if (!artifact_) artifact_ = std::move(why);
    return false;
  }
  const oci::Descriptor config = SM_TRY(oci::parse_manifest(manifest.text)).config;
  SM_TRY(fetch_small(config, "configuration"));
  const oci::ImageConfig parsed =
      SM_TRY(oci::parse_image_config(store_.small_blob(config.digest).value_or("")));
  const oci::Platform platform{parsed.os, parsed.architecture, {}};
  if (platform.fits(options_.platform)) return true;
  add_platform(platform);
  return false;
}

// The first that fits, as oci::find_image() searches.
Result<oci::Descriptor> Puller::choose(const ManifestDocument& document, int depth) {
  oci::Descriptor self;
  self.media_type = document.media_type;
  self.digest = document.digest;
  self.size = document.text.size();
  if (self.is_manifest()) return self;
  if (!self.is_index()) {
    return Error(Errc::kUnsupported, fmt::format("the registry's answer is no image but '{:.100}'",
                                                 document.media_type));
  }
  const auto entries = SM_TRY(oci::parse_index(document.text));
  for (const oci::Descriptor& entry : entries) {
    if (++visits_ > oci::kMaxVisits || depth > oci::kMaxIndexDepth) {
      return Error(Errc::kCorrupt, "indexes refer to too many others");
    }
    if (cancelled_()) return cancelled_error();
    if (entry.is_attestation() || (!entry.is_manifest() && !entry.is_index())) continue;
    const bool says = entry.platform && !entry.platform->architecture.empty();
    if (says && !entry.platform->fits(options_.platform)) {
      add_platform(*entry.platform);
      continue;
    }
    const ManifestDocument child = SM_TRY(document_of(entry));
    if (entry.is_manifest() && !says && !SM_TRY(fits(child))) continue;
    auto found = choose(child, depth + 1);
    if (found.ok() || found.error().code() != Errc::kNotFound) return found;
  }
  if (depth == 0 && platforms_.empty() && artifact_) return *artifact_;
  return no_such_platform();
}

Status Puller::fetch_small(const oci::Descriptor& descriptor, std::string_view what) {
  if (descriptor.size > kMaxManifestBytes) {
    return Error(Errc::kCorrupt,
                 fmt::format("{} is longer than {} bytes", what, kMaxManifestBytes));
  }
  ProgressReport::Step silent;
  return fetch_blob({store_, *client_, cancelled_, options_.deadline, /*checks_content=*/true},
                    descriptor, connections_, silent);
}

// What the reference means there now; manifest and configuration are in the store then.
Result<StoredImage> Puller::ask_registry(const std::optional<StoredImage>& before) {
  SM_TRY(connect());
  auto step = progress_.begin(Stage::kResolve, reference_.familiar());
  if (before && reference_.digest.text().empty()) {
    const auto digest = client_->digest_of_tag(reference_.tag, connections_);
    if (digest && *digest == before->digest) {
      step.set_note(digest->text() + ", unchanged");
      step.finish();
      return *before;
    }
  }
  const ManifestDocument top = SM_TRY(client_->manifest(reference_.wanted(), connections_));
  SM_TRY(store_.put_blob(top.text, top.digest));
  const oci::Descriptor chosen = SM_TRY(choose(top, 0));
  StoredImage stored{reference_, options_.platform, top.digest, chosen,
                     std::chrono::system_clock::now()};
  const oci::Manifest manifest =
      SM_TRY(oci::parse_manifest(SM_TRY(document_of(stored.manifest)).text));
  SM_TRY(fetch_small(manifest.config, "configuration"));
  step.set_note(top.digest.text());
  step.finish();
  return stored;
}

Status Puller::fetch_missing(const std::vector<oci::Descriptor>& missing) {
  std::atomic<std::size_t> next = 0;
  SM_TRY(connect());
  Mutex mutex;
  std::optional<Error> first_error;
  const auto work = [&] {
    RepositoryClient::Connections connections;
    while (!stop_) {
      const std::size_t i = next++;
      if (i >= missing.size()) return;
      auto step = progress_.begin(Stage::kDownload, "layer " + missing[i].digest.short_text(),
                                  missing[i].size);
      Status got = fetch_blob({store_, *client_, cancelled_, options_.deadline}, missing[i],
                              connections, step);
      if (got.ok()) continue;
      const MutexLock lock(mutex);
      if (!first_error) first_error.emplace(std::move(got).error());
      stop_ = true;  // the others end their requests
    }
  };
  std::vector<QuietThread> threads;
  const std::size_t count =
      std::min(missing.size(), static_cast<std::size_t>(std::clamp(options_.parallel, 1, 16)));
  // One thread takes longer than many.
  for (std::size_t i = 0; i < count; ++i) {
    auto thread = start_quiet_thread("sm-pull", work);
    if (!thread.ok() && threads.empty()) return std::move(thread).error();
    if (!thread.ok()) break;
    threads.push_back(std::move(thread).value());
  }
  for (QuietThread& thread : threads) thread.join();
  if (first_error) return *std::move(first_error);
  return {};
}

Result<bool> Puller::fetch_layers(const oci::Image& image) {
  std::vector<oci::Descriptor> missing;
  for (const oci::Layer& layer : image.layers) {
    oci::Descriptor descriptor;
    descriptor.digest = layer.digest;
    descriptor.size = layer.size;
    if (store_.has_blob(layer.digest, layer.size)) {
      auto step = progress_.begin(Stage::kDownload, "layer " + layer.digest.short_text(),
                                  layer.size, "already here");
      step.set_done(layer.size);
      step.finish();
    } else if (std::ranges::find(missing, layer.digest, &oci::Descriptor::digest) ==
               missing.end()) {
      missing.push_back(std::move(descriptor));
    }
  }
  if (missing.empty()) return false;
  if (options_.policy == PullPolicy::kNever) {
    return Error(Errc::kNotFound,
                 "not all of its layers are in the cache, and the pull policy is "
                 "never; 'supermachine pull' fetches them");
  }
  SM_TRY(fetch_missing(missing));
  return true;
}

// What is here and needs nothing more. Takes no lock and writes nothing, so that a cache may be
// read-only.
Result<std::optional<Pulled>> Puller::find_whole() {
  if (options_.policy == PullPolicy::kAlways || !options_.wants_layers) {
    return std::optional<Pulled>();
  }
  auto stored = SM_TRY(store_.resolve(reference_, options_.platform));
  if (!stored || stored->reference.canonical() != reference_.canonical()) {
    return std::optional<Pulled>();
  }
  oci::Image image = SM_TRY(store_.open(*stored));
  if (options_.wants_layers(image)) return std::optional<Pulled>();
  return std::optional(Pulled{*std::move(stored), std::move(image), true, std::nullopt});
}

Result<Pulled> Puller::run() {
  if (auto whole = SM_TRY(find_whole())) return *std::move(whole);
  SharedLock in_use = SM_TRY(store_.use(options_.deadline));
  const auto before = SM_TRY(store_.resolve(reference_, options_.platform));
  const bool asks = options_.policy == PullPolicy::kAlways ||
                    (options_.policy == PullPolicy::kMissing && !before);
  if (!before && !asks) {
    return Error(Errc::kNotFound,
                 fmt::format("it is not in the cache, and the pull policy is never; 'supermachine "
                             "pull {}' fetches it",
                             reference_.familiar()));
  }
  StoredImage stored = asks ? SM_TRY(ask_registry(before)) : *before;
  bool was_here = before && before->digest == stored.digest;
  oci::Image image = SM_TRY(store_.open(stored));
  if (!options_.wants_layers || options_.wants_layers(image)) {
    if (SM_TRY(fetch_layers(image))) was_here = false;
  }
  const bool is_new = !before || before->reference.canonical() != reference_.canonical() || asks;
  if (is_new) {
    stored.reference = reference_;
    stored.pulled_at = std::chrono::system_clock::now();
    SM_TRY(store_.record(stored));
  }
  return Pulled{std::move(stored), std::move(image), was_here, std::move(in_use)};
}

}  // namespace

Result<Pulled> pull(const oci::RegistryReference& reference, const PullOptions& options,
                    ProgressReport& progress) {
  auto pulled = Puller(reference, options, progress).run();
  // What names the reference itself need not say it twice.
  const std::string name = reference.familiar();
  if (pulled.ok() || pulled.error().message().starts_with(name + ":")) return pulled;
  return std::move(pulled).error().with(name);
}

}  // namespace supermachine::registry
