// SPDX-License-Identifier: Apache-2.0
#include "registry/config.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/files.h"
#include "oci_image.h"
#include "registry/retry.h"
#include "result_matchers.h"

namespace supermachine::registry {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> bases(const std::string& reference, const std::string& config,
                               const Environment& environment = {.certs_dirs = {}}) {
  std::vector<std::string> out;
  for (const Endpoint& endpoint : endpoints_of(oci::RegistryReference::parse(reference).value(),
                                               parse_registry_config(config).value(), environment)
                                      .value()) {
    out.push_back(endpoint.base + "/" + endpoint.repository);
  }
  return out;
}

TEST(RegistryConfig, SaysWhereAnImageCanBeHad) {
  EXPECT_THAT(bases("nginx", "{}"), ElementsAre("https://registry-1.docker.io/library/nginx"));
  EXPECT_THAT(bases("h.io:5000/a", "{}"), ElementsAre("https://h.io:5000/a"));
  EXPECT_THAT(bases("localhost:5000/a", "{}"), ElementsAre("http://localhost:5000/a"));
  EXPECT_THAT(bases("[::1]:5000/a", "{}"), ElementsAre("http://[::1]:5000/a"));
  EXPECT_THAT(bases("h.io/a", R"({"registries": {"h.io": {"plain_http": true}}})"),
              ElementsAre("http://h.io/a"));
  EXPECT_THAT(bases("localhost/a", R"({"registries": {"localhost": {"plain_http": false}}})"),
              ElementsAre("https://localhost/a"));
  EXPECT_THAT(bases("nginx", R"({"registries": {"docker.io": {"mirrors": [
                "https://m.io", "http://127.0.0.1:5000/hub/"]}}})"),
              ElementsAre("https://m.io/library/nginx", "http://127.0.0.1:5000/hub/library/nginx",
                          "https://registry-1.docker.io/library/nginx"));
}

TEST(RegistryConfig, RefusesWhatItDoesNotKnow) {
  for (const char* text :
       {"", "[]", R"({"registry": {}})", R"({"registries": []})", R"({"registries": {"a b": {}}})",
        R"({"registries": {"h.io": 1}})", R"({"registries": {"h.io": {"insecure": true}}})",
        R"({"registries": {"h.io": {"plain_http": "yes"}}})",
        R"({"registries": {"h.io": {"mirrors": "https://m.io"}}})",
        R"({"registries": {"h.io": {"mirrors": ["m.io"]}}})",
        R"({"registries": {"h.io": {"mirrors": ["https://"]}}})",
        R"({"registries": {"h.io": {"mirrors": ["https://me:secret@m.io"]}}})",
        R"({"registries": {"h.io": {"mirrors": ["https://m.io/a?b"]}}})",
        R"({"registries": {"h.io": {"mirrors": ["https://m.io", 5]}}})"}) {
    EXPECT_FALSE(parse_registry_config(text).ok()) << text;
  }
}

TEST(RegistryConfig, IsReadFromItsPlaceOrFromWhereOneSays) {
  const TempDir dir = TempDir::create().value();
  Environment environment{.config_home = dir.path(), .certs_dirs = {}};
  EXPECT_TRUE(load_registry_config(environment).value().registries.empty());

  std::filesystem::create_directories(dir.path() + "/supermachine");
  OciImage::write(dir.path() + "/supermachine/registries.json", R"({"registries": {"h.io": {}}})");
  EXPECT_EQ(load_registry_config(environment).value().registries.size(), 1U);

  environment.registries_file = dir.path() + "/other.json";
  EXPECT_THAT(load_registry_config(environment), FailsSaying(Errc::kOs, "other.json"));
  OciImage::write(environment.registries_file, "{");
  EXPECT_THAT(load_registry_config(environment), FailsSaying(Errc::kCorrupt, "other.json"));
}

TEST(RegistryConfig, TakesTheCaOfAHostAndItsTlsThen) {
  const TempDir dir = TempDir::create().value();
  std::filesystem::create_directories(dir.path() + "/localhost:5000");
  OciImage::write(dir.path() + "/localhost:5000/ca.crt", "PEM");
  const Environment environment{.certs_dirs = {"/nonexistent", dir.path()}};

  SM_ASSERT_OK_AND_ASSIGN(
      const auto endpoints,
      endpoints_of(oci::RegistryReference::parse("localhost:5000/a").value(), {}, environment));

  EXPECT_EQ(endpoints[0].extra_ca, "PEM");
  EXPECT_EQ(endpoints[0].base, "https://localhost:5000");
}

TEST(Retry, IsForWhatMayPass) {
  const RetryPolicy policy{.attempts = 3, .first_wait = std::chrono::milliseconds(1)};
  const std::function<bool()> never;
  Retry retry(policy, never);

  EXPECT_FALSE(retry.again({Errc::kCorrupt, "x"}));
  EXPECT_TRUE(retry.again({Errc::kOs, "x"}));
  EXPECT_TRUE(retry.again({Errc::kTimeout, "x"}));
  EXPECT_FALSE(retry.again({Errc::kExhausted, "x"}));
  retry.progressed();
  EXPECT_TRUE(retry.again({Errc::kExhausted, "x"}));
}

TEST(Retry, EndsWhenNobodyWaits) {
  const RetryPolicy policy{.first_wait = seconds(100)};
  const std::function<bool()> always = [] { return true; };
  EXPECT_FALSE(Retry(policy, always).again({Errc::kOs, "x"}));
}

TEST(RetryAfter, IsANumberOfSecondsOrADate) {
  const auto now = std::chrono::system_clock::from_time_t(784111777);  // the RFC's example
  EXPECT_EQ(parse_retry_after("120", now), seconds(120));
  EXPECT_EQ(parse_retry_after("99999999999999999999", now), seconds(1'000'000));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now), seconds(10));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:27 GMT", now), seconds(0));
  for (const char* text : {"", "-1", "1.5", "soon", "Sun, 06 Nov 1994 08:49:47 GMTx"}) {
    EXPECT_EQ(parse_retry_after(text, now), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace supermachine::registry
