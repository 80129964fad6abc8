// SPDX-License-Identifier: Apache-2.0
// Pulls from a registry that behaves, and what they leave in the store.
#include "registry/pull.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/files.h"
#include "fake_registry.h"
#include "result_matchers.h"

namespace supermachine::registry {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr const char* kIndexType = "application/vnd.oci.image.index.v1+json";

OciImage two_layers() {
  return OciImage::of({OciImage::gzipped(TarWriter().file("a", std::string(50'000, 'a'))),
                       OciImage::plain(TarWriter().file("b", std::string(200'000, 'b')))});
}

class PullTest : public ::testing::Test {
 protected:
  Result<Pulled> pull_it(const std::string& reference, PullPolicy policy = PullPolicy::kMissing) {
    PullOptions how = options();
    how.policy = policy;
    ProgressReport report([&](const Progress& progress) {
      if (progress.finished) ends_.push_back(progress);
    });
    return pull(oci::RegistryReference::parse(reference).value(), how, report);
  }
  [[nodiscard]] PullOptions options() const {
    PullOptions how;
    how.cache_dir = dir_.path() + "/cache";
    how.environment = {.config_home = dir_.path() + "/config", .certs_dirs = {}};
    how.retry = {.attempts = 3, .first_wait = std::chrono::milliseconds(1)};
    how.metadata_retry = how.retry;
    return how;
  }
  [[nodiscard]] std::size_t files_in(const std::string& place) const {
    std::error_code missing;
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(dir_.path() + "/cache/images/" + place, missing), {}));
  }
  [[nodiscard]] ImageStore store() const { return ImageStore(dir_.path() + "/cache"); }

  TempDir dir_ = TempDir::create().value();
  std::vector<Progress> ends_;
};

TEST_F(PullTest, BringsAnImageIntoTheStore) {
  FakeRegistry registry(two_layers());

  SM_ASSERT_OK_AND_ASSIGN(const Pulled pulled, pull_it(registry.reference()));

  EXPECT_FALSE(pulled.was_here);
  EXPECT_EQ(pulled.image.layers.size(), 2U);
  EXPECT_EQ(pulled.image.digest.text(), registry.digest_of("1"));
  EXPECT_EQ(pulled.image.name, registry.reference());
  EXPECT_EQ(files_in("blobs/sha256"), 4U);
  EXPECT_EQ(files_in("partial"), 0U);
  ASSERT_EQ(ends_.size(), 3U);
  EXPECT_EQ(ends_[0].stage, Stage::kResolve);
  EXPECT_EQ(ends_[1].done, ends_[1].total);
}

TEST_F(PullTest, AsksNobodyForWhatIsHere) {
  FakeRegistry registry(two_layers());
  ASSERT_THAT(pull_it(registry.reference()), IsOk());
  const std::size_t before = registry.server().requests().size();

  SM_ASSERT_OK_AND_ASSIGN(const Pulled missing, pull_it(registry.reference()));
  SM_ASSERT_OK_AND_ASSIGN(const Pulled never, pull_it(registry.reference(), PullPolicy::kNever));

  EXPECT_TRUE(missing.was_here);
  EXPECT_TRUE(never.was_here);
  EXPECT_EQ(registry.server().requests().size(), before);
}

TEST_F(PullTest, AsksAndDownloadsNothingThatIsUnchanged) {
  FakeRegistry registry(two_layers());
  ASSERT_THAT(pull_it(registry.reference()), IsOk());
  const std::size_t before = registry.server().requests().size();

  SM_ASSERT_OK_AND_ASSIGN(const Pulled pulled, pull_it(registry.reference(), PullPolicy::kAlways));

  EXPECT_TRUE(pulled.was_here);
  EXPECT_EQ(registry.server().requests().size(), before + 1);
  EXPECT_EQ(registry.server().requests().back().method, "HEAD");
}

TEST_F(PullTest, DownloadsOnlyTheLayersThatChanged) {
  FakeRegistry registry(two_layers());
  ASSERT_THAT(pull_it(registry.reference()), IsOk());
  OciImage newer;
  const std::vector layers{OciImage::gzipped(TarWriter().file("a", std::string(50'000, 'a'))),
                           OciImage::plain(TarWriter().file("c", "new"))};
  newer.set_index({newer.add_manifest(layers)});
  FakeRegistry other(newer);
  registry.guard([&](const ServedRequest& request, ServedConnection& connection) {
    other.serve(request, connection);
    return true;
  });

  SM_ASSERT_OK_AND_ASSIGN(const Pulled pulled, pull_it(registry.reference(), PullPolicy::kAlways));

  EXPECT_FALSE(pulled.was_here);
  EXPECT_EQ(pulled.image.digest.text(), other.digest_of("1"));
  EXPECT_EQ(registry.server().count(layers[0].diff_id), 0U);
  EXPECT_EQ(registry.server().count("blobs/" + OciImage::digest(layers[0].blob)), 1U);  // the first
  EXPECT_EQ(registry.server().count("blobs/" + OciImage::digest(layers[1].blob)), 1U);
}

TEST_F(PullTest, SaysWhatToDoWhenItMayNotAsk) {
  EXPECT_THAT(pull_it("localhost:1/x", PullPolicy::kNever),
              FailsSaying(Errc::kNotFound, "'supermachine pull localhost:1/x:latest'"));
}

TEST_F(PullTest, ChoosesThePlatformOfAnIndex) {
  OciImage image;
  const std::vector layers{OciImage::plain(TarWriter().file("a"))};
  image.set_index(
      {OciImage::for_platform(image.add_manifest(layers, OciImage::config(layers, "arm64")),
                              "linux", "arm64"),
       OciImage::for_platform(image.add_manifest(layers), "linux", "amd64")});
  FakeRegistry registry(image);

  SM_ASSERT_OK_AND_ASSIGN(const Pulled pulled, pull_it(registry.reference()));

  EXPECT_EQ(pulled.image.config.architecture, "amd64");
  EXPECT_EQ(pulled.stored.digest.text(), registry.digest_of("1"));
  EXPECT_NE(pulled.stored.digest, pulled.image.digest);
}

// As from a file: oci/image_test.cc, FallsBackToTheArchitectureOfTheConfiguration.
TEST_F(PullTest, FallsBackToTheArchitectureOfTheConfiguration) {
  OciImage image;
  const std::vector layers{OciImage::plain(TarWriter().file("a"))};
  image.set_index(
      {image.add_manifest(layers, OciImage::config(layers, "arm64")), image.add_manifest(layers)});
  FakeRegistry registry(image);

  SM_ASSERT_OK_AND_ASSIGN(const Pulled pulled, pull_it(registry.reference()));

  EXPECT_EQ(pulled.image.config.architecture, "amd64");
}

// The manifest of something that is no image, with a layer of its own.
Json add_artifact(OciImage& image, const std::string& content) {
  const Json manifest = {{"schemaVersion", 2},
                         {"artifactType", "application/vnd.example.chart"},
                         {"config", image.add_blob("{}", "application/vnd.oci.empty.v1+json")},
                         {"layers", Json::array({image.add_blob(content, "text/plain")})}};
  return image.add_blob(manifest.dump(), "application/vnd.oci.image.manifest.v1+json");
}

TEST_F(PullTest, PassesOverTheArtifactsOfAnIndex) {
  OciImage image;
  const std::vector layers{OciImage::plain(TarWriter().file("a"))};
  const std::string inner = OciImage::index({add_artifact(image, "in an index of its own")});
  image.set_index({image.add_blob(inner, kIndexType), add_artifact(image, "chart"),
                   image.add_manifest(layers)});
  FakeRegistry registry(image);
  registry.tag("inner", inner, kIndexType);

  SM_ASSERT_OK_AND_ASSIGN(const Pulled pulled, pull_it(registry.reference()));

  EXPECT_EQ(pulled.image.layers[0].digest.text(), OciImage::digest(layers[0].blob));
  EXPECT_EQ(registry.server().count("/blobs/"), 2U);  // the image's
}

TEST_F(PullTest, SaysWhatThereIsBesideArtifacts) {
  OciImage image;
  const std::vector layers{OciImage::plain(TarWriter().file("a"))};
  image.set_index({add_artifact(image, "chart"),
                   image.add_manifest(layers, OciImage::config(layers, "arm64"))});
  FakeRegistry registry(image);

  EXPECT_THAT(pull_it(registry.reference()),
              FailsSaying(Errc::kNotFound, "no linux/amd64 image; there is linux/arm64"));
}

TEST_F(PullTest, RefusesAnArtifactAndIndexesOfNothingElse) {
  OciImage image;
  const std::string inner = OciImage::index({add_artifact(image, "a")});
  image.set_index({add_artifact(image, "chart")});
  FakeRegistry registry(image);
  registry.tag("inner", inner, kIndexType);
  registry.tag("outer", OciImage::index({image.add_blob(inner, kIndexType)}), kIndexType);

  for (const char* tag : {":1", ":inner", ":outer"}) {
    EXPECT_THAT(pull_it(registry.name() + tag),
                FailsSaying(Errc::kUnsupported,
                            "not a container image: its configuration is "
                            "'application/vnd.oci.empty.v1+json'"));
  }
  EXPECT_EQ(registry.server().count("/blobs/"), 0U);
}

TEST_F(PullTest, ListsThePlatformsThatOnlyConfigurationsSay) {
  OciImage image;
  const std::vector layers{OciImage::plain(TarWriter().file("a"))};
  image.set_index({image.add_manifest(layers, OciImage::config(layers, "arm64")),
                   image.add_manifest(layers, OciImage::config(layers, "riscv64"))});
  FakeRegistry registry(image);

  EXPECT_THAT(
      pull_it(registry.reference()),
      FailsSaying(Errc::kNotFound, "no linux/amd64 image; there is linux/arm64, linux/riscv64"));
}

TEST_F(PullTest, ListsThePlatformsThereAre) {
  OciImage image;
  const std::vector layers{OciImage::plain(TarWriter().file("a"))};
  image.set_index(
      {OciImage::for_platform(image.add_manifest(layers, OciImage::config(layers, "arm64")),
                              "linux", "arm64"),
       OciImage::for_platform(image.add_manifest(layers, OciImage::config(layers, "s390x")),
                              "linux", "s390x")});
  FakeRegistry registry(image);
  FakeRegistry foreign([&] {
    OciImage single;
    single.set_index({single.add_manifest(layers, OciImage::config(layers, "arm64"))});
    return single;
  }());

  EXPECT_THAT(pull_it(registry.reference()),
              FailsSaying(Errc::kNotFound, "there is linux/arm64, linux/s390x"));
  EXPECT_THAT(pull_it(foreign.reference()), FailsSaying(Errc::kNotFound, "linux/arm64"));
  EXPECT_EQ(store().list().value().size(), 0U);
}

TEST_F(PullTest, TakesADigestAndFindsItAgainUnderAnyName) {
  FakeRegistry registry(two_layers());
  ASSERT_THAT(pull_it(registry.reference()), IsOk());

  SM_ASSERT_OK_AND_ASSIGN(
      const Pulled by_digest,
      pull_it(registry.name() + ":any@" + registry.digest_of("1"), PullPolicy::kNever));

  EXPECT_TRUE(by_digest.was_here);
  EXPECT_EQ(store().list().value().size(), 2U);
}

TEST_F(PullTest, RefusesAManifestThatIsNotTheDigests) {
  FakeRegistry registry(two_layers());
  const std::string digest = "sha256:" + std::string(64, '0');
  registry.tag(digest, "{}", "application/vnd.oci.image.manifest.v1+json");

  EXPECT_THAT(pull_it(registry.name() + "@" + digest),
              FailsSaying(Errc::kCorrupt, "digest mismatch"));
}

TEST_F(PullTest, FetchesAgainWhatWasDamagedOnDisk) {
  FakeRegistry registry(two_layers());
  std::string manifest_path;
  oci::Digest config;
  {
    SM_ASSERT_OK_AND_ASSIGN(const Pulled first, pull_it(registry.reference()));
    manifest_path = store().blob_path(first.image.digest);
    const std::string layer_path = store().blob_path(first.image.layers[1].digest);
    OciImage::write(layer_path, "cut");
  }
  OciImage::write(manifest_path, "{}");
  ASSERT_FALSE(store()
                   .resolve(oci::RegistryReference::parse(registry.reference()).value(), {})
                   .value()
                   .has_value());

  SM_ASSERT_OK_AND_ASSIGN(const Pulled again, pull_it(registry.reference()));

  EXPECT_FALSE(again.was_here);
  EXPECT_TRUE(store().has_blob(again.image.layers[1].digest, again.image.layers[1].size));
}

TEST_F(PullTest, LeavesLayersOutThatNobodyWants) {
  FakeRegistry registry(two_layers());
  PullOptions how = options();
  how.wants_layers = [](const oci::Image&) { return false; };
  ProgressReport silent(nullptr);

  SM_ASSERT_OK_AND_ASSIGN(
      const Pulled pulled,
      pull(oci::RegistryReference::parse(registry.reference()).value(), how, silent));

  EXPECT_EQ(files_in("blobs/sha256"), 2U);
  EXPECT_THAT(pull_it(registry.reference(), PullPolicy::kNever),
              FailsSaying(Errc::kNotFound, "not all of its layers"));
}

// Many rounds: what one of them takes for missing, another may just have brought.
TEST_F(PullTest, DownloadsABlobOnceForManyWhoWantIt) {
  for (int round = 0; round < 20; ++round) {
    FakeRegistry registry(two_layers());
    PullOptions how = options();
    how.cache_dir = dir_.path() + "/cache" + std::to_string(round);
    std::atomic<int> failed = 0;
    {
      std::vector<std::jthread> pullers;
      for (int i = 0; i < 8; ++i) {
        pullers.emplace_back([&] {
          ProgressReport silent(nullptr);
          const auto reference = oci::RegistryReference::parse(registry.reference()).value();
          failed += pull(reference, how, silent).ok() ? 0 : 1;
        });
      }
    }
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(registry.server().count("/blobs/"), 3U);
    EXPECT_TRUE(fs::is_empty(how.cache_dir + "/images/partial"));
  }
}

TEST_F(PullTest, StopsWhenNobodyWantsItAnyMore) {
  FakeRegistry registry(two_layers());
  std::atomic<bool> stop = false;
  const std::string layer = OciImage::plain(TarWriter().file("b", std::string(200'000, 'b'))).blob;
  registry.on(OciImage::digest(layer), [&](const ServedRequest&, ServedConnection& connection) {
    connection.head(200, layer.size());
    stop = true;
    while (connection.send("x")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  });
  PullOptions how = options();
  how.cancelled = [&] { return stop.load(); };
  ProgressReport silent(nullptr);

  const auto pulled =
      pull(oci::RegistryReference::parse(registry.reference()).value(), how, silent);

  ASSERT_FALSE(pulled.ok());
  EXPECT_TRUE(is_cancelled(pulled.error()));
}

TEST_F(PullTest, AMirrorComesFirstAndTheRegistryAfterIt) {
  FakeRegistry registry(two_layers());
  FakeRegistry mirror(two_layers(), "cache/test/app");
  FakeRegistry broken(two_layers());
  broken.guard([](const ServedRequest&, ServedConnection& connection) {
    return connection.answer(500, "sorry");
  });
  fs::create_directories(dir_.path() + "/config/supermachine");
  const auto configure = [&](const std::vector<std::string>& mirrors) {
    const Json config = {{"registries", {{registry.host(), {{"mirrors", mirrors}}}}}};
    OciImage::write(dir_.path() + "/config/supermachine/registries.json", config.dump());
  };

  configure({"http://" + broken.host(), "http://" + mirror.host() + "/cache"});
  ASSERT_THAT(pull_it(registry.reference()), IsOk());
  EXPECT_EQ(registry.server().requests().size(), 0U);
  EXPECT_GT(broken.server().requests().size(), 0U);

  fs::remove_all(dir_.path() + "/cache");
  configure({"http://" + broken.host()});
  ASSERT_THAT(pull_it(registry.reference()), IsOk());
  EXPECT_GT(registry.server().requests().size(), 0U);
}

TEST_F(PullTest, AMirrorThatSendsSomethingElseIsPassedBy) {
  FakeRegistry registry(two_layers());
  FakeRegistry mirror(two_layers());
  mirror.on("/blobs/", [](const ServedRequest&, ServedConnection& connection) {
    connection.answer(200, "lies");
  });
  fs::create_directories(dir_.path() + "/config/supermachine");
  const Json config = {
      {"registries", {{registry.host(), {{"mirrors", {"http://" + mirror.host()}}}}}}};
  OciImage::write(dir_.path() + "/config/supermachine/registries.json", config.dump());

  SM_ASSERT_OK_AND_ASSIGN(const Pulled pulled, pull_it(registry.reference()));
  EXPECT_EQ(pulled.image.layers.size(), 2U);
  EXPECT_GT(mirror.server().count("/blobs/"), 0U);

  // The right number of wrong bytes is noticed only at the end.
  fs::remove_all(dir_.path() + "/cache");
  mirror.on("/blobs/", [&](const ServedRequest& request, ServedConnection& connection) {
    const std::string digest = request.target.substr(request.target.find("sha256:") + 7);
    connection.answer(200,
                      std::string(two_layers().files.at("blobs/sha256/" + digest).size(), 'x'));
  });
  EXPECT_THAT(pull_it(registry.reference()), IsOk());
}

TEST_F(PullTest, AProxyIsAskedForAllButLoopback) {
  FakeRegistry registry(two_layers());
  registry.guard([&](const ServedRequest& request, ServedConnection& connection) {
    const std::string site = "http://registry.example:5000";
    if (!request.target.starts_with(site)) return false;
    ServedRequest inner = request;
    inner.target = request.target.substr(site.size());
    registry.serve(inner, connection);
    return true;
  });
  fs::create_directories(dir_.path() + "/config/supermachine");
  OciImage::write(dir_.path() + "/config/supermachine/registries.json",
                  R"({"registries": {"registry.example:5000": {"plain_http": true}}})");
  PullOptions how = options();
  how.environment.http_proxy = "http://" + registry.host();
  ProgressReport silent(nullptr);
  const auto reference = oci::RegistryReference::parse("registry.example:5000/test/app:1").value();

  EXPECT_THAT(pull(reference, how, silent), IsOk());

  how.environment.no_proxy = "registry.example";
  how.cache_dir += "2";
  EXPECT_THAT(pull(reference, how, silent), FailsSaying(Errc::kNotFound, "no such host"));
  how.environment = {.http_proxy = "http://127.0.0.1:1", .certs_dirs = {}};
  EXPECT_THAT(pull(oci::RegistryReference::parse(registry.reference()).value(), how, silent),
              IsOk());
}

}  // namespace
}  // namespace supermachine::registry
