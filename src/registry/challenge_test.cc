// SPDX-License-Identifier: Apache-2.0
#include "registry/challenge.h"

#include <gtest/gtest.h>

#include "result_matchers.h"

namespace supermachine::registry {
namespace {

using Parameters = std::map<std::string, std::string>;

TEST(Challenge, IsReadAsRegistriesWriteIt) {
  SM_ASSERT_OK_AND_ASSIGN(
      const auto bearer,
      parse_challenges(
          R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",)"
          R"(scope="repository:library/nginx:pull,push")"));
  SM_ASSERT_OK_AND_ASSIGN(
      const auto both,
      parse_challenges(R"(Basic realm="a \"b\"" , , bearer Realm=x, Service = y)"));
  SM_ASSERT_OK_AND_ASSIGN(const auto token68, parse_challenges("Negotiate YII/+==, Basic"));

  ASSERT_EQ(bearer.size(), 1U);
  EXPECT_EQ(bearer[0].scheme, "bearer");
  EXPECT_EQ(bearer[0].parameter("realm"), "https://auth.docker.io/token");
  EXPECT_EQ(bearer[0].parameter("scope"), "repository:library/nginx:pull,push");
  EXPECT_EQ(bearer[0].parameter("error"), "");
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].parameters, (Parameters{{"realm", "a \"b\""}}));
  EXPECT_EQ(both[1].parameters, (Parameters{{"realm", "x"}, {"service", "y"}}));
  ASSERT_EQ(token68.size(), 2U);
  EXPECT_EQ(token68[1].scheme, "basic");
  EXPECT_EQ(parse_challenges("").value().size(), 0U);
  EXPECT_EQ(parse_challenges(" , ,").value().size(), 0U);
}

TEST(Challenge, ThatIsMalformedIsRefused) {
  for (const std::string& text :
       {std::string("=x"), std::string("Bearer realm=\"x"), std::string("Bearer realm=\"x\\"),
        std::string("Bearer realm=\"x\"y=\"z\""), std::string("Bearer realm=x realm=y"),
        std::string("Bearer a=x, a=y"), std::string("Bearer realm=\"a\x01\""),
        std::string("Bearer\x01realm=x"), std::string("\"x\""), std::string("Bearer a b c"),
        std::string(9000, 'a'), "Bearer a=\"" + std::string(1, '\0') + "\""}) {
    EXPECT_THAT(parse_challenges(text), Fails(Errc::kCorrupt)) << text.substr(0, 60);
  }
}

TEST(Challenge, EveryTruncationIsReadOrRefused) {
  const std::string text =
      R"(Bearer realm="https://a/\"t", service=x, Basic realm="y", Negotiate ab==)";
  int refused = 0;
  for (std::size_t size = 0; size < text.size(); ++size) {
    refused += parse_challenges(text.substr(0, size)).ok() ? 0 : 1;
  }
  EXPECT_GT(refused, 10);
}

TEST(Challenge, HasLimits) {
  std::string many;
  for (int i = 0; i < 20; ++i) many += "Basic, ";
  EXPECT_THAT(parse_challenges(many), Fails(Errc::kCorrupt));
  many = "Bearer a=b";
  for (int i = 0; i < 20; ++i) many += ", p" + std::to_string(i) + "=x";
  EXPECT_THAT(parse_challenges(many), Fails(Errc::kCorrupt));
}

}  // namespace
}  // namespace supermachine::registry
