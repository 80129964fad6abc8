// SPDX-License-Identifier: Apache-2.0
// What a user gets wrong, and what is told in return. No guest runs here.
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/files.h"
#include "fake_registry.h"
#include "oci_image.h"
#include "program.h"

namespace supermachine {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

OciImage::Layer small_layer() {
  return OciImage::plain(TarWriter().directory("bin").file("bin/tool", "x", 0755));
}

class BadInput : public ::testing::Test {
 protected:
  // Each file that the program could leave behind lies below our own directory.
  BadInput() {
    fs::create_directories(dir_.path() + "/tmp");
    fs::create_directories(dir_.path() + "/in");
  }
  void TearDown() override {
    std::vector<std::string> left;
    for (const char* place : {"/cache", "/tmp", "/home"}) {
      std::error_code missing_is_fine;
      for (const auto& entry :
           fs::recursive_directory_iterator(dir_.path() + place, missing_is_fine)) {
        // What a pull has already brought and verified stays, for the next one.
        const std::string path = entry.path().string();
        const bool is_kept = path.starts_with(dir_.path() + "/cache/images/blobs/") ||
                             path == dir_.path() + "/cache/images/lock";
        if (!entry.is_directory() && !is_kept) left.push_back(path);
      }
    }
    EXPECT_THAT(left, IsEmpty()) << "left behind";
  }

  Launch launch(std::vector<std::string> args) const {
    args.insert(args.begin(), "run");
    return {.args = std::move(args),
            .env = {{"SUPERMACHINE_CACHE", dir_.path() + "/cache"},
                    {"TMPDIR", dir_.path() + "/tmp"},
                    {"HOME", dir_.path() + "/home"},
                    {"XDG_CONFIG_HOME", ""},
                    {"DOCKER_CONFIG", ""},
                    {"REGISTRY_AUTH_FILE", ""}},
            .cwd = dir_.path() + "/in"};
  }

  // Runs it, expects one line and exit status 125, and returns the line.
  std::string complaint(const Launch& how) const {
    const Ended ended = run_program(how);
    EXPECT_EQ(ended.status, 125);
    EXPECT_EQ(ended.out, "");
    EXPECT_THAT(ended.err, AllOf(StartsWith("supermachine: "), EndsWith("\n")));
    EXPECT_EQ(std::ranges::count(ended.err, '\n'), 1) << ended.err;
    return ended.err;
  }
  std::string complaint(std::vector<std::string> args) const {
    return complaint(launch(std::move(args)));
  }

  [[nodiscard]] std::string in(const std::string& name) const {
    return dir_.path() + "/in/" + name;
  }
  void write(const std::string& name, const std::string& bytes) const {
    OciImage::write(in(name), bytes);
  }
  void write_image(const std::string& name, OciImage image) const { image.write_archive(in(name)); }

  const TempDir dir_ = TempDir::create().value();
};

TEST_F(BadInput, NoImageAtAll) {
  EXPECT_THAT(complaint(std::vector<std::string>{}), HasSubstr("which image"));
}

TEST_F(BadInput, UnknownOption) {
  EXPECT_THAT(complaint({"--memroy", "5", "oci-archive:x.tar"}),
              AllOf(HasSubstr("--memroy"), HasSubstr("'supermachine run --help'")));
}

TEST_F(BadInput, UnknownVerb) {
  const Ended ended = run_program({.args = {"walk"}});

  EXPECT_EQ(ended.status, 125);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("'walk'"), HasSubstr("supermachine --help")));
}

TEST_F(BadInput, UnknownKindOfImage) {
  EXPECT_THAT(complaint({"python.tar"}), AllOf(HasSubstr("python.tar"), HasSubstr("oci-archive:")));
}

TEST_F(BadInput, RegistryThatIsNotThere) {
  EXPECT_THAT(complaint({"127.0.0.1:1/app"}),
              HasSubstr("127.0.0.1:1/app:latest: cannot connect to 127.0.0.1 port 1"));
}

TEST_F(BadInput, ReferenceThatNoRegistryCouldHold) {
  EXPECT_THAT(complaint({"Nginx"}), AllOf(HasSubstr("'Nginx'"), HasSubstr("lower case")));
  EXPECT_THAT(complaint({"nginx@sha256:123"}), HasSubstr("64 hexadecimal digits"));
  EXPECT_THAT(complaint({"docker://localhost:99999/x"}), HasSubstr("'localhost:99999' is no host"));
  EXPECT_THAT(complaint({"localhost/a:" + std::string(200, 'x')}), HasSubstr("a tag is up to 128"));
}

