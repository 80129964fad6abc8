// SPDX-License-Identifier: Apache-2.0
#include "registry/credentials.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/files.h"
#include "base/json.h"
#include "oci_image.h"
#include "result_matchers.h"

namespace supermachine::registry {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class CredentialsTest : public ::testing::Test {
 protected:
  ~CredentialsTest() override { ::setenv("PATH", path_before_.c_str(), 1); }

  [[nodiscard]] Environment environment() const {
    return {.home = dir_.path(),
            .config_home = dir_.path() + "/config",
            .runtime_dir = dir_.path() + "/run",
            .certs_dirs = {}};
  }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(dir_.path() + "/" + name).parent_path());
    OciImage::write(dir_.path() + "/" + name, text);
  }
  void write_auths(const std::string& name,
                   const std::map<std::string, std::string>& logins) const {
    Json auths = Json::object();
    for (const auto& [key, login] : logins) auths[key] = {{"auth", base64_encode(login)}};
    write(name, Json{{"auths", auths}}.dump());
  }
  // A docker-credential-`name` in $PATH.
  void write_helper(const std::string& name, const std::string& script) const {
    const std::string file = "bin/docker-credential-" + name;
    write(file, "#!/bin/sh\n" + script);
    fs::permissions(dir_.path() + "/" + file, fs::perms::owner_all);
    ::setenv("PATH", (dir_.path() + "/bin:" + path_before_).c_str(), 1);
  }
  [[nodiscard]] std::string user(const std::string& host,
                                 const std::string& repository = "a") const {
    const auto found = find_credentials(environment(), host, repository);
    return found.ok() ? found.value().username : "error: " + found.error().message();
  }

  TempDir dir_ = TempDir::create().value();
  std::string path_before_ = std::getenv("PATH");
};

TEST_F(CredentialsTest, AreFoundUnderTheKeysThatToolsWrite) {
  write_auths(".docker/config.json", {{"https://index.docker.io/v1/", "hub:x"},
                                      {"ghcr.io", "gh:x"},
                                      {"https://quay.io/v2/", "quay:x"},
                                      {"localhost:5000", "local:x"}});

  EXPECT_EQ(user("docker.io"), "hub");
  EXPECT_EQ(user("ghcr.io"), "gh");
  EXPECT_EQ(user("quay.io"), "quay");
  EXPECT_EQ(user("localhost:5000"), "local");
  EXPECT_EQ(user("localhost"), "");
  EXPECT_EQ(user("xghcr.io"), "");
}

TEST_F(CredentialsTest, OfARepositoryComeBeforeThoseOfItsHost) {
  write_auths("run/containers/auth.json",
              {{"h.io", "host:x"}, {"h.io/a", "team:x"}, {"h.io/a/b", "app:x"}});

  EXPECT_EQ(user("h.io", "c"), "host");
  EXPECT_EQ(user("h.io", "ab"), "host");
  EXPECT_EQ(user("h.io", "a/c"), "team");
  EXPECT_EQ(user("h.io", "a/b/c"), "app");
}

TEST_F(CredentialsTest, OfPodmanComeBeforeDockers) {
  write_auths(".docker/config.json", {{"h.io", "docker:x"}, {"other.io", "docker:x"}});
  write_auths("config/containers/auth.json", {{"h.io", "podman:x"}});
  EXPECT_EQ(user("h.io"), "podman");
  EXPECT_EQ(user("other.io"), "docker");

  write_auths("alone.json", {{"h.io", "alone:x"}});
  Environment named = environment();
  named.registry_auth_file = dir_.path() + "/alone.json";
  EXPECT_EQ(find_credentials(named, "h.io", "a").value().username, "alone");
  EXPECT_TRUE(find_credentials(named, "other.io", "a").value().empty());

  Environment docker_config = environment();
  docker_config.config_home.clear();
  docker_config.docker_config = dir_.path() + "/elsewhere";
  write_auths("elsewhere/config.json", {{"h.io", "elsewhere:x"}});
  EXPECT_EQ(find_credentials(docker_config, "h.io", "a").value().username, "elsewhere");
}

TEST_F(CredentialsTest, ComeFromTheHelperOfAHostOrFromTheStore) {
  write_helper(
      "one", R"(test "$1" = get; read host; echo "{\"Username\":\"one-$host\",\"Secret\":\"s\"}")");
  write_helper("two", R"(read host; echo "{\"Username\":\"<token>\",\"Secret\":\"id-$host\"}")");
  write(".docker/config.json", R"({"credHelpers": {"h.io": "one"}, "credsStore": "two"})");

  EXPECT_EQ(user("h.io"), "one-h.io");
  SM_ASSERT_OK_AND_ASSIGN(const Credentials hub, find_credentials(environment(), "docker.io", "a"));
  EXPECT_EQ(hub.identity_token, "id-https://index.docker.io/v1/");
  EXPECT_EQ(hub.username, "");
}

TEST_F(CredentialsTest, AreNoneWhenAHelperKnowsNone) {
  write_helper("none", "echo 'credentials not found in native keychain'; exit 1");
  write(".docker/config.json", R"({"credsStore": "none", "auths": {"h.io": {"auth": "YTpi"}}})");

  EXPECT_EQ(user("other.io"), "");
  EXPECT_EQ(user("h.io"), "a");
}

TEST_F(CredentialsTest, SayWhichHelperFailed) {
  write(".docker/config.json", R"({"credsStore": "missing-one"})");
  EXPECT_THAT(user("h.io"), HasSubstr("docker-credential-missing-one: no such program"));
  write_helper("angry", "exit 3");
  write(".docker/config.json", R"({"credsStore": "angry"})");
  EXPECT_THAT(user("h.io"), HasSubstr("docker-credential-angry get: exit status 3"));
  write_helper("odd", "echo secret-words");
  write(".docker/config.json", R"({"credsStore": "odd"})");
  EXPECT_THAT(user("h.io"), HasSubstr("docker-credential-odd"));
  EXPECT_THAT(user("h.io"), Not(HasSubstr("secret-words")));
}

TEST_F(CredentialsTest, RunNoProgramOutsideOfThePath) {
  for (const char* name : {"../../bin/sh", "x y", "a;b", "/bin/sh"}) {
    write(".docker/config.json", Json{{"credsStore", name}}.dump());
    EXPECT_THAT(user("h.io"), HasSubstr("no credential helper's name")) << name;
  }
}

TEST_F(CredentialsTest, NameTheFileThatIsBroken) {
  for (const char* text : {"", "x", R"({"auths": {"h.io": {"auth": "%%%"}}})",
                           R"({"auths": {"h.io": {"auth": "YWJj"}}})"}) {
    write(".docker/config.json", text);
    EXPECT_THAT(user("h.io"), HasSubstr(".docker/config.json")) << text;
  }
}

TEST(Base64, GoesThereAndBack) {
  for (const std::string& text :
       {std::string(), std::string("a"), std::string("ab"), std::string("abc"),
        std::string("\0\xff\x80", 3), std::string(1000, 'x')}) {
    EXPECT_EQ(base64_decode(base64_encode(text)).value(), text);
  }
  EXPECT_EQ(base64_encode("user:password"), "dXNlcjpwYXNzd29yZA==");
  for (const char* text : {"a", "a===", "ab=c", "a b=", "ab-_", "=", "abc==", "abcde"}) {
    EXPECT_THAT(base64_decode(text), Fails(Errc::kCorrupt)) << text;
  }
}

}  // namespace
}  // namespace supermachine::registry
