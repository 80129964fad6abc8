// SPDX-License-Identifier: Apache-2.0
#include "api/baker.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "base/files.h"
#include "oci_image.h"
#include "result_matchers.h"

namespace supermachine {
namespace {

class BakerTest : public ::testing::Test {
 protected:
  BakerTest() {
    OciImage image = OciImage::of({OciImage::plain(TarWriter().file("bin/sh", "x"))});
    image.write_archive(path("image.tar"));
    image.write_layout(path("layout"));
    OciImage other = OciImage::of({OciImage::plain(TarWriter().file("bin/sh", "y"))});
    other.write_archive(path("other.tar"));
    other.write_layout(path("other"));
    for (const char* name : {"kernel", "supermachine-agent", "extra", "other-extra"})
      OciImage::write(path(name), name);
  }

  [[nodiscard]] std::string path(const std::string& name) const { return dir_.path() + "/" + name; }
  // With one of each setting that the guest could notice.
  [[nodiscard]] OciImageBuilder builder() const {
    return Image::builder("oci-archive:" + path("image.tar"))
        .with_name("one")
        .with_cache_dir(path("cache"))
        .with_snapshots_dir(path("store"))
        .with_assets({.kernel = path("kernel"), .agent = path("supermachine-agent")})
        .with_cmd({"/bin/sh"})
        .with_env("A", "1")
        .with_memory_mib(128)
        .with_vcpus(1)
        .with_guest_port(80)
        .with_extra_kernel_arg("a=1")
        .with_extra_file(path("extra"), "/opt/extra")
        .with_warmup([](Vm&) -> Status { return {}; })
        .with_warmup_tag("v1");
  }
  [[nodiscard]] Image image(const std::string& reference) const {
    return Image::from_oci(reference, {.cache_dir = path("cache")}).value();
  }
  static std::string key_of(const OciImageBuilder& builder) {
    const auto baker = Baker::create(builder);
    EXPECT_THAT(baker, IsOk());
    return baker.ok() ? baker.value().key() : std::string();
  }