TEST_F(BadInput, RegistryWithoutTheImage) {
  FakeRegistry registry(OciImage::of({small_layer()}));

  EXPECT_THAT(complaint({registry.host() + "/other"}), HasSubstr("no such name"));
  EXPECT_THAT(complaint({registry.name() + ":2"}), HasSubstr("has no test/app:2"));
  registry.guard([](const ServedRequest&, ServedConnection& connection) {
    return connection.answer(401, {}, "WWW-Authenticate: Basic realm=\"x\"\r\n");
  });
  EXPECT_THAT(complaint({registry.reference()}),
              HasSubstr("'docker login " + registry.host() + "'"));
}

TEST_F(BadInput, RegistryThatSendsSomethingElse) {
  FakeRegistry registry(OciImage::of({small_layer()}));
  registry.tag("odd", "<html>", "text/html");
  registry.tag("cut", "{\"config\":", "application/vnd.oci.image.manifest.v1+json");

  EXPECT_THAT(complaint({registry.name() + ":odd"}), HasSubstr("text/html"));
  EXPECT_THAT(complaint({registry.name() + ":cut"}), HasSubstr("not valid JSON"));
}

TEST_F(BadInput, RegistryThatSendsOtherBytesThanItSaid) {
  const std::string blob = small_layer().blob;
  FakeRegistry registry(OciImage::of({small_layer()}));
  registry.on(OciImage::digest(blob), [&](const ServedRequest&, ServedConnection& connection) {
    connection.answer(200, std::string(blob.size(), 'x'));
  });

  EXPECT_THAT(complaint({registry.reference()}), HasSubstr("digest mismatch"));
}

TEST_F(BadInput, SettingsOfRegistriesThatAreWrong) {
  write("registries.json", R"({"registries": {"docker.io": {"miror": []}}})");
  Launch how = launch({"nginx"});
  how.env["SUPERMACHINE_REGISTRIES"] = in("registries.json");

  EXPECT_THAT(complaint(how), AllOf(HasSubstr("registries.json"), HasSubstr("'miror'")));
}

TEST_F(BadInput, MissingFile) {
  EXPECT_THAT(complaint({"oci-archive:nothing.tar"}), HasSubstr("nothing.tar: no such file"));
  EXPECT_THAT(complaint({"oci-layout:nothing"}), HasSubstr("nothing: no such directory"));
}

TEST_F(BadInput, ArchiveThatIsNoTar) {
  write("text.tar", std::string(5000, 'x'));

  EXPECT_THAT(complaint({"oci-archive:text.tar"}), AllOf(HasSubstr("text.tar"), HasSubstr("tar")));
}

TEST_F(BadInput, TruncatedArchive) {
  const std::string archive = OciImage::of({small_layer()}).archive();
  write("cut.tar", archive.substr(0, archive.size() / 2));

  EXPECT_THAT(complaint({"oci-archive:cut.tar"}), HasSubstr("cut.tar"));
}

TEST_F(BadInput, LayerThatIsNotWhatItsDigestSays) {
  const OciImage::Layer layer = small_layer();
  OciImage image = OciImage::of({layer});
  std::string& blob = image.files.at("blobs/sha256/" + OciImage::digest(layer.blob).substr(7));
  blob[600] = static_cast<char>(blob[600] ^ 1);
  write_image("bent.tar", image);

  EXPECT_THAT(complaint({"oci-archive:bent.tar"}),
              AllOf(HasSubstr("bent.tar"), HasSubstr(OciImage::digest(layer.blob).substr(7, 12))));
}

TEST_F(BadInput, IndexWithoutOurPlatformListsWhatThereIs) {
  OciImage image;
  const auto layers = std::vector{small_layer()};
  image.set_index({image.add_index(
      {OciImage::for_platform(image.add_manifest(layers, OciImage::config(layers, "arm64")),
                              "linux", "arm64"),
       OciImage::for_platform(image.add_manifest(layers, OciImage::config(layers, "s390x")),
                              "linux", "s390x")})});
  write_image("foreign.tar", image);

  EXPECT_THAT(complaint({"oci-archive:foreign.tar"}),
              AllOf(HasSubstr("foreign.tar"), HasSubstr("linux/amd64"), HasSubstr("linux/arm64"),
                    HasSubstr("linux/s390x")));
}

TEST_F(BadInput, LayerOfUnknownCompression) {
  OciImage::Layer layer = small_layer();
  layer.blob = "BZh9" + layer.blob;
  layer.media_type = "application/vnd.oci.image.layer.v1.tar+bzip2";
  write_image("odd.tar", OciImage::of({layer}));

  EXPECT_THAT(complaint({"oci-archive:odd.tar"}),
              AllOf(HasSubstr("odd.tar"), HasSubstr("compression")));
}

