// SPDX-License-Identifier: Apache-2.0
// `supermachine bake`, `images`, `rm`, `prune`, and `run` of what they keep. Images come from a
// registry of this host's loopback.
#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>

#include "base/files.h"
#include "base/json.h"
#include "http_get.h"
#include "local_registry.h"
#include "program.h"
#include "result_matchers.h"

namespace supermachine {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// One registry for all tests: it takes seconds to come up in an emulated host.
const LocalRegistry& registry() {
  static const auto started = [] {
    auto registry = LocalRegistry::start();
    if (!registry.ok()) return registry;
    for (const std::string name : {"busybox", "python", "nginx"}) {
      EXPECT_THAT(registry.value().push(test_image(name), "test/" + name + ":1"), IsOk());
    }
    return registry;
  }();
  return started.value();
}

class BakeVerb : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { registry(); }
  // Nobody finds these images again: the next registry has another port.
  static void TearDownTestSuite() {
    run_program(
        {.args = {"rm", "-f", reference("busybox"), reference("python"), reference("nginx")}});
  }

  [[nodiscard]] static std::string reference(const std::string& name) {
    return registry().host() + "/test/" + name + ":1";
  }
  [[nodiscard]] Ended supermachine(std::vector<std::string> args,
                                   std::string_view input = {}) const {
    return run_program({.args = std::move(args),
                        .env = {{"SUPERMACHINE_SNAPSHOTS_DIR", in("store")},
                                {"SUPERMACHINE_RUNTIME", in("runtime")}}},
                       input);
  }
  [[nodiscard]] std::string in(const std::string& name) const { return dir_.path() + "/" + name; }
  [[nodiscard]] std::string id_of(const std::string& bake) const {
    const Ended ended = supermachine({"inspect", "--json", bake});
    EXPECT_EQ(ended.status, 0) << ended.err;
    const auto json = parse_json(ended.out, "inspect");
    return json.ok() ? string_member(json.value(), "id") : std::string();
  }
  [[nodiscard]] std::vector<std::string> bakes() const {
    std::vector<std::string> names;
    const auto json = parse_json(supermachine({"images", "--json"}).out, "images");
    EXPECT_THAT(json, IsOk());
    if (!json.ok()) return names;
    const Json* list = find_member(json.value(), "bakes");
    for (const Json& bake : *list) names.push_back(string_member(bake, "name"));
    return names;
  }

  // All that is in the store.
  [[nodiscard]] std::vector<std::string> kept() const {
    std::vector<std::string> names;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(in("store"), ignored))
      names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }
  // Of them, the snapshots of that name that are being written.
  [[nodiscard]] int staged(const std::string& name) const {
    return static_cast<int>(std::ranges::count_if(kept(), [&](const std::string& file) {
      return file.starts_with("." + name + ".snapshot-");
    }));
  }

  TempDir dir_ = TempDir::create().value();
};

TEST_F(BakeVerb, KeepsAnImageThatRunStartsFrom) {
  const std::string image = reference("busybox");
  const Ended first = supermachine({"bake", "--name", "bb", "-e", "A=1", image});
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_EQ(first.out, "bb\n");
  EXPECT_THAT(first.err, AllOf(HasSubstr("boot"), HasSubstr("capture")));
  const std::string id = id_of("bb");

  const Ended second = supermachine({"bake", "--name", "bb", "-e", "A=1", image});
  EXPECT_EQ(second.out, "bb\n");
  EXPECT_THAT(second.err, Not(HasSubstr("boot")));
  EXPECT_EQ(id_of("bb"), id);
  EXPECT_EQ(supermachine({"run", "bb", "--", "sh", "-c", "echo $A"}).out, "1\n");
  EXPECT_THAT(bakes(), ElementsAre("bb"));

  EXPECT_EQ(supermachine({"bake", "-q", "--name", "bb", "-e", "A=2", image}).status, 0);
  EXPECT_NE(id_of("bb"), id);
  EXPECT_EQ(supermachine({"run", "bb", "--", "sh", "-c", "echo $A"}).out, "2\n");
}

TEST_F(BakeVerb, IsDoneByRunForItself) {
  const std::string image = reference("busybox");
  const Ended first = supermachine({"run", image, "--", "sh", "-c", "echo $$ > /tmp/x; echo hi"});
  EXPECT_EQ(first.out, "hi\n");
  EXPECT_EQ(first.err, "");
  ASSERT_EQ(bakes().size(), 1U);
  const std::string id = id_of(bakes()[0]);

  // Another VM, from the same bake: it sees nothing of the first one's.
  EXPECT_EQ(supermachine({"run", image, "--", "ls", "/tmp"}).out, "");
  EXPECT_EQ(id_of(bakes()[0]), id);
  EXPECT_EQ(supermachine({"run", "--no-bake", "-m", "200", image, "true"}).status, 0);
  EXPECT_EQ(bakes().size(), 1U);
  EXPECT_EQ(supermachine({"run", "-m", "200", image, "true"}).status, 0);
  EXPECT_EQ(bakes().size(), 2U);
}

