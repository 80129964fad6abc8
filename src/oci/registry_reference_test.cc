// SPDX-License-Identifier: Apache-2.0
#include "oci/registry_reference.h"

#include <gtest/gtest.h>

#include "oci/reference.h"
#include "result_matchers.h"

namespace supermachine::oci {
namespace {

using ::testing::HasSubstr;

const std::string kHex(64, 'a');

TEST(RegistryReference, IsCompletedAsDockerDoes) {
  struct Row {
    std::string text;
    std::string canonical;
    std::string familiar;
  };
  const std::string digest = "@sha256:" + kHex;
  const Row rows[] = {
      {"nginx", "docker.io/library/nginx:latest", "nginx:latest"},
      {"nginx:1.27-alpine", "docker.io/library/nginx:1.27-alpine", "nginx:1.27-alpine"},
      {"bitnami/redis", "docker.io/bitnami/redis:latest", "bitnami/redis:latest"},
      {"docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"},
      {"index.docker.io/library/nginx:1", "docker.io/library/nginx:1", "nginx:1"},
      {"docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"},
      {"docker.io/localhost/x", "docker.io/localhost/x:latest", "docker.io/localhost/x:latest"},
      {"docker.io/a.b/x", "docker.io/a.b/x:latest", "docker.io/a.b/x:latest"},
      {"ghcr.io/owner/app:v1", "ghcr.io/owner/app:v1", "ghcr.io/owner/app:v1"},
      {"localhost/x", "localhost/x:latest", "localhost/x:latest"},
      {"localhost:5000/x:1", "localhost:5000/x:1", "localhost:5000/x:1"},
      {"127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c:latest", "127.0.0.1:5000/a/b/c:latest"},
      {"[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"},
      {"Upper/x", "Upper/x:latest", "Upper/x:latest"},
      {"nginx" + digest, "docker.io/library/nginx" + digest, "nginx" + digest},
      {"nginx:1" + digest, "docker.io/library/nginx" + digest, "nginx:1" + digest},
      {"host:5000/nginx:1" + digest, "host:5000/nginx" + digest, "host:5000/nginx:1" + digest},
      {"a__b/c-----d/e.f_g", "docker.io/a__b/c-----d/e.f_g:latest", "a__b/c-----d/e.f_g:latest"},
      {"x:" + std::string(128, 'A'), "docker.io/library/x:" + std::string(128, 'A'),
       "x:" + std::string(128, 'A')},
  };
  for (const Row& row : rows) {
    const auto reference = RegistryReference::parse(row.text);
    ASSERT_THAT(reference, IsOk()) << row.text;
    EXPECT_EQ(reference.value().canonical(), row.canonical);
    EXPECT_EQ(reference.value().familiar(), row.familiar);
  }
}

TEST(RegistryReference, RefusesWhatNoRegistryCouldHold) {
  const std::string texts[] = {"",
                               ":",
                               "@",
                               "/",
                               "a/",
                               "/a",
                               "a//b",
                               "nginx:",
                               "nginx:-x",
                               "nginx:.x",
                               "nginx:a/b",
                               "nginx:a:b",
                               "nginx@",
                               "nginx@sha256:abc",
                               "nginx@sha512:" + kHex,
                               "nginx@sha256:" + kHex + "@x",
                               "Nginx",
                               "a_/b",
                               "a..b",
                               "a___b",
                               "a._b",
                               "-a",
                               "a-",
                               "a b",
                               "a\nb",
                               std::string("a\0b", 3),
                               "../x",
                               "./x",
                               "host:/x",
                               "host:0/x",
                               "host:65536/x",
                               "host:99999999/x",
                               "-h.io/x",
                               "h..io/x",
                               "h.io./x",
                               "[::1/x",
                               "[::g]/x",
                               "[]:1/x",
                               "[::1]x/x",
                               "user@host.io/x",
                               "http://host.io/x",
                               "x:" + std::string(129, 'a'),
                               std::string(256, 'a'),
                               kHex,
                               "ho_st.io/x"};
  for (const std::string& text : texts) {
    EXPECT_THAT(RegistryReference::parse(text), Fails(Errc::kInvalidArgument)) << text;
  }
  EXPECT_THAT(RegistryReference::parse("Nginx"),
              FailsSaying(Errc::kInvalidArgument, "names are in lower case"));
}

TEST(RegistryReference, TakesLoopbackOnlyForWhatIsIt) {
  for (const char* host :
       {"localhost", "localhost:1", "127.0.0.1", "127.1.2.3:5", "[::1]", "[::1]:5"}) {
    EXPECT_TRUE(is_loopback_host(host)) << host;
  }
  for (const char* host : {"localhost.example.com", "127.example.com", "127.0.0.1.nip.io",
                           "128.0.0.1", "[::2]", "example.com", "127.0.0"}) {
    EXPECT_FALSE(is_loopback_host(host)) << host;
  }
}

TEST(RegistryReference, IsWhatAReferenceWithoutAPrefixIs) {
  SM_ASSERT_OK_AND_ASSIGN(const Reference plain, Reference::parse("nginx:1.27"));
  SM_ASSERT_OK_AND_ASSIGN(const Reference prefixed, Reference::parse("docker://ghcr.io/a/b.tar"));

  EXPECT_EQ(plain.kind, Reference::Kind::kRegistry);
  EXPECT_EQ(plain.registry.canonical(), "docker.io/library/nginx:1.27");
  EXPECT_EQ(plain.text(), "nginx:1.27");
  EXPECT_EQ(prefixed.registry.canonical(), "ghcr.io/a/b.tar:latest");
}

TEST(RegistryReference, IsNotTakenForAForgottenPrefix) {
  for (const char* text : {"x.tar", "./x", "/tmp/x", "../x.tar", "images/x.tar.gz"}) {
    EXPECT_THAT(Reference::parse(text), FailsSaying(Errc::kInvalidArgument, "oci-archive:"))
        << text;
  }
}

}  // namespace
}  // namespace supermachine::oci
