// SPDX-License-Identifier: Apache-2.0
#include "oci/reference.h"

#include <gtest/gtest.h>

#include "oci/digest.h"
#include "result_matchers.h"

namespace supermachine::oci {
namespace {

using ::testing::HasSubstr;

TEST(Reference, SplitsAtTheFirstColon) {
  SM_ASSERT_OK_AND_ASSIGN(const Reference archive, Reference::parse("oci-archive:a/b.tar:x:1"));
  SM_ASSERT_OK_AND_ASSIGN(const Reference layout, Reference::parse("oci-layout:./layout"));
  SM_ASSERT_OK_AND_ASSIGN(const Reference short_layout, Reference::parse("oci:dir:v1"));
  SM_ASSERT_OK_AND_ASSIGN(const Reference docker,
                          Reference::parse("docker-archive:/x.tar:busybox:latest"));

  EXPECT_EQ(archive.kind, Reference::Kind::kOciArchive);
  EXPECT_EQ(archive.path, "a/b.tar");
  EXPECT_EQ(archive.name, "x:1");
  EXPECT_EQ(layout.kind, Reference::Kind::kOciLayout);
  EXPECT_EQ(layout.path, "./layout");
  EXPECT_EQ(layout.name, "");
  EXPECT_EQ(short_layout.kind, Reference::Kind::kOciLayout);
  EXPECT_EQ(short_layout.name, "v1");
  EXPECT_EQ(docker.kind, Reference::Kind::kDockerArchive);
  EXPECT_EQ(docker.name, "busybox:latest");
}

TEST(Reference, PrintsAsOneWouldTypeIt) {
  for (const char* text : {"oci-archive:a.tar:x:1", "oci-layout:d", "docker-archive:x.tar:b"}) {
    SM_ASSERT_OK_AND_ASSIGN(const Reference reference, Reference::parse(text));
    EXPECT_EQ(reference.text(), text);
  }
}

TEST(Reference, SaysOfARegistrysImageThatItIsNoFile) {
  for (const char* text : {"docker://oci-layout", "oci", "docker-archive", "docker://oci-archive:1",
                           "docker://x.tar"}) {
    SM_ASSERT_OK_AND_ASSIGN(const Reference reference, Reference::parse(text));
    ASSERT_EQ(reference.kind, Reference::Kind::kRegistry) << text;
    SM_ASSERT_OK_AND_ASSIGN(const Reference again, Reference::parse(reference.text()));
    EXPECT_EQ(again.kind, Reference::Kind::kRegistry) << reference.text();
    EXPECT_EQ(again.registry.canonical(), reference.registry.canonical());
  }
}

TEST(Reference, RefusesWhatNamesNothing) {
  for (const char* text : {"", "x.tar", "oci-archive:", "oci-archive::x",
                           "oci-archive:x.tar:", "OCI-archive:x.tar", "docker:x.tar"}) {
    EXPECT_THAT(Reference::parse(text), Fails(Errc::kInvalidArgument)) << text;
  }
  EXPECT_THAT(Reference::parse("x.tar").error().message(), HasSubstr("oci-archive:FILE"));
}

TEST(Digest, HashesAsSha256) {
  EXPECT_EQ(Sha256::of("abc").text(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, TakesOnlyLowerCaseSha256) {
  const std::string hex(64, 'a');
  EXPECT_THAT(Digest::parse("sha256:" + hex), IsOk());
  for (const std::string& text :
       {std::string(), std::string("sha256:"), "sha256:" + hex + "a", "sha256:" + hex.substr(1),
        "sha256:" + std::string(64, 'A'), "sha512:" + hex, "sha256:../" + hex.substr(3), hex}) {
    EXPECT_THAT(Digest::parse(text), Fails(Errc::kCorrupt)) << text;
  }
}

}  // namespace
}  // namespace supermachine::oci