TEST_F(BadInput, MachineThatCannotBe) {
  const std::string image = "oci-archive:not-even-looked-at.tar";
  EXPECT_THAT(complaint({"--vcpus", "0", image}), HasSubstr("0 vCPUs: a VM has 1 to 32"));
  EXPECT_THAT(complaint({"--vcpus", "1000", image}), HasSubstr("1000 vCPUs"));
  EXPECT_THAT(complaint({"--memory", "1", image}), HasSubstr("1 MiB of memory is too small"));
  EXPECT_THAT(complaint({"--memory", "4000g", image}), HasSubstr("4096000 MiB"));
  EXPECT_THAT(complaint({"--hostname", "a b", image}), HasSubstr("'a b'"));
}

// From here on the image is good, so its root file system may stay in the cache: it is kept
// elsewhere.
class BadRequest : public BadInput {
 protected:
  BadRequest() {
    write_image("good.tar", OciImage::of({small_layer()}));
    const auto layers = std::vector{small_layer()};
    auto mute = OciImage::config(layers);
    mute["config"].erase("Entrypoint");
    mute["config"].erase("Cmd");
    OciImage image;
    image.set_index({image.add_manifest(layers, mute)});
    write_image("mute.tar", image);
    fs::create_directories(in("assets"));
    write("assets/kernel", "a kernel");
    // Of our version, which is looked at.
    fs::copy_file(fs::path(SM_PROGRAM).parent_path() / "supermachine-agent",
                  in("assets/supermachine-agent"));
  }
  Launch launch_good(std::vector<std::string> args) const {
    Launch how = launch(std::move(args));
    how.env["SUPERMACHINE_CACHE"] = dir_.path() + "/kept";
    how.env["SUPERMACHINE_ASSETS_DIR"] = in("assets");
    return how;
  }
};

TEST_F(BadRequest, ImageWithoutACommand) {
  EXPECT_THAT(complaint(launch_good({"oci-archive:mute.tar"})),
              AllOf(HasSubstr("oci-archive:mute.tar"), HasSubstr("-- COMMAND")));
}

TEST_F(BadRequest, TerminalWithoutOne) {
  EXPECT_THAT(complaint({"-it", "oci-archive:good.tar", "--", "sh"}),
              HasSubstr("the input device is not a TTY"));
}

TEST_F(BadRequest, MissingEnvFile) {
  EXPECT_THAT(complaint({"--env-file", "vars", "oci-archive:good.tar"}),
              HasSubstr("vars: No such file"));
}

TEST_F(BadRequest, NoKernelForTheGuest) {
  Launch how = launch_good({"oci-archive:good.tar"});
  fs::remove(in("assets/kernel"));

  EXPECT_THAT(complaint(how),
              AllOf(HasSubstr(in("assets/kernel")), HasSubstr("SUPERMACHINE_ASSETS_DIR")));
}

TEST_F(BadRequest, LabThatIsNotThere) {
  Launch how = launch_good({"--engine", "lab", "oci-archive:good.tar"});
  how.env["SUPERMACHINE_LAB"] = "/nowhere/run";
  how.env["SUPERMACHINE_IN_LAB"] = "";

  EXPECT_THAT(complaint(how), HasSubstr("/nowhere/run"));
}

// In a name space of its own, a /dev with nothing in it but null. Works for root, and for others
// where they may have a user name space.
void hide_kvm() {
  const int flags = ::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
  if (::unshare(flags) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    ::_exit(96);
  }
  const std::string null =
      fs::temp_directory_path().string() + "/sm-null-" + std::to_string(::getpid());
  std::ofstream(null).flush();
  const bool done = ::mount("/dev/null", null.c_str(), nullptr, MS_BIND, nullptr) == 0 &&
                    ::mount("none", "/dev", "tmpfs", 0, nullptr) == 0 &&
                    std::ofstream("/dev/null").good() &&
                    ::mount(null.c_str(), "/dev/null", nullptr, MS_BIND, nullptr) == 0 &&
                    ::umount2(null.c_str(), MNT_DETACH) == 0 && ::unlink(null.c_str()) == 0;
  if (!done) ::_exit(95);
}

TEST_F(BadRequest, HostWithoutKvm) {
  Launch how = launch_good({"--engine", "kvm", "oci-archive:good.tar"});
  how.before_exec = hide_kvm;

  EXPECT_THAT(complaint(how), AllOf(HasSubstr("/dev/kvm does not exist"), HasSubstr("kvm_intel")));
}

