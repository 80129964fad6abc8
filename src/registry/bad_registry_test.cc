// SPDX-License-Identifier: Apache-2.0
// Registries that break off, lie, loop, stall, or send us elsewhere.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/files.h"
#include "fake_registry.h"
#include "registry/pull.h"
#include "result_matchers.h"

namespace supermachine::registry {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const OciImage::Layer& layer() {
  static const OciImage::Layer kLayer =
      OciImage::plain(TarWriter().file("b", std::string(300'000, 'b')));
  return kLayer;
}

std::string layer_path() { return "/blobs/" + OciImage::digest(layer().blob); }

class BadRegistry : public ::testing::Test {
 protected:
  BadRegistry() {
    how_.cache_dir = dir_.path() + "/cache";
    how_.environment = {
        .home = dir_.path(), .config_home = dir_.path() + "/config", .certs_dirs = {}};
    how_.retry = {.attempts = 4, .first_wait = milliseconds(1)};
    how_.metadata_retry = how_.retry;
  }

  Result<Pulled> pull_it() { return pull_it(registry_.reference()); }
  Result<Pulled> pull_it(const std::string& reference) {
    ProgressReport report([&](const Progress& progress) {
      if (progress.finished) ends_.push_back(progress);
    });
    return pull(oci::RegistryReference::parse(reference).value(), how_, report);
  }
  // The first `count` requests for the layer go to `handler`.
  void spoil_layer(int count, FakeRegistry::Handler handler) {
    registry_.on(layer_path(), [this, count, handler](const ServedRequest& request,
                                                      ServedConnection& connection) {
      spoiled_++ < count ? handler(request, connection) : registry_.serve(request, connection);
    });
  }
  [[nodiscard]] std::string partial() const {
    return how_.cache_dir + "/images/partial/" + OciImage::digest(layer().blob).substr(7);
  }
  void expect_no_layer() const {
    EXPECT_FALSE(fs::exists(how_.cache_dir + "/images/blobs/sha256/" +
                            OciImage::digest(layer().blob).substr(7)));
  }
  void expect_layer() const {
    const auto text = read_file(
        how_.cache_dir + "/images/blobs/sha256/" + OciImage::digest(layer().blob).substr(7),
        std::size_t{1} << 20);
    ASSERT_THAT(text, IsOk());
    EXPECT_TRUE(text.value() == layer().blob);
  }

  TempDir dir_ = TempDir::create().value();
  PullOptions how_;
  std::vector<Progress> ends_;
  std::atomic<int> spoiled_ = 0;
  std::atomic<std::size_t> sent_ = 0;
  FakeRegistry registry_{OciImage::of({layer()})};
};

TEST_F(BadRegistry, ThatBreaksOffIsAskedForTheRest) {
  spoil_layer(2, [](const ServedRequest& request, ServedConnection& connection) {
    const std::string range = request.header("range");
    const std::size_t begin = range.empty() ? 0 : std::stoul(range.substr(6));
    const std::size_t size = layer().blob.size();
    connection.head(range.empty() ? 200 : 206, size - begin,
                    range.empty()
                        ? ""
                        : "Content-Range: bytes " + std::to_string(begin) + "-" +
                              std::to_string(size - 1) + "/" + std::to_string(size) + "\r\n");
    connection.send(layer().blob.substr(begin, 100'000));
  });

  EXPECT_THAT(pull_it(), IsOk());

  expect_layer();
  const auto requests = registry_.server().requests();
  EXPECT_EQ(requests.back().header("range"), "bytes=200000-");
}

TEST_F(BadRegistry, ThatBreaksOffForGoodLeavesABeginningForTheNextTime) {
  spoil_layer(4, [](const ServedRequest& request, ServedConnection& connection) {
    if (!request.header("range").empty()) return;
    connection.head(200, layer().blob.size());
    connection.send(layer().blob.substr(0, 100'000));
  });

  EXPECT_THAT(pull_it(), Fails(Errc::kOs));
  expect_no_layer();
  EXPECT_EQ(fs::file_size(partial()), 100'000U);
  ends_.clear();
  spoiled_ = 100;
  EXPECT_THAT(pull_it(), IsOk());

  expect_layer();
  EXPECT_FALSE(fs::exists(partial()));
  EXPECT_EQ(registry_.server().requests().back().header("range"), "bytes=100000-");
  EXPECT_THAT(ends_.back().note, HasSubstr("resumed at 0.1 MiB"));
}

TEST_F(BadRegistry, ThatIgnoresARangeIsReadFromTheBeginning) {
  spoil_layer(100, [this](const ServedRequest& request, ServedConnection& connection) {
    if (spoiled_ > 1) return static_cast<void>(connection.answer(200, layer().blob));
    EXPECT_EQ(request.header("range"), "");
    connection.head(200, layer().blob.size());
    connection.send(layer().blob.substr(0, 100'000));
  });

  EXPECT_THAT(pull_it(), IsOk());

  expect_layer();
}

TEST_F(BadRegistry, ThatHasNoSuchRangeIsReadFromTheBeginning) {
  fs::create_directories(fs::path(partial()).parent_path());
  OciImage::write(partial(), std::string(1000, 'x'));
  spoil_layer(1,
              [](const ServedRequest&, ServedConnection& connection) { connection.answer(416); });

  EXPECT_THAT(pull_it(), IsOk());

  expect_layer();
}

// In these three the registry turns good after 50 requests, so that a test that fails ends too.
TEST_F(BadRegistry, ThatHasNoSuchRangeAndThenBreaksOffIsGivenUp) {
  fs::create_directories(fs::path(partial()).parent_path());
  OciImage::write(partial(), std::string(1000, 'x'));
  spoil_layer(50, [this](const ServedRequest&, ServedConnection& connection) {
    if (spoiled_ == 1) return static_cast<void>(connection.answer(416));
    connection.head(200, layer().blob.size());
    connection.send(layer().blob.substr(0, 100'000));
  });

  EXPECT_THAT(pull_it(), Fails(Errc::kOs));

  EXPECT_EQ(spoiled_, 5);  // the 416, and the attempts
}

TEST_F(BadRegistry, ThatHasNoSuchRangeAgainAndAgainIsGivenUp) {
  spoil_layer(50, [](const ServedRequest& request, ServedConnection& connection) {
    if (!request.header("range").empty()) return static_cast<void>(connection.answer(416));
    connection.head(200, layer().blob.size());
    connection.send(layer().blob.substr(0, 100'000));
  });

  EXPECT_THAT(pull_it(), FailsSaying(Errc::kCorrupt, "416"));

  EXPECT_EQ(spoiled_, 4);  // each of the two, twice
}

TEST_F(BadRegistry, ThatIgnoresRangesAndBreaksOffHereAndThereIsGivenUp) {
  spoil_layer(50, [this](const ServedRequest&, ServedConnection& connection) {
    connection.head(200, layer().blob.size());
    connection.send(layer().blob.substr(0, spoiled_ % 2 == 0 ? 100'000 : 50'000));
  });

  EXPECT_THAT(pull_it(), Fails(Errc::kOs));

  EXPECT_LE(spoiled_, 6);
}

TEST_F(BadRegistry, ThatSendsAnotherRangeIsRefused) {
  fs::create_directories(fs::path(partial()).parent_path());
  OciImage::write(partial(), layer().blob.substr(0, 1000));
  spoil_layer(100, [](const ServedRequest&, ServedConnection& connection) {
    connection.answer(206, layer().blob.substr(500), "Content-Range: bytes 500-9/10\r\n");
  });

  EXPECT_THAT(pull_it(), FailsSaying(Errc::kCorrupt, "another place"));
}

TEST_F(BadRegistry, WhatADamagedBeginningLedToIsBegunAgain) {
  fs::create_directories(fs::path(partial()).parent_path());
  OciImage::write(partial(), std::string(1000, 'x'));

  EXPECT_THAT(pull_it(), IsOk());

  expect_layer();
  EXPECT_THAT(ends_.back().note, HasSubstr("begun again"));
}

TEST_F(BadRegistry, ThatSendsOtherBytesIsRefusedAndNothingKept) {
  std::string bent = layer().blob;
  bent[700] = static_cast<char>(bent[700] ^ 1);
  spoil_layer(100, [bent](const ServedRequest&, ServedConnection& connection) {
    connection.answer(200, bent);
  });

  EXPECT_THAT(pull_it(),
              FailsSaying(Errc::kCorrupt, "digest mismatch: got " + OciImage::digest(bent)));

  expect_no_layer();
  EXPECT_FALSE(fs::exists(partial()));
}

TEST_F(BadRegistry, ThatHasAnotherSizeIsRefusedBeforeAByteIsWritten) {
  spoil_layer(100, [](const ServedRequest&, ServedConnection& connection) {
    connection.answer(200, layer().blob + "x");
  });

  EXPECT_THAT(pull_it(), FailsSaying(Errc::kCorrupt, "its manifest says"));
  expect_no_layer();
}

TEST_F(BadRegistry, ThatNeverEndsIsCutOff) {
  spoil_layer(100, [&](const ServedRequest&, ServedConnection& connection) {
    const std::string piece(65536, 'b');
    connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    while (connection.send(piece)) sent_ += piece.size();
  });

  EXPECT_THAT(pull_it(), FailsSaying(Errc::kCorrupt, "does not end"));
  expect_no_layer();
  EXPECT_LT(sent_, std::size_t{16} << 20);  // what the sockets in between hold
}

TEST_F(BadRegistry, WhoseManifestNeverEndsIsCutOff) {
  registry_.on("/manifests/", [](const ServedRequest&, ServedConnection& connection) {
    connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{");
    while (connection.send(std::string(65536, ' '))) {
    }
  });

  EXPECT_THAT(pull_it(), FailsSaying(Errc::kCorrupt, "longer than 4194304 bytes"));
}

TEST_F(BadRegistry, WhoseHeadNeverEndsIsCutOff) {
  registry_.on("/manifests/", [](const ServedRequest&, ServedConnection& connection) {
    connection.send("HTTP/1.1 200 OK\r\n");
    while (connection.send("X-More: " + std::string(1000, 'x') + "\r\n")) {
    }
  });

  EXPECT_THAT(pull_it(), FailsSaying(Errc::kCorrupt, "head is too long"));
}

TEST_F(BadRegistry, WhoseManifestIsGarbageIsRefused) {
  const std::pair<std::string, std::string> rows[] = {
      {"not json", "application/vnd.oci.image.manifest.v1+json"},
      {"{}", "application/vnd.oci.image.manifest.v1+json"},
      {R"({"config": 1, "layers": {}})", "application/vnd.oci.image.manifest.v1+json"},
      {R"({"manifests": 1})", "application/vnd.oci.image.index.v1+json"},
      {R"({"manifests": [{}]})", "application/vnd.oci.image.index.v1+json"},
  };
  for (const auto& [text, type] : rows) {
    registry_.tag("1", text, type);
    EXPECT_THAT(pull_it(), Fails(Errc::kCorrupt)) << text;
  }
}

// An index of as many others as it may list, each of them again one of those, and so on.
void serve_index_bomb(FakeRegistry& registry) {
  constexpr std::size_t kEntries = 4096;
  constexpr const char* kType = "application/vnd.oci.image.index.v1+json";
  OciImage image;
  Json entry = OciImage::for_platform(image.add_manifest({layer()}), "linux", "arm64");
  for (int depth = 0; depth < 4; ++depth) {
    const std::string text = OciImage::index(std::vector<Json>(kEntries, entry));
    registry.tag("1", text, kType);
    entry = image.add_blob(text, kType);
  }
}

TEST_F(BadRegistry, WhoseIndexesReferToTooManyOthersIsRefused) {
  serve_index_bomb(registry_);

  EXPECT_THAT(pull_it(), FailsSaying(Errc::kCorrupt, "indexes refer to too many others"));
}

TEST_F(BadRegistry, NeedsNoAnswerWhileItsIndexesAreSearched) {
  serve_index_bomb(registry_);
  int asked = 0;
  how_.cancelled = [&] { return registry_.server().requests().size() == 4 && ++asked > 100; };

  const auto pulled = pull_it();

  ASSERT_FALSE(pulled.ok());
  EXPECT_TRUE(is_cancelled(pulled.error()));
}

TEST_F(BadRegistry, WhoseAnswerIsNoImageIsRefusedByItsType) {
  registry_.tag("1", "<html>", "text/html");
  EXPECT_THAT(pull_it(), FailsSaying(Errc::kUnsupported, "text/html"));
  registry_.tag("1", R"({"schemaVersion": 1, "fsLayers": []})",
                "application/vnd.docker.distribution.manifest.v1+prettyjws");
  EXPECT_THAT(pull_it(), FailsSaying(Errc::kUnsupported, "schema 1"));
}

TEST_F(BadRegistry, WhoseConfigurationIsHugeIsRefused) {
  const std::string manifest = Json{
      {"schemaVersion", 2},
      {"config",
       {{"mediaType", "application/vnd.oci.image.config.v1+json"},
        {"digest", "sha256:" + std::string(64, '1')},
        {"size", 5'000'000}}},
      {"layers", Json::array()}}.dump();
  registry_.tag("1", manifest, "application/vnd.oci.image.manifest.v1+json");

  EXPECT_THAT(pull_it(), FailsSaying(Errc::kCorrupt, "longer than"));
}

TEST_F(BadRegistry, ThatIsBusyIsAskedAgainWhenItSays) {
  registry_.on("/manifests/", [&](const ServedRequest& request, ServedConnection& connection) {
    if (spoiled_++ > 0) return registry_.serve(request, connection);
    connection.answer(429, {}, "Retry-After: 3600\r\n");
  });
  how_.metadata_retry.longest_retry_after = milliseconds(150);
  const auto begin = std::chrono::steady_clock::now();

  EXPECT_THAT(pull_it(), IsOk());

  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took, milliseconds(150));
  EXPECT_LT(took, std::chrono::seconds(20));
}

TEST_F(BadRegistry, ThatStaysBusyIsGivenUp) {
  registry_.guard([](const ServedRequest&, ServedConnection& connection) {
    return connection.answer(429,
                             R"({"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]})");
  });

  EXPECT_THAT(pull_it(), FailsSaying(Errc::kExhausted, "too many requests (slow down)"));
  EXPECT_EQ(registry_.server().requests().size(), 4U);
}

TEST_F(BadRegistry, ThatFailsIsAskedAgain) {
  registry_.guard([&](const ServedRequest&, ServedConnection& connection) {
    return spoiled_++ % 2 == 0 && connection.answer(503);
  });

  EXPECT_THAT(pull_it(), IsOk());
}

TEST_F(BadRegistry, ThatIsNotThereIsNamed) {
  EXPECT_THAT(pull_it("127.0.0.1:1/x"),
              FailsSaying(Errc::kOs, "127.0.0.1:1/x:latest: cannot connect to 127.0.0.1 port 1"));
}

TEST_F(BadRegistry, ThatHasNoSuchImageIsNotAskedAgain) {
  EXPECT_THAT(pull_it(registry_.name() + ":2"), FailsSaying(Errc::kNotFound, "not here"));
  EXPECT_EQ(registry_.server().requests().size(), 1U);
}

TEST_F(BadRegistry, ThatTricklesIsGivenUp) {
  how_.http.low_speed = 10'000;
  how_.http.low_speed_time = std::chrono::seconds(1);
  how_.retry.attempts = 1;
  spoil_layer(100, [](const ServedRequest&, ServedConnection& connection) {
    connection.head(200, layer().blob.size());
    while (connection.send("b")) std::this_thread::sleep_for(milliseconds(20));
  });

  EXPECT_THAT(pull_it(), Fails(Errc::kTimeout));
}

TEST_F(BadRegistry, ThatSpeaksSomethingElseIsRefused) {
  registry_.guard([](const ServedRequest&, ServedConnection& connection) {
    return connection.send("SSH-2.0-OpenSSH_9.2p1\r\n");
  });

  EXPECT_THAT(pull_it(), FailsSaying(Errc::kCorrupt, "not HTTP"));
}

TEST_F(BadRegistry, GetsNoCredentialsForAnotherHostThatItSendsUsTo) {
  FakeRegistry elsewhere(OciImage::of({layer()}));
  fs::create_directories(dir_.path() + "/.docker");
  OciImage::write(
      dir_.path() + "/.docker/config.json",
      Json{{"auths", {{registry_.host(), {{"auth", base64_encode("me:secret")}}}}}}.dump());
  registry_.guard([&](const ServedRequest& request, ServedConnection& connection) {
    if (request.header("authorization").empty()) {
      return connection.answer(401, {}, "WWW-Authenticate: Basic realm=\"x\"\r\n");
    }
    if (request.target.find("/blobs/") == std::string::npos) return false;
    return connection.answer(307, {},
                             "Location: http://" + elsewhere.host() + request.target + "\r\n");
  });

  EXPECT_THAT(pull_it(), IsOk());

  expect_layer();
  ASSERT_EQ(elsewhere.server().requests().size(), 2U);
  for (const ServedRequest& request : elsewhere.server().requests()) {
    EXPECT_EQ(request.header("authorization"), "");
  }
  EXPECT_EQ(registry_.server().requests().back().header("authorization"),
            "Basic " + base64_encode("me:secret"));
}

TEST_F(BadRegistry, ThatSendsUsRoundIsGivenUp) {
  registry_.guard([](const ServedRequest& request, ServedConnection& connection) {
    return connection.answer(302, {}, "Location: " + request.target + "\r\n");
  });

  EXPECT_THAT(pull_it(), FailsSaying(Errc::kCorrupt, "redirects too often"));
  EXPECT_EQ(registry_.server().requests().size(), 6U);
}

TEST_F(BadRegistry, MaySendUsNowhereElse) {
  for (const char* location :
       {"file:///etc/passwd", "ftp://127.0.0.1/x", "http://me:secret@127.0.0.1/", "", "http://",
        "gopher://127.0.0.1:1/_x"}) {
    registry_.guard([location](const ServedRequest&, ServedConnection& connection) {
      return connection.answer(302, {}, std::string("Location: ") + location + "\r\n");
    });
    EXPECT_THAT(pull_it(), FailsSaying(Errc::kCorrupt, "redirects")) << location;
  }
}

TEST_F(BadRegistry, FromHttpsToHttpIsNoWay) {
  SM_ASSERT_OK_AND_ASSIGN(const Curl* curl, load_curl());
  SM_ASSERT_OK_AND_ASSIGN(const Url url, Url::parse(*curl, "https://a.io/v2/x"));

  EXPECT_THAT(url.redirected(*curl, "http://a.io/v2/x"),
              FailsSaying(Errc::kCorrupt, "https to http"));
  SM_ASSERT_OK_AND_ASSIGN(const Url other, url.redirected(*curl, "//b.io:8443/y"));
  EXPECT_EQ(other.origin(), "https://b.io:8443");
  SM_ASSERT_OK_AND_ASSIGN(const Url same, url.redirected(*curl, "/z"));
  EXPECT_EQ(same.origin(), url.origin());
}

TEST_F(BadRegistry, ThatAlwaysWantsALoginIsGivenUp) {
  registry_.guard([&](const ServedRequest& request, ServedConnection& connection) {
    if (request.target.starts_with("/token")) return connection.answer(200, R"({"token": "t"})");
    return connection.answer(401, {},
                             "WWW-Authenticate: Bearer realm=\"http://" + registry_.host() +
                                 "/token\",service=\"s\"\r\n");
  });

  EXPECT_THAT(pull_it(), FailsSaying(Errc::kNotFound, "gives no access"));
  EXPECT_EQ(registry_.server().count("/token"), 2U);
}

}  // namespace
}  // namespace supermachine::registry