TEST_F(BakeVerb, WarmsUpWhatRunFinds) {
  const std::string image = reference("python");
  const Ended baked = supermachine({"bake", "-q", "-m", "512", "--warmup",
                                    "python3 -c 'import json' && echo warm > /tmp/state", image});
  ASSERT_EQ(baked.status, 0) << baked.err;

  EXPECT_EQ(supermachine({"run", image, "--", "cat", "/tmp/state"}).out, "warm\n");
  EXPECT_EQ(supermachine({"run", image, "--", "python3", "-c", "print(6*7)"}).out, "42\n");
  const Ended failed = supermachine(
      {"bake", "-q", "--name", "bad", "--warmup", "echo it is broken >&2; exit 3", image});
  EXPECT_EQ(failed.status, 125);
  EXPECT_THAT(failed.err, AllOf(StartsWith("supermachine: "), HasSubstr("ended with status 3"),
                                HasSubstr("it is broken")));
  EXPECT_THAT(bakes(), Not(::testing::Contains("bad")));
}

TEST_F(BakeVerb, CapturesAServerThatListens) {
  const std::string image = reference("nginx");
  const Ended baked = supermachine({"bake", "--listener", "--name", "web", image});
  ASSERT_EQ(baked.status, 0) << baked.err;
  EXPECT_THAT(baked.err, HasSubstr("listener port 80"));

  const Ended started = supermachine({"run", "-d", "--name", "server", "-p", "80", "web"});
  ASSERT_EQ(started.status, 0) << started.err;
  const std::string ports = supermachine({"port", "server"}).out;
  const auto port = static_cast<std::uint16_t>(std::atoi(ports.c_str() + ports.rfind(':') + 1));
  EXPECT_THAT(http_get(port), StartsWith("HTTP/1.1 200 OK")) << ports;
  EXPECT_EQ(supermachine({"rm", "-f", "server"}).status, 0);

  for (const auto& args : {std::vector<std::string>{"run", "web"},
                           std::vector<std::string>{"run", "-d", "-e", "A=1", "web"}}) {
    const Ended refused = supermachine(args);
    EXPECT_EQ(refused.status, 125);
    EXPECT_THAT(refused.err, HasSubstr("the workload runs already"));
  }
}

TEST_F(BakeVerb, StartsTheCommandThatItWasBakedWith) {
  const std::string image = reference("busybox");
  ASSERT_EQ(supermachine({"bake", "-q", image, "--", "echo", "baked"}).status, 0);

  EXPECT_EQ(supermachine({"run", image}).out, "baked\n");
  EXPECT_EQ(supermachine({"run", image, "--", "echo", "other"}).out, "other\n");
}

TEST_F(BakeVerb, SaysWhyThereIsNoListener) {
  const Ended ended = supermachine({"bake", "-q", "--listener", "--listener-timeout", "1",
                                    reference("busybox"), "--", "sleep", "100"});
  EXPECT_EQ(ended.status, 125);
  EXPECT_THAT(ended.err, AllOf(StartsWith("supermachine: "), HasSubstr("port 80")));
  EXPECT_EQ(std::ranges::count(ended.err, '\n'), 1) << ended.err;
  EXPECT_THAT(bakes(), IsEmpty());
}

TEST_F(BakeVerb, ListsAndRemovesWhatIsKept) {
  const std::string image = reference("busybox");
  ASSERT_EQ(supermachine({"bake", "-q", "--name", "one", image}).status, 0);
  const std::string listed = supermachine({"images"}).out;
  EXPECT_THAT(listed, ContainsRegex("one +" + registry().host()));
  EXPECT_THAT(listed, HasSubstr("linux/amd64"));

  EXPECT_EQ(supermachine({"rm", "one"}).out, "one\n");
  EXPECT_THAT(bakes(), IsEmpty());
  const Ended gone = supermachine({"rm", "one"});
  EXPECT_EQ(gone.status, 125);
  EXPECT_THAT(gone.err, HasSubstr("one"));
}

