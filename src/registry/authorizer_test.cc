// SPDX-License-Identifier: Apache-2.0
#include "registry/authorizer.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/files.h"
#include "fake_registry.h"
#include "registry/pull.h"
#include "result_matchers.h"

namespace supermachine::registry {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// A registry that wants a token, which it gives out itself.
class TokenTest : public ::testing::Test {
 protected:
  TokenTest() {
    registry_.guard([this](const ServedRequest& request, ServedConnection& connection) {
      if (request.target.starts_with("/token")) {
        const auto [wanted, answer] = settings();
        const bool is_known = request.header("authorization") == wanted ||
                              request.body.find(wanted) != std::string::npos;
        if (!wanted.empty() && !is_known) return connection.answer(401);
        return connection.answer(200, answer);
      }
      if (request.header("authorization") == "Bearer sesame") return false;
      return connection.answer(401, {}, "WWW-Authenticate: " + challenge() + "\r\n");
    });
  }

  // Of the server's threads.
  std::pair<std::string, std::string> settings() {
    const MutexLock lock(mutex_);
    return {wanted_login_, token_answer_};
  }
  void want_login(const std::string& login) {
    const MutexLock lock(mutex_);
    wanted_login_ = login;
  }
  void answer_with(const std::string& answer) {
    const MutexLock lock(mutex_);
    token_answer_ = answer;
  }

  std::string challenge() {
    return "Bearer realm=\"http://" + registry_.host() +
           "/token\",service=\"the registry\",scope=\"repository:test/app:pull\"";
  }
  void store_login(const Json& entry) {
    fs::create_directories(dir_.path() + "/.docker");
    OciImage::write(dir_.path() + "/.docker/config.json",
                    Json{{"auths", {{registry_.host(), entry}}}}.dump());
  }
  Result<Pulled> pull_it() {
    PullOptions how;
    how.cache_dir = dir_.path() + "/cache";
    how.environment = {.home = dir_.path(), .certs_dirs = {}};
    how.metadata_retry = {.attempts = 1};
    ProgressReport silent(nullptr);
    return pull(oci::RegistryReference::parse(registry_.reference()).value(), how, silent);
  }

  TempDir dir_ = TempDir::create().value();
  Mutex mutex_;
  std::string wanted_login_;
  std::string token_answer_ = R"({"token": "sesame", "expires_in": 300})";
  FakeRegistry registry_{OciImage::of({OciImage::plain(TarWriter().file("a"))})};
};

TEST_F(TokenTest, IsFetchedOnceForAllRequestsWithoutALogin) {
  EXPECT_THAT(pull_it(), IsOk());

  EXPECT_EQ(registry_.server().count("/token"), 1U);
  EXPECT_EQ(registry_.server().requests()[1].target,
            "/token?service=the%20registry&scope=repository%3Atest%2Fapp%3Apull");
}

TEST_F(TokenTest, IsFetchedWithUserAndPassword) {
  want_login("Basic " + base64_encode("me:sec:ret"));
  EXPECT_THAT(pull_it(), FailsSaying(Errc::kNotFound, "docker login"));
  store_login({{"auth", base64_encode("me:sec:ret")}});
  EXPECT_THAT(pull_it(), IsOk());
}

TEST_F(TokenTest, IsFetchedForAnIdentityToken) {
  want_login("refresh_token=id-42");
  answer_with(R"({"access_token": "sesame"})");
  store_login({{"identitytoken", "id-42"}});

  EXPECT_THAT(pull_it(), IsOk());

  const ServedRequest request = registry_.server().requests()[1];
  EXPECT_EQ(request.method, "POST");
  EXPECT_THAT(request.body, HasSubstr("grant_type=refresh_token"));
  EXPECT_THAT(request.body, HasSubstr("scope=repository%3Atest%2Fapp%3Apull"));
}

TEST_F(TokenTest, ThatIsGarbageIsRefused) {
  for (const char* answer : {"", "[]", "{}", R"({"token": ""})", R"({"token": 5})",
                             R"({"token": "a b"})", R"({"token": "a\r\nX: y"})"}) {
    answer_with(answer);
    EXPECT_THAT(pull_it(), Fails(Errc::kCorrupt)) << answer;
  }
}

TEST(Token, LivesAsLongAsItSaysWithinReason) {
  EXPECT_EQ(parse_token(R"({"token": "t"})").value().lifetime, std::chrono::seconds(60));
  EXPECT_EQ(parse_token(R"({"token": "t", "expires_in": 0})").value().lifetime,
            std::chrono::seconds(10));
  EXPECT_EQ(parse_token(R"({"token": "t", "expires_in": 18446744073709551615})").value().lifetime,
            std::chrono::hours(24));
}

class Answer : public ::testing::Test {
 protected:
  Status answer(const std::string& challenge, const std::string& base = "https://r.io") {
    HttpResponse response;
    response.status = 401;
    if (!challenge.empty()) response.headers.emplace("www-authenticate", challenge);
    Authorizer authorizer({.base = base, .host = "r.io", .repository = "a", .extra_ca = ""},
                          {.certs_dirs = {}});
    HttpClient http = HttpClient::create({}).value();
    return authorizer.answer(response, "", http);
  }
};

TEST_F(Answer, SendsNoPasswordWithoutTls) {
  EXPECT_THAT(answer(R"(Bearer realm="http://auth.io/token")"),
              FailsSaying(Errc::kCorrupt, "without TLS"));
}

TEST_F(Answer, SaysWhyThereIsNone) {
  EXPECT_THAT(answer(""), FailsSaying(Errc::kNotFound, "no access"));
  EXPECT_THAT(answer("Basic realm=\"x\""), FailsSaying(Errc::kNotFound, "docker login"));
  EXPECT_THAT(answer("Negotiate"), FailsSaying(Errc::kUnsupported, "negotiate"));
  EXPECT_THAT(answer("Bearer service=\"x\""), FailsSaying(Errc::kCorrupt, "from where"));
  EXPECT_THAT(answer("Bearer realm=\"x"), FailsSaying(Errc::kCorrupt, "malformed"));
  EXPECT_THAT(answer("Bearer realm=\"/token\""), Fails(Errc::kInvalidArgument));
}

}  // namespace
}  // namespace supermachine::registry