TEST_F(BadRequest, HostWithoutKvmAndLab) {
  Launch how = launch_good({"oci-archive:good.tar"});
  how.env["SUPERMACHINE_LAB"] = "/nowhere/run";
  how.env["SUPERMACHINE_IN_LAB"] = "";
  how.before_exec = hide_kvm;

  EXPECT_THAT(complaint(how), AllOf(HasSubstr("/dev/kvm does not exist"),
                                    HasSubstr("nor can the lab"), HasSubstr("/nowhere/run")));
}

// A lab that tells what it was asked to run.
class HandOver : public BadRequest {
 protected:
  HandOver() {
    script("lab", "#!/bin/sh\nprintf '<%s>' \"$@\"; cat; echo to stderr >&2; exit 42\n");
    script("qemu-system-x86_64", "#!/bin/sh\n");
  }
  void script(const std::string& name, const std::string& text) const {
    write(name, text);
    fs::permissions(in(name), fs::perms::owner_all);
  }
  Launch launch_with_lab(std::vector<std::string> args) const {
    Launch how = launch_good(std::move(args));
    how.env["SUPERMACHINE_LAB"] = in("lab");
    how.env["SUPERMACHINE_IN_LAB"] = "";
    how.env["PATH"] = in("") + ":/usr/bin:/bin";
    return how;
  }
};

TEST_F(HandOver, PassesArgumentsStreamsAndStatus) {
  const Ended ended = run_program(
      launch_with_lab({"--engine", "lab", "-i", "oci-archive:good.tar", "--", "a b", ""}), "input");

  EXPECT_EQ(ended.status, 42);
  EXPECT_EQ(
      ended.out,
      "<--><" SM_PROGRAM
      "><run><--engine><kvm><--pull><never><--engine><lab><-i><oci-archive:good.tar><--><a b><>"
      "input");
  EXPECT_EQ(ended.err, "to stderr\n");  // nothing of ours: the lab was asked for
}

TEST_F(HandOver, SaysSoInOneLineWhenItWasOurChoice) {
  Launch how = launch_with_lab({"oci-archive:good.tar"});
  how.before_exec = hide_kvm;
  const Ended ended = run_program(how);

  EXPECT_EQ(ended.status, 42);
  EXPECT_THAT(ended.err, AllOf(StartsWith("supermachine: "), HasSubstr("continuing in the lab"),
                               EndsWith("\nto stderr\n")));
  EXPECT_EQ(std::ranges::count(ended.err, '\n'), 2) << ended.err;
}

TEST_F(HandOver, IsQuietWhenAsked) {
  Launch how = launch_with_lab({"--quiet", "oci-archive:good.tar"});
  how.before_exec = hide_kvm;

  EXPECT_EQ(run_program(how).err, "to stderr\n");
}

// Ours is higher than what a program of the lab may expect.
TEST_F(HandOver, LeavesTheLimitOfOpenFilesAsItWas) {
  const std::string note = "#!/bin/sh\nulimit -Sn >> '" + in("limits") + "'\n";
  script("lab", note + "exit 42\n");
  script("start", note);
  for (const bool detached : {false, true}) {
    std::vector<std::string> args{"--engine", "lab", "oci-archive:good.tar"};
    if (detached) args.insert(args.begin(), "-d");
    Launch how = launch_with_lab(args);
    how.before_exec = [] {
      rlimit limit{};
      ::getrlimit(RLIMIT_NOFILE, &limit);
      limit.rlim_cur = 321;
      ::setrlimit(RLIMIT_NOFILE, &limit);
    };
    EXPECT_EQ(run_program(how).status, 42);
  }

  // Of run, then whether the lab is up, its start, and run -d in it.
  EXPECT_EQ(read_file(in("limits"), 100).value(), "321\n321\n321\n321\n");
}

TEST_F(HandOver, NeverHappensInsideALab) {
  Launch how = launch_with_lab({"--engine", "lab", "oci-archive:good.tar"});
  how.env["SUPERMACHINE_IN_LAB"] = "1";
  how.before_exec = hide_kvm;

  EXPECT_THAT(complaint(how), HasSubstr("/dev/kvm does not exist"));
}