TEST_F(BakeVerb, IsPrunedWhenItIsAskedFor) {
  ASSERT_EQ(supermachine({"bake", "-q", "--name", "one", reference("busybox")}).status, 0);

  EXPECT_EQ(supermachine({"prune", "--older-than", "7d", "-f"}).status, 0);
  EXPECT_THAT(bakes(), ElementsAre("one"));
  const Ended unsure = supermachine({"prune", "--older-than", "1s"});
  EXPECT_EQ(unsure.status, 125);
  EXPECT_THAT(unsure.err, HasSubstr("--force"));
  ::sleep(2);
  EXPECT_THAT(supermachine({"prune", "--older-than", "1s", "-f"}).out, StartsWith("one\n"));
  EXPECT_THAT(bakes(), IsEmpty());
}

// Kills a bake when it writes its snapshot.
TEST_F(BakeVerb, OfAProgramThatIsKilledIsAbsent) {
  const auto kill_at_capture = [&](const std::string& name) {
    Program bake({.args = {"bake", "--name", name, reference("busybox")},
                  .env = {{"SUPERMACHINE_SNAPSHOTS_DIR", in("store")}}});
    bake.wait_for_err("capture " + name + "\n");
    while (staged(name) == 0 && bake.is_running()) ::usleep(1000);
    bake.signal(SIGKILL);
    bake.wait();
    EXPECT_EQ(staged(name), 1) << bake.err;
    EXPECT_FALSE(fs::exists(in("store/" + name)));
  };
  kill_at_capture("one");
  EXPECT_THAT(bakes(), IsEmpty());
  EXPECT_EQ(supermachine({"bake", "-q", "--name", "one", reference("busybox")}).out, "one\n");
  EXPECT_THAT(kept(), ElementsAre("one")) << "the next one clears up";

  kill_at_capture("two");
  EXPECT_EQ(supermachine({"prune"}).status, 0);
  EXPECT_EQ(staged("two"), 0);
  EXPECT_THAT(bakes(), ElementsAre("one"));
}

TEST_F(BakeVerb, IsDoneOnceByTwoProcesses) {
  const Launch launch{.args = {"bake", "--name", "one", reference("busybox")},
                      .env = {{"SUPERMACHINE_SNAPSHOTS_DIR", in("store")}}};
  fs::create_directory(in("store"));
  auto lock = FileLock::acquire(in("store/.one.lock"), deadline_in({}));
  ASSERT_THAT(lock, IsOk());
  std::optional<FileLock> lock_of_another(std::move(lock).value());
  Program first(launch);
  Program second(launch);
  for (Program* program : {&first, &second}) {
    program->wait_for_err("capture one: waiting for another process");
  }
  lock_of_another.reset();
  for (Program* program : {&first, &second}) {
    EXPECT_EQ(program->wait(), 0) << program->err;
    EXPECT_EQ(program->out, "one\n");
  }

  const bool first_works = first.err.find("boot") != std::string::npos;
  EXPECT_THAT((first_works ? first : second).err, HasSubstr("supermachine: boot\n"));
  EXPECT_THAT((first_works ? second : first).err,
              AllOf(HasSubstr("capture one: waiting for another process"), Not(HasSubstr("boot"))));
  EXPECT_THAT(kept(), ElementsAre("one"));
}

TEST_F(BakeVerb, ComesBeforeTheImageOfTheSameName) {
  ASSERT_THAT(registry().push(test_image("busybox"), "library/bb:latest"), IsOk());
  fs::create_directories(in("config/supermachine"));
  std::ofstream(in("config/supermachine/registries.json"))
      << Json{{"registries", {{"docker.io", {{"mirrors", {"http://" + registry().host()}}}}}}};
  const auto with_mirror = [&](std::vector<std::string> args) {
    return run_program(
        {.args = std::move(args),
         .env = {{"SUPERMACHINE_SNAPSHOTS_DIR", in("store")}, {"XDG_CONFIG_HOME", in("config")}}});
  };
  const Ended baked = with_mirror({"bake", "-q", "--name", "bb", "-e", "A=1", "bb"});
  ASSERT_EQ(baked.status, 0) << baked.err;

  EXPECT_EQ(with_mirror({"run", "bb", "--", "sh", "-c", "echo $A"}).out, "1\n");
  EXPECT_THAT(bakes(), ElementsAre("bb"));
  EXPECT_EQ(with_mirror({"run", "docker://bb", "--", "sh", "-c", "echo $A"}).out, "\n");
  EXPECT_EQ(with_mirror({"rm", "bb"}).status, 0);
  EXPECT_EQ(with_mirror({"rm", "bb"}).status, 0);  // the image
}

}  // namespace
}  // namespace supermachine
