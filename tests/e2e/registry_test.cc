// SPDX-License-Identifier: Apache-2.0
// Images from a real registry, and what a user of `supermachine pull` sees. No guest runs here.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <set>
#include <sstream>
#include <thread>

#include "base/files.h"
#include "base/json.h"
#include "fake_registry.h"
#include "local_registry.h"
#include "program.h"
#include "result_matchers.h"

namespace supermachine {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

OciImage::Layer big_layer() {
  std::string content;
  for (int i = 0; i < 200'000; ++i) content += std::to_string(i * 7919);
  return OciImage::gzipped(TarWriter().directory("data").file("data/numbers", content));
}

OciImage small_image() {
  return OciImage::of({big_layer(), OciImage::zstandard(TarWriter().file("top", "x"))});
}

class RegistryTest : public ::testing::Test {
 protected:
  RegistryTest() { fs::create_directories(in("home/.docker")); }

  [[nodiscard]] std::string in(const std::string& name) const { return dir_.path() + "/" + name; }

  [[nodiscard]] Launch launch(std::vector<std::string> args) const {
    Launch how{.args = std::move(args)};
    how.env = {{"SUPERMACHINE_CACHE", in("cache")},
               {"HOME", in("home")},
               {"XDG_CONFIG_HOME", ""},
               {"XDG_RUNTIME_DIR", ""},
               {"DOCKER_CONFIG", ""},
               {"REGISTRY_AUTH_FILE", ""},
               {"http_proxy", ""},
               {"https_proxy", ""},
               {"HTTP_PROXY", ""},
               {"HTTPS_PROXY", ""},
               {"all_proxy", ""},
               {"ALL_PROXY", ""},
               {"SSL_CERT_FILE", ""},
               {"CURL_CA_BUNDLE", ""},
               {"SSL_CERT_DIR", ""}};
    for (const auto& [name, value] : more_env_) how.env[name] = value;
    return how;
  }
  [[nodiscard]] Ended pull(std::vector<std::string> args) const {
    args.insert(args.begin(), "pull");
    return run_program(launch(std::move(args)));
  }
  // Runs it, expects it to fail, and returns the one line of why.
  [[nodiscard]] std::string complaint(std::vector<std::string> args) const {
    args.insert(args.begin(), "-q");
    const Ended ended = pull(std::move(args));
    EXPECT_EQ(ended.status, 125);
    EXPECT_EQ(ended.out, "");
    EXPECT_THAT(ended.err, AllOf(StartsWith("supermachine: "), EndsWith("\n")));
    EXPECT_EQ(std::ranges::count(ended.err, '\n'), 1) << ended.err;
    return ended.err;
  }
  std::string write_archive(const OciImage& image) const {
    image.write_archive(in("image.tar"));
    return "oci-archive:" + in("image.tar");
  }
  void configure(const Json& registries) {
    OciImage::write(in("registries.json"), Json{{"registries", registries}}.dump());
    more_env_["SUPERMACHINE_REGISTRIES"] = in("registries.json");
  }
  static LocalRegistry registry_with(const std::string& source, const std::string& name,
                                     const LocalRegistryOptions& options = {}) {
    auto registry = LocalRegistry::start(options);
    EXPECT_THAT(registry, IsOk());
    EXPECT_THAT(registry.value().push(source, name), IsOk());
    return std::move(registry).value();
  }

  TempDir dir_ = TempDir::create().value();
  std::map<std::string, std::string> more_env_;
};

TEST_F(RegistryTest, IsPulledOnceAndIsThereWithoutTheRegistry) {
  LocalRegistry registry = registry_with(write_archive(small_image()), "test/app:1");
  const std::string reference = registry.host() + "/test/app:1";
  const std::string digest = OciImage::digest(registry.manifest("test/app:1").value());

  const Ended first = pull({reference});
  const Ended second = pull({"-q", reference});

  EXPECT_EQ(first.status, 0);
  EXPECT_EQ(first.out, reference + " " + digest + "\n");
  EXPECT_THAT(first.err, AllOf(HasSubstr("supermachine: download layer sha256:"),
                               HasSubstr("supermachine: unpack layer"), HasSubstr("/s")));
  EXPECT_EQ(second.out, first.out);
  EXPECT_EQ(second.err, "");
  registry.stop();
  EXPECT_EQ(pull({"-q", "--policy", "missing", reference}).out, first.out);
  EXPECT_EQ(pull({"-q", "--policy", "never", registry.host() + "/test/app@" + digest}).status, 0);
  EXPECT_THAT(complaint({reference}), HasSubstr("cannot connect to 127.0.0.1"));
}

TEST_F(RegistryTest, ThatWantsAPasswordGetsTheStoredOne) {
  const LocalRegistry registry =
      registry_with(write_archive(small_image()), "test/app:1", {.basic_auth = true});
  const std::string reference = registry.host() + "/test/app:1";
  const auto store = [&](const std::string& packed) {
    OciImage::write(in("home/.docker/config.json"),
                    Json{{"auths", {{registry.host(), {{"auth", packed}}}}}}.dump());
  };

  EXPECT_THAT(complaint({reference}), HasSubstr("'docker login " + registry.host() + "'"));
  store("bWU6d3Jvbmc=");  // me:wrong
  EXPECT_THAT(complaint({reference}), HasSubstr("do not suffice"));
  store("bWU6c2VjcmV0");  // me:secret
  EXPECT_EQ(pull({reference}).status, 0);
}

// Seen from a helper, which inherits it.
TEST_F(RegistryTest, IsPulledFromWithAllTheFilesOneMayOpen) {
  const LocalRegistry registry =
      registry_with(write_archive(small_image()), "test/app:1", {.basic_auth = true});
  OciImage::write(in("home/.docker/config.json"),
                  Json{{"credHelpers", {{registry.host(), "limits"}}}}.dump());
  fs::create_directory(in("bin"));
  OciImage::write(in("bin/docker-credential-limits"),
                  "#!/bin/sh\nulimit -Sn > " + in("limit") +
                      "\necho '{\"Username\": \"me\", \"Secret\": \"secret\"}'\n");
  fs::permissions(in("bin/docker-credential-limits"), fs::perms::owner_all);
  more_env_["PATH"] = in("bin") + ":/usr/bin:/bin";
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{.rlim_cur = 256, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);

  const Ended ended = pull({registry.host() + "/test/app:1"});

  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(read_file(in("limit"), 100).value(), std::to_string(before.rlim_max) + "\n");
}

TEST_F(RegistryTest, HasAnIndexOfWhichOurPlatformIsTaken) {
  OciImage image;
  const std::vector layers{OciImage::gzipped(TarWriter().file("a"))};
  const std::vector other{OciImage::gzipped(TarWriter().file("b"))};
  const Json ours = image.add_manifest(layers);
  image.set_index({image.add_index(
      {OciImage::for_platform(image.add_manifest(other, OciImage::config(other, "arm64")), "linux",
                              "arm64"),
       OciImage::for_platform(ours, "linux", "amd64")})});
  const LocalRegistry registry = registry_with(write_archive(image), "test/app:1");
  const std::string reference = registry.host() + "/test/app:1";

  const Ended ended = pull({"--platform", "linux/amd64", reference});

  EXPECT_EQ(ended.out, reference + " " + ours.at("digest").get<std::string>() + "\n");
  EXPECT_THAT(complaint({"--platform", "linux/arm64", reference}),
              AllOf(HasSubstr("linux/arm64 cannot run here"), HasSubstr("linux/amd64")));
}

TEST_F(RegistryTest, WithItsOwnCaIsTrustedWhenOneSaysSo) {
  const LocalRegistry registry =
      registry_with(write_archive(small_image()), "test/app:1", {.tls = true});
  const std::string reference = registry.host() + "/test/app:1";
  configure({{registry.host(), {{"plain_http", false}}}});

  EXPECT_THAT(complaint({reference}), AllOf(HasSubstr("not trusted"), HasSubstr("SSL_CERT_FILE")));
  more_env_["SSL_CERT_FILE"] = registry.certificate();
  EXPECT_EQ(pull({reference}).status, 0);
  more_env_["SSL_CERT_FILE"] = "";
  configure({{registry.host(), {{"plain_http", false}, {"skip_tls_verify", true}}}});
  EXPECT_EQ(pull({reference}).status, 0);
}

TEST_F(RegistryTest, IsAMirrorOfAnother) {
  const LocalRegistry registry = registry_with(write_archive(small_image()), "library/app:1");
  configure({{"docker.io", {{"mirrors", {"http://" + registry.host()}}}}});

  EXPECT_THAT(pull({"app:1"}).out, StartsWith("app:1 sha256:"));
}

TEST_F(RegistryTest, SaysInJsonWhatItDoes) {
  const LocalRegistry registry = registry_with(write_archive(small_image()), "test/app:1");

  const Ended ended = pull({"--json", registry.host() + "/test/app:1"});

  EXPECT_EQ(parse_json(ended.out, "result").value().at("reference"),
            registry.host() + "/test/app:1");
  std::set<std::string> stages;
  std::istringstream lines(ended.err);
  for (std::string line; std::getline(lines, line);) {
    const auto event = parse_json(line, "event");
    ASSERT_THAT(event, IsOk()) << line;
    stages.insert(event.value().at("stage").get<std::string>());
  }
  EXPECT_EQ(stages, (std::set<std::string>{"resolve", "download", "unpack", "rootfs"}));
}

TEST_F(RegistryTest, ShowsBarsOnATerminalAndALineAStep) {
  const LocalRegistry registry = registry_with(write_archive(small_image()), "test/app:1");
  Launch how = launch({"pull", registry.host() + "/test/app:1"});
  how.terminal = true;

  const Ended ended = run_program(how);

  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.out, AllOf(HasSubstr("[>"), HasSubstr("\x1b[1A"), HasSubstr("download layer")));
  EXPECT_THAT(ended.out, HasSubstr("rootfs: "));
}

TEST_F(RegistryTest, IsCompletedByBashOncePulled) {
  const LocalRegistry registry = registry_with(write_archive(small_image()), "test/app:1");
  ASSERT_EQ(pull({registry.host() + "/test/app:1"}).status, 0);
  Launch bash = launch({"-c", "source <(" SM_PROGRAM " completion bash); COMP_WORDS=(" SM_PROGRAM
                              " run 127); COMP_CWORD=2; _supermachine; echo ${COMPREPLY[*]}"});
  bash.program = "/bin/bash";

  EXPECT_EQ(run_program(bash).out, registry.host() + "/test/app:1\n");
}

TEST_F(RegistryTest, GoesOnWhereAnInterruptedPullEnded) {
  const std::string blob = big_layer().blob;
  std::atomic<bool> stall = true;
  FakeRegistry registry(small_image());
  registry.on(OciImage::digest(blob),
              [&](const ServedRequest& request, ServedConnection& connection) {
                if (!stall) return registry.serve(request, connection);
                connection.head(200, blob.size());
                connection.send(blob.substr(0, blob.size() / 2));
                while (stall) std::this_thread::sleep_for(std::chrono::milliseconds(10));
              });
  const std::string partial = in("cache/images/partial/" + OciImage::digest(blob).substr(7));
  const auto partial_size = [&] {
    std::error_code missing;
    const std::uintmax_t size = fs::file_size(partial, missing);
    return missing ? 0 : size;
  };
  {
    const Launch how = launch({"pull", registry.reference()});
    Program program(how);
    for (int i = 0; i < 500 && partial_size() < blob.size() / 2; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    program.signal(SIGINT);
    EXPECT_EQ(program.wait(), 128 + SIGINT);
  }
  EXPECT_EQ(partial_size(), blob.size() / 2);
  stall = false;

  const Ended ended = pull({registry.reference()});

  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("resumed at"));
  EXPECT_EQ(partial_size(), 0U);
}

TEST_F(RegistryTest, MendsALayerThatTheDiskHasDamaged) {
  const LocalRegistry registry = registry_with(write_archive(small_image()), "test/app:1");
  const std::string reference = registry.host() + "/test/app:1";
  ASSERT_EQ(pull({reference}).status, 0);
  fs::remove_all(in("cache/images/rootfs"));
  const std::string path =
      in("cache/images/blobs/sha256/" + OciImage::digest(big_layer().blob).substr(7));
  std::string bytes = read_file(path, std::size_t{16} << 20).value();
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  OciImage::write(path, bytes);

  EXPECT_EQ(pull({"--policy", "missing", reference}).status, 0);
}

TEST_F(RegistryTest, IsToldApartFromWhatIsNoReference) {
  EXPECT_THAT(complaint({}), HasSubstr("which image"));
  EXPECT_THAT(complaint({"oci-archive:x.tar"}), HasSubstr("nothing to pull"));
  EXPECT_THAT(complaint({"Upper"}), HasSubstr("lower case"));
  EXPECT_THAT(complaint({"--policy", "often", "x"}), HasSubstr("always, missing or never"));
  EXPECT_THAT(complaint({"--platform", "x/y/z/w", "x"}), HasSubstr("linux/amd64"));
  EXPECT_THAT(complaint({"--policy", "never", "localhost:1/x"}), HasSubstr("supermachine pull"));
}

}  // namespace
}  // namespace supermachine
