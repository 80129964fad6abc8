// SPDX-License-Identifier: Apache-2.0
#include "oci/image.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "oci_image.h"
#include "result_matchers.h"

namespace supermachine::oci {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kIndexType = "application/vnd.oci.image.index.v1+json";

OciImage::Layer layer_of(const std::string& name) {
  return OciImage::plain(TarWriter().file(name, name));
}

Result<Image> find(const OciImage& image, std::string_view reference = "oci-archive:x.tar") {
  return find_image(std::make_shared<MemoryBlobs>(image.files), SM_TRY(Reference::parse(reference)),
                    Platform{});
}

std::string error_of(const OciImage& image, std::string_view reference = "oci-archive:x.tar") {
  const auto found = find(image, reference);
  return found.ok() ? "ok" : found.error().message();
}

// An image of its own for each name, so that they differ.
Json manifest_for(OciImage& image, const std::string& name,
                  const std::string& architecture = "amd64", const std::string& os = "linux") {
  const std::vector<OciImage::Layer> layers{layer_of(name)};
  return image.add_manifest(layers, OciImage::config(layers, architecture, os));
}

TEST(OpenImage, ReadsTheConfiguration) {
  const OciImage image = OciImage::of({layer_of("a"), layer_of("b")});

  SM_ASSERT_OK_AND_ASSIGN(const Image found, find(image));

  EXPECT_THAT(found.config.env, ElementsAre("PATH=/bin", "A=b"));
  EXPECT_THAT(found.config.entrypoint, ElementsAre("/init", "-v"));
  EXPECT_THAT(found.config.cmd, ElementsAre("sh"));
  EXPECT_EQ(found.config.working_dir, "/srv");
  EXPECT_EQ(found.config.user, "app:staff");
  EXPECT_THAT(found.config.exposed_ports, ElementsAre("80/tcp"));
  EXPECT_THAT(found.config.volumes, ElementsAre("/data"));
  EXPECT_EQ(found.config.labels.at("a"), "1");
  EXPECT_EQ(found.config.stop_signal, "SIGQUIT");
  ASSERT_EQ(found.layers.size(), 2U);
  EXPECT_EQ(found.layers[1].diff_id.text(), layer_of("b").diff_id);
}

TEST(OpenImage, FallsBackToTheArchitectureOfTheConfiguration) {
  OciImage image;
  image.set_index({manifest_for(image, "arm", "arm64"), manifest_for(image, "pc")});

  SM_ASSERT_OK_AND_ASSIGN(const Image found, find(image));

  EXPECT_EQ(found.layers[0].diff_id.text(), layer_of("pc").diff_id);
}

TEST(OpenImage, ChoosesByPlatformInANestedIndex) {
  OciImage image;
  const Json inner = image.add_index(
      {OciImage::for_platform(manifest_for(image, "arm", "arm64"), "linux", "arm64"),
       OciImage::for_platform(manifest_for(image, "pc"), "linux", "amd64")});
  image.set_index({OciImage::named(inner, "v1")});

  SM_ASSERT_OK_AND_ASSIGN(const Image found, find(image));

  EXPECT_EQ(found.layers[0].diff_id.text(), layer_of("pc").diff_id);
  EXPECT_EQ(found.name, "v1");
}

TEST(OpenImage, ListsWhatThereIsWhenNoPlatformFits) {
  OciImage image;
  image.set_index({OciImage::for_platform(manifest_for(image, "a", "arm64"), "linux", "arm64"),
                   OciImage::for_platform(manifest_for(image, "w", "amd64"), "windows", "amd64"),
                   manifest_for(image, "r", "riscv64")});

  EXPECT_EQ(error_of(image),
            "x.tar holds no linux/amd64 image; it has linux/arm64, windows/amd64, linux/riscv64");
}

TEST(OpenImage, PassesOverAttestations) {
  OciImage image;
  Json attestation = OciImage::for_platform(manifest_for(image, "sbom"), "unknown", "unknown");
  attestation["annotations"]["vnd.docker.reference.type"] = "attestation-manifest";
  image.set_index({attestation, manifest_for(image, "pc")});

  SM_ASSERT_OK_AND_ASSIGN(const Image found, find(image));

  EXPECT_EQ(found.layers[0].diff_id.text(), layer_of("pc").diff_id);
}

TEST(OpenImage, NeedsANameAmongSeveral) {
  OciImage image;
  image.set_index({OciImage::named(manifest_for(image, "one"), "a:1"),
                   OciImage::named(manifest_for(image, "two"), "b:2")});

  EXPECT_EQ(error_of(image),
            "x.tar holds several images (a:1, b:2); name one: oci-archive:x.tar:a:1");
  SM_ASSERT_OK_AND_ASSIGN(const Image second, find(image, "oci-archive:x.tar:b:2"));
  EXPECT_EQ(second.layers[0].diff_id.text(), layer_of("two").diff_id);
  EXPECT_EQ(second.name, "b:2");
  EXPECT_EQ(error_of(image, "oci-archive:x.tar:c:3"),
            "x.tar holds no image 'c:3'; it has a:1, b:2");
}

TEST(OpenImage, NeedsADigestAmongSeveralWithoutNames) {
  OciImage image;
  const Json first = manifest_for(image, "one");
  image.set_index({first, manifest_for(image, "two")});

  EXPECT_THAT(error_of(image), StartsWith("x.tar holds several images (sha256:"));
  SM_ASSERT_OK_AND_ASSIGN(const Image found,
                          find(image, "oci-archive:x.tar:" + string_member(first, "digest")));
  EXPECT_EQ(found.layers[0].diff_id.text(), layer_of("one").diff_id);
}

TEST(OpenImage, TakesTwoNamesOfOneImageForOne) {
  OciImage image;
  const Json manifest = manifest_for(image, "one");
  image.set_index({OciImage::named(manifest, "a"), OciImage::named(manifest, "b")});

  EXPECT_THAT(find(image), IsOk());
}

TEST(OpenImage, RefusesBlobsThatDoNotMatchTheirDigest) {
  for (const std::string& target : {std::string("manifest"), std::string("configuration")}) {
    OciImage image = OciImage::of({layer_of("a")});
    for (auto& [name, bytes] : image.files) {
      const bool is_manifest = bytes.find("\"layers\":[") != std::string::npos;
      const bool is_config = bytes.find("\"diff_ids\":[") != std::string::npos;
      if (name.starts_with("blobs/") && (target == "manifest" ? is_manifest : is_config))
        bytes += ' ';
    }

    EXPECT_THAT(error_of(image), StartsWith("x.tar: " + target + " sha256:"));
    EXPECT_THAT(error_of(image), HasSubstr(": digest mismatch: got sha256:"));
    EXPECT_THAT(error_of(image), HasSubstr("fetch it again"));
  }
}

TEST(OpenImage, SaysWhichBlobIsMissing) {
  OciImage image = OciImage::of({layer_of("a")});
  std::erase_if(image.files, [](const auto& file) {
    return file.second.find("\"layers\":[") != std::string::npos;
  });

  EXPECT_THAT(error_of(image), HasSubstr("manifest sha256:"));
  EXPECT_THAT(error_of(image), HasSubstr("is missing"));
}

TEST(OpenImage, RefusesJsonThatIsNot) {
  for (const char* text : {"", "{", "[]", "{}", "nonsense", "{\"manifests\":3}",
                           "{\"manifests\":[3]}", "{\"manifests\":[{\"digest\":\"sha256:1\"}]}"}) {
    OciImage image = OciImage::of({layer_of("a")});
    image.files["index.json"] = text;
    EXPECT_THAT(find(image), Fails(Errc::kCorrupt)) << text;
  }
}

TEST(OpenImage, RefusesJsonThatIsTooDeepOrTooLarge) {
  OciImage image = OciImage::of({layer_of("a")});
  image.files["index.json"] = std::string(100'000, '[');
  EXPECT_THAT(error_of(image), HasSubstr("too deep"));

  image.files["index.json"] = std::string(kMaxJsonBytes + 1, ' ');
  EXPECT_THAT(find(image), Fails(Errc::kCorrupt));
}

// The manifest of something that is no image; what it names is not there.
Json add_artifact(OciImage& image, const std::string& name) {
  const Json config = {{"mediaType", "application/vnd.example.chart+json"},
                       {"digest", OciImage::digest(name)},
                       {"size", name.size()}};
  const Json manifest = {{"config", config}, {"layers", Json::array()}};
  return image.add_blob(manifest.dump(), "application/vnd.oci.image.manifest.v1+json");
}

TEST(OpenImage, PassesOverArtifacts) {
  for (const bool nested : {false, true}) {
    OciImage image;
    std::vector<Json> entries{add_artifact(image, "a"), manifest_for(image, "arm", "arm64"),
                              add_artifact(image, "b"), manifest_for(image, "pc")};
    if (nested) entries = {image.add_index({add_artifact(image, "c")}), image.add_index(entries)};
    image.set_index(entries);

    SM_ASSERT_OK_AND_ASSIGN(const Image found, find(image));

    EXPECT_EQ(found.layers[0].diff_id.text(), layer_of("pc").diff_id);
  }
}

TEST(OpenImage, ListsNoArtifactAmongThePlatforms) {
  OciImage image;
  image.set_index({add_artifact(image, "a"), manifest_for(image, "arm", "arm64")});

  EXPECT_EQ(error_of(image), "x.tar holds no linux/amd64 image; it has linux/arm64");
}

TEST(OpenImage, RefusesManifestsThatAreNoImages) {
  OciImage image;
  const Json artifact = add_artifact(image, "a");
  const std::string error =
      "x.tar: not a container image: its configuration is 'application/vnd.example.chart+json'";

  image.set_index({artifact});
  EXPECT_EQ(error_of(image), error);
  EXPECT_THAT(find(image), Fails(Errc::kUnsupported));
  image.set_index({image.add_index({artifact}), add_artifact(image, "b")});
  EXPECT_EQ(error_of(image), error);
  image.set_index(
      {OciImage::named(artifact, "chart"), OciImage::named(manifest_for(image, "pc"), "image")});
  EXPECT_EQ(error_of(image, "oci-archive:x.tar:chart"), error);
}

TEST(OpenImage, RefusesAConfigurationWithAnotherNumberOfLayers) {
  OciImage image;
  image.set_index(
      {image.add_manifest({layer_of("a"), layer_of("b")}, OciImage::config({layer_of("a")}))});

  EXPECT_THAT(error_of(image), HasSubstr("manifest has 2 layers, its configuration 1"));
}

TEST(OpenImage, RefusesTooManyLayers) {
  OciImage image = OciImage::of(std::vector(513, layer_of("a")));

  EXPECT_THAT(error_of(image), HasSubstr("more than 512 layers"));
}

TEST(OpenImage, RefusesIndexesNestedTooDeep) {
  OciImage image;
  Json inner = manifest_for(image, "a");
  for (int i = 0; i < 10; ++i) inner = image.add_index({inner});
  image.set_index({inner});

  EXPECT_EQ(inner["mediaType"], kIndexType);
  EXPECT_THAT(find(image), Fails(Errc::kCorrupt));
}

OciImage docker_archive(
    const std::vector<std::pair<std::string, std::vector<std::string>>>& images) {
  OciImage archive;
  Json list = Json::array();
  for (const auto& [content, tags] : images) {
    const OciImage::Layer layer = layer_of(content);
    const std::string config = OciImage::config({layer}).dump();
    const std::string config_name = OciImage::digest(config).substr(7) + ".json";
    archive.files[config_name] = config;
    archive.files[content + "/layer.tar"] = layer.blob;
    list.push_back(
        {{"Config", config_name}, {"RepoTags", tags}, {"Layers", {content + "/layer.tar"}}});
  }
  archive.files["manifest.json"] = list.dump();
  return archive;
}

TEST(OpenDockerArchive, ReadsTheOnlyImage) {
  const OciImage archive = docker_archive({{"one", {"busybox:latest"}}});

  SM_ASSERT_OK_AND_ASSIGN(const Image found, find(archive, "docker-archive:x.tar"));

  EXPECT_EQ(found.name, "busybox:latest");
  ASSERT_EQ(found.layers.size(), 1U);
  EXPECT_EQ(found.layers[0].blob_name, "one/layer.tar");
  EXPECT_EQ(found.layers[0].diff_id.text(), layer_of("one").diff_id);
}

TEST(OpenDockerArchive, ChoosesByTag) {
  const OciImage archive = docker_archive({{"one", {"a:latest"}}, {"two", {"b:1", "b:2"}}});

  SM_ASSERT_OK_AND_ASSIGN(const Image by_tag, find(archive, "docker-archive:x.tar:b:2"));
  SM_ASSERT_OK_AND_ASSIGN(const Image latest, find(archive, "docker-archive:x.tar:a"));

  EXPECT_EQ(by_tag.layers[0].blob_name, "two/layer.tar");
  EXPECT_EQ(latest.layers[0].blob_name, "one/layer.tar");
  EXPECT_EQ(error_of(archive, "docker-archive:x.tar"),
            "x.tar holds several images (a:latest, b:1); name one: docker-archive:x.tar:a:latest");
  EXPECT_EQ(error_of(archive, "docker-archive:x.tar:c"),
            "x.tar holds no image 'c'; it has a:latest, b:1, b:2");
}

TEST(OpenDockerArchive, KnowsATagThatIsWrittenInFull) {
  const OciImage archive = docker_archive(
      {{"one", {"docker.io/library/a:latest"}}, {"two", {"docker.io/library/ba:1"}}});

  SM_ASSERT_OK_AND_ASSIGN(const Image one, find(archive, "docker-archive:x.tar:a"));
  SM_ASSERT_OK_AND_ASSIGN(const Image two, find(archive, "docker-archive:x.tar:ba:1"));

  EXPECT_EQ(one.layers[0].blob_name, "one/layer.tar");
  EXPECT_EQ(two.layers[0].blob_name, "two/layer.tar");
  EXPECT_THAT(find(archive, "docker-archive:x.tar:a:1"), Fails(Errc::kNotFound));
}

TEST(OpenDockerArchive, HoldsTheConfigurationAgainstItsName) {
  OciImage archive = docker_archive({{"one", {}}});
  for (auto& [name, bytes] : archive.files) {
    if (name.ends_with(".json") && name != "manifest.json") bytes += ' ';
  }

  EXPECT_THAT(error_of(archive, "docker-archive:x.tar"), HasSubstr("digest mismatch"));
}

TEST(OpenImage, SuggestsTheOtherKindOfArchive) {
  EXPECT_EQ(error_of(docker_archive({{"one", {}}}), "oci-archive:x.tar"),
            "x.tar: holds a docker archive; use docker-archive:x.tar");
  EXPECT_EQ(error_of(OciImage::of({layer_of("a")}), "docker-archive:x.tar"),
            "x.tar: holds an OCI archive; use oci-archive:x.tar");
  EXPECT_EQ(error_of(OciImage{}), "x.tar: not an OCI or docker archive (no index.json)");
}

class BlobFilesTest : public ::testing::Test {
 protected:
  std::string open_error(const std::string& scheme, const std::string& path) {
    const auto opened = open_image(Reference::parse(scheme + ":" + path).value());
    return opened.ok() ? "ok" : opened.error().message();
  }
  std::string path(const std::string& name) const { return dir_.path() + "/" + name; }

  TempDir dir_ = TempDir::create().value();
};

TEST_F(BlobFilesTest, AreFoundInArchivesAndDirectories) {
  const OciImage image = OciImage::of({layer_of("a")});
  image.write_archive(path("x.tar"));
  image.write_layout(path("layout"));

  EXPECT_EQ(open_error("oci-archive", path("x.tar")), "ok");
  EXPECT_EQ(open_error("oci-layout", path("layout")), "ok");
}

TEST_F(BlobFilesTest, SayWhatIsWrongWithThePath) {
  OciImage::write(path("text"), std::string(5000, 'x'));
  OciImage::write(path("short"), "x");
  OciImage::write(path("empty"), "");
  OciImage::write(path("packed"), gzip(OciImage::of({layer_of("a")}).archive()));

  EXPECT_EQ(open_error("oci-archive", path("none.tar")), path("none.tar") + ": no such file");
  EXPECT_EQ(open_error("oci-archive", path("text/x")), path("text/x") + ": no such file");
  EXPECT_EQ(open_error("oci-layout", path("none")), path("none") + ": no such directory");
  for (const char* name : {"text", "short", "empty"}) {
    EXPECT_EQ(open_error("oci-archive", path(name)),
              path(name) + ": not an OCI or docker archive (not a tar file)");
  }
  EXPECT_THAT(open_error("oci-archive", path("packed")), HasSubstr("gunzip it first"));
  EXPECT_THAT(open_error("oci-archive", dir_.path()), HasSubstr("use oci-layout:"));
  EXPECT_THAT(open_error("oci-layout", path("text")), HasSubstr("use oci-archive:"));
  EXPECT_THAT(open_error("oci-layout", dir_.path()), HasSubstr("no index.json"));
  EXPECT_THAT(open_error("oci-archive", "/dev/null"), HasSubstr("not a regular file"));
}

TEST_F(BlobFilesTest, CallAnArchiveTruncatedWhereverItWasCut) {
  const std::string whole = OciImage::of({layer_of("a"), layer_of("b")}).archive();

  for (std::size_t length = 512; length + 512 < whole.size(); length += 256) {
    OciImage::write(path("cut.tar"), whole.substr(0, length));
    EXPECT_EQ(open_error("oci-archive", path("cut.tar")),
              path("cut.tar") + ": archive is truncated")
        << length;
  }
}

TEST_F(BlobFilesTest, FollowALinkOfTheArchiveOnceAndNeverOutOfIt) {
  TarWriter tar;
  tar.file("a/layer.tar", "layer")
      .symlink("b/layer.tar", "../a/layer.tar")
      .symlink("c/layer.tar", "../b/layer.tar")
      .symlink("d/layer.tar", "../../../../etc/passwd")
      .symlink("e/layer.tar", "/etc/passwd")
      .file("../outside", "x");
  OciImage::write(path("x.tar"), tar.finish());
  SM_ASSERT_OK_AND_ASSIGN(const auto blobs, ArchiveFile::open_file(path("x.tar")));

  SM_ASSERT_OK_AND_ASSIGN(const std::string by_link, read_small(*blobs, "b/layer.tar", 100));
  EXPECT_EQ(by_link, "layer");
  for (const char* name : {"c/layer.tar", "d/layer.tar", "e/layer.tar", "../outside", "outside"}) {
    EXPECT_THAT(read_small(*blobs, name, 100), Fails(Errc::kNotFound)) << name;
  }
}

TEST_F(BlobFilesTest, OfADirectoryStayBelowIt) {
  OciImage::write(path("secret"), "s");
  std::filesystem::create_directories(path("layout"));
  std::filesystem::create_symlink("../secret", path("layout/up"));
  std::filesystem::create_symlink("/etc/passwd", path("layout/absolute"));
  SM_ASSERT_OK_AND_ASSIGN(const auto blobs, LayoutDirectory::open_directory(path("layout")));

  EXPECT_FALSE(read_small(*blobs, "up", 100).ok());
  EXPECT_FALSE(read_small(*blobs, "absolute", 1 << 20).ok());
  EXPECT_FALSE(read_small(*blobs, "../secret", 100).ok());
}

}  // namespace
}  // namespace supermachine::oci