// Any name may be that of a VM whose record cannot be read.
TEST(Remove, TellsOfADamagedVmThatMayBeMeant) {
  const TempDir dir = TempDir::create().value();
  const auto remove = [&](const std::string& vm) {
    return run_program({.args = {"rm", "-f", "--engine", "kvm", vm},
                        .env = {{"SUPERMACHINE_RUNTIME", dir.path() + "/runtime"},
                                {"SUPERMACHINE_CACHE", dir.path() + "/cache"},
                                {"SUPERMACHINE_SNAPSHOTS_DIR", dir.path() + "/bakes"}}});
  };
  EXPECT_EQ(remove("web").status, 0);
  const std::string damaged = dir.path() + "/runtime/vms/0123456789ab";
  fs::create_directories(damaged);
  std::ofstream(damaged + "/state.json") << "{";

  const Ended refused = remove("web");
  EXPECT_EQ(refused.status, 125);
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(refused.err, AllOf(StartsWith("supermachine: no VM 'web'"), HasSubstr(damaged),
                                 HasSubstr("'supermachine rm 0123456789ab'")));
  EXPECT_EQ(remove("0123456789ab").out, "0123456789ab\n");
  EXPECT_EQ(remove("web").status, 0);
}

TEST(Help, IsOnStandardOutput) {
  for (const auto& args : std::vector<std::vector<std::string>>{
           {"--help"}, {"help"}, {"run", "--help"}, {"doctor", "-h"}}) {
    const Ended ended = run_program({.args = args});

    EXPECT_EQ(ended.status, 0);
    EXPECT_THAT(ended.out, HasSubstr("usage: supermachine "));
    EXPECT_EQ(ended.err, "");
  }
}

TEST(Version, IsOneLine) {
  EXPECT_EQ(run_program({.args = {"--version"}}).out, "supermachine " SM_VERSION "\n");
}

TEST(Doctor, EndsWithAVerdictThatFitsItsStatus) {
  const Ended ended = run_program({.args = {"doctor"}});
  const std::string verdict = ended.out.substr(ended.out.rfind('\n', ended.out.size() - 2) + 1);

  EXPECT_THAT(verdict, StartsWith("this host "));
  EXPECT_EQ(ended.status, verdict == "this host cannot run VMs\n" ? 1 : 0) << ended.out;
  for (const char* check : {"kvm device:", "kvm:", "lab:", "assets:", "cache:", "resources:"}) {
    EXPECT_THAT(ended.out, HasSubstr(check));
  }
}

TEST(Doctor, NamesWhatAHostWithoutKvmLacks) {
  const Ended ended = run_program({.args = {"doctor"}, .before_exec = hide_kvm});

  EXPECT_THAT(ended.out, AllOf(HasSubstr("missing  there is no /dev/kvm"), HasSubstr("kvm_intel")));
}

TEST(Assets, AreThoseOfTheDirectoryThatOneNames) {
  const TempDir dir = TempDir::create().value();
  const std::string assets = dir.path() + "/assets";
  fs::create_directories(assets);
  std::ofstream(assets + "/kernel") << "a kernel";
  fs::copy_file(fs::path(SM_PROGRAM).parent_path() / "supermachine-agent",
                assets + "/supermachine-agent");
  const Launch ours{.args = {"assets", "--json"}, .env = {{"SUPERMACHINE_ASSETS_DIR", assets}}};
  const Launch wrong{.args = {"assets"}, .env = {{"SUPERMACHINE_ASSETS_DIR", dir.path()}}};
  const Ended found = run_program(ours);
  const Ended missing = run_program(wrong);

  ASSERT_EQ(found.status, 0) << found.err;
  const auto json = Json::parse(found.out, nullptr, false);
  ASSERT_FALSE(json.is_discarded()) << found.out;
  EXPECT_EQ(json["places"].size(), 4U);
  EXPECT_EQ(json["places"][0]["chosen"], true);
  EXPECT_EQ(json["places"][0]["directory"], assets);
  EXPECT_EQ(json["assets"][0]["path"], assets + "/kernel");
  EXPECT_EQ(json["assets"][1]["version"], SM_VERSION);
  EXPECT_EQ(json["assets"][1]["bytes"], fs::file_size(assets + "/supermachine-agent"));
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.out, AllOf(HasSubstr(dir.path() + "/kernel: no such file"),
                                 HasSubstr("no kernel and agent")));
}

TEST(Doctor, SpeaksJson) {
  const Ended ended = run_program({.args = {"doctor", "--json"}});
  const auto json = Json::parse(ended.out, nullptr, false);

  ASSERT_FALSE(json.is_discarded()) << ended.out;
  EXPECT_EQ(json["checks"].size(), 6U);
  EXPECT_EQ(json["verdict"] == "none", ended.status == 1);
}

}  // namespace
}  // namespace supermachine