  TempDir dir_ = TempDir::create().value();
};

TEST_F(BakerTest, HasAKeyThatChangesWithWhatTheGuestCouldNotice) {
  const std::string key = key_of(builder());
  using Change = std::function<void(OciImageBuilder&)>;
  const std::vector<std::pair<const char*, Change>> changes{
      {"with_cmd",
       [](auto& b) {
         b.with_cmd({"/bin/sh", "-x"});
       }},
      {"with_env", [](auto& b) { b.with_env("A", "2"); }},
      {"another with_env", [](auto& b) { b.with_env("B", "1"); }},
      {"with_memory_mib", [](auto& b) { b.with_memory_mib(129); }},
      {"with_vcpus", [](auto& b) { b.with_vcpus(2); }},
      {"with_guest_port", [](auto& b) { b.with_guest_port(81); }},
      {"with_extra_kernel_arg", [](auto& b) { b.with_extra_kernel_arg("b=2"); }},
      {"with_extra_file", [&](auto& b) { b.with_extra_file(path("other-extra"), "/opt/extra"); }},
      {"with_warmup", [](auto& b) { b.with_warmup({}); }},
      {"with_warmup_tag", [](auto& b) { b.with_warmup_tag("v2"); }},
      {"with_assets, kernel",
       [&](auto& b) {
         b.with_assets({.kernel = path("extra"), .agent = path("supermachine-agent")});
       }},
      {"with_assets, agent",
       [&](auto& b) { b.with_assets({.kernel = path("kernel"), .agent = path("extra")}); }},
      {"with_oci_archive", [&](auto& b) { b.with_oci_archive(path("other.tar")); }},
      {"with_oci_layout", [&](auto& b) { b.with_oci_layout(path("other")); }},
      {"with_image", [&](auto& b) { b.with_image(image("oci-archive:" + path("other.tar"))); }},
  };
  for (const auto& [name, make] : changes) {
    OciImageBuilder changed = builder();
    make(changed);
    EXPECT_NE(key_of(changed), key) << name;
  }
}

TEST_F(BakerTest, HasAKeyThatNothingElseChanges) {
  const std::string key = key_of(builder());
  std::filesystem::copy(path("image.tar"), path("copy.tar"));
  using Change = std::function<void(OciImageBuilder&)>;
  const std::vector<std::pair<const char*, Change>> changes{
      {"with_name", [](auto& b) { b.with_name("two"); }},
      {"with_platform", [](auto& b) { b.with_platform("linux/amd64"); }},
      {"with_name_suffix", [](auto& b) { b.with_name("").with_name_suffix("__two"); }},
      {"with_oci_archive", [&](auto& b) { b.with_oci_archive(path("copy.tar")); }},
      {"with_oci_layout", [&](auto& b) { b.with_oci_layout(path("layout")); }},
      {"with_image", [&](auto& b) { b.with_image(image("oci-layout:" + path("layout"))); }},
      {"with_pull_policy", [](auto& b) { b.with_pull_policy(PullPolicy::kNever); }},
      {"with_snapshots_dir", [&](auto& b) { b.with_snapshots_dir(path("elsewhere")); }},
      {"with_cache_dir", [&](auto& b) { b.with_cache_dir(path("other-cache")); }},
      {"with_listener_timeout", [](auto& b) { b.with_listener_timeout(std::chrono::seconds(1)); }},
      {"with_boot_timeout", [](auto& b) { b.with_boot_timeout(std::chrono::seconds(1)); }},
      {"with_progress", [](auto& b) { b.with_progress([](const Progress&) {}); }},
      // A warm-up waits for the port that was said anyway.
      {"with_listener_required", [](auto& b) { b.with_listener_required(); }},
      {"the same with_env", [](auto& b) { b.with_env("A", "1"); }},
  };
  for (const auto& [name, make] : changes) {
    OciImageBuilder changed = builder();
    make(changed);
    EXPECT_EQ(key_of(changed), key) << name;
  }
}

TEST_F(BakerTest, KeepsTheMomentOfCaptureInItsKey) {
  OciImageBuilder before = builder();
  before.with_warmup({});
  OciImageBuilder listening = before;
  listening.with_listener_required();

  EXPECT_NE(key_of(before), key_of(listening));
}

TEST_F(BakerTest, SaysThatItWaitsForAnother) {
  std::optional<FileLock> other;
  bool waited = false;
  OciImageBuilder described = builder();
  described.with_progress([&](const Progress& progress) {
    if (progress.note != "waiting for another process") return;
    waited = progress.stage == Stage::kCapture && progress.item == "one";
    other.reset();  // it gives up
  });
  SM_ASSERT_OK_AND_ASSIGN(Baker baker, Baker::create(described));
  SM_ASSERT_OK_AND_ASSIGN(FileLock lock, bake::Store(path("store")).lock("one", deadline_in({})));
  other.emplace(std::move(lock));

  EXPECT_FALSE(baker.find_or_bake().ok());  // the kernel is none

  EXPECT_TRUE(waited);
}

TEST_F(BakerTest, RefusesInOneLineWhatCannotBe) {
  const auto refused = [](OciImageBuilder builder, Errc code, const char* words) {
    const auto baker = Baker::create(builder);
    EXPECT_THAT(baker, FailsSaying(code, words));
    if (!baker.ok()) {
      EXPECT_EQ(baker.error().message().find('\n'), std::string::npos);
    }
  };
  refused(builder().with_platform("linux/arm64"), Errc::kUnsupported, "linux/amd64");
  refused(builder().with_memory_mib(1), Errc::kInvalidArgument, "memory");
  refused(builder().with_vcpus(0), Errc::kInvalidArgument, "vCPU");
  refused(builder().with_guest_port(0), Errc::kInvalidArgument, "port 0");
  refused(builder().with_env("A=B", ""), Errc::kInvalidArgument, "A=B");
  refused(builder().with_cmd({}), Errc::kInvalidArgument, "no program");
  refused(builder().with_name("../x"), Errc::kInvalidArgument, "cannot name a bake");
  refused(builder().with_name("x__base"), Errc::kInvalidArgument, "x__base");
  refused(builder().with_extra_file(path("absent"), "/x"), Errc::kOs, "absent");
  refused(builder().with_extra_file(path("extra"), "x"), Errc::kInvalidArgument, "'x'");
  refused(builder().with_oci_archive(path("absent.tar")), Errc::kNotFound, "absent.tar");
}

}  // namespace
}  // namespace supermachine
