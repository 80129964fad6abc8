// SPDX-License-Identifier: Apache-2.0
// Detached VMs as a user has them: run -d, ps, exec, logs, stop and the rest, and that nothing is
// left of them afterwards.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/files.h"
#include "base/json.h"
#include "busybox_image.h"
#include "http_get.h"
#include "program.h"

namespace supermachine {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

constexpr auto kPatience = 60s;  // with an emulated host on a busy machine

// Until `done`, or the test fails.
template <typename Done>
void wait_until(const char* what, const Done& done) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!done()) {
    if (std::chrono::steady_clock::now() >= deadline) {
      ADD_FAILURE() << "it did not come to that: " << what;
      return;
    }
    std::this_thread::sleep_for(50ms);
  }
}

// The processes of detached VMs and of commands in them; tests run one after the other.
std::vector<std::string> vm_processes() {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& process : fs::directory_iterator("/proc", ignored)) {
    const auto words = read_file(process.path().string() + "/cmdline", 1 << 20);
    if (!words.ok()) continue;
    const auto has = [&](const std::string& text) {
      return words.value().find(text) != std::string::npos;
    };
    const bool ours = has(std::string("run-detached") + '\0') || has(std::string("exec\0-d\0", 8));
    if (ours) found.push_back(process.path().filename().string());
  }
  return found;
}

// Whether it waits for a process to end: it then has all it wants to know of that one open.
bool waits(const Program& program) {
  std::error_code ignored;
  const std::string fds = "/proc/" + std::to_string(program.pid()) + "/fd";
  for (const auto& fd : fs::directory_iterator(fds, ignored)) {
    std::error_code gone;
    if (fs::read_symlink(fd.path(), gone).string().find("pidfd") != std::string::npos) return true;
  }
  return false;
}

class Detached : public ::testing::Test {
 protected:
  ~Detached() override {
    const Ended all = supermachine({"ps", "-aq"});
    std::vector<std::string> args{"rm", "-f"};
    for (const std::string& id : lines(all.out)) args.push_back(id);
    if (args.size() > 2) {
      EXPECT_EQ(supermachine(args).status, 0);
    }
    EXPECT_THAT(entries(), IsEmpty());
    wait_until("no process is left", [] { return vm_processes().empty(); });
  }

  [[nodiscard]] Launch launch(std::vector<std::string> args) const {
    return {.args = std::move(args), .env = {{"SUPERMACHINE_RUNTIME", dir_.path() + "/runtime"}}};
  }
  [[nodiscard]] Ended supermachine(std::vector<std::string> args,
                                   std::string_view input = {}) const {
    return run_program(launch(std::move(args)), input);
  }
  // `run -d` in a busybox guest; its id.
  [[nodiscard]] std::string run(std::vector<std::string> options, const std::string& script) const {
    std::vector<std::string> args{"run", "-d", "--engine", "kvm"};
    args.insert(args.end(), options.begin(), options.end());
    args.insert(args.end(), {test_image("busybox"), "--", "sh", "-c", script});
    const Ended ended = supermachine(args);
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_EQ(ended.err, "");
    EXPECT_THAT(ended.out, MatchesRegex("[0-9a-f]+\n"));
    EXPECT_EQ(ended.out.size(), 65U);
    return ended.out.substr(0, 64);
  }
  // `run -d` returns when the command runs, not when it has done anything.
  void wait_for_log(const std::string& vm, const std::string& text) const {
    wait_until("it writes", [&] {
      return supermachine({"logs", vm}).out.find(text) != std::string::npos;
    });
  }
  [[nodiscard]] Json ps_entry(const std::string& id) const {
    const auto all = parse_json(supermachine({"ps", "-a", "--json"}).out, "ps").value();
    for (const Json& entry : all) {
      if (string_member(entry, "id") == id) return entry;
    }
    return {};
  }
  [[nodiscard]] std::vector<std::string> entries() const {
    std::vector<std::string> found;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(dir_.path() + "/runtime/vms", ignored)) {
      if (entry.is_directory(ignored)) found.push_back(entry.path().filename().string());
    }
    return found;
  }
  static std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> all;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      all.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    return all;
  }

  const TempDir dir_ = TempDir::create().value();
};

const char* const kServe = "trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.1; done";

TEST_F(Detached, RunsUntilItIsStopped) {
  const std::string id = run({"--name", "web", "-e", "A=b"}, kServe);

  EXPECT_THAT(supermachine({"ps"}).out,
              AllOf(HasSubstr(id.substr(0, 12)), HasSubstr("Up "), HasSubstr("web\n")));
  EXPECT_EQ(supermachine({"ps", "-q"}).out, id.substr(0, 12) + "\n");
  const Ended in = supermachine({"exec", "web", "sh", "-c", "echo $A; echo err >&2; exit 3"});
  EXPECT_EQ(in.out, "b\n");
  EXPECT_EQ(in.err, "err\n");
  EXPECT_EQ(in.status, 3);
  EXPECT_EQ(supermachine({"exec", "-i", id.substr(0, 7), "cat"}, "hello").out, "hello");
  EXPECT_EQ(supermachine({"exec", "web", "nosuch"}).status, 127);
  EXPECT_EQ(supermachine({"exec", "web", "/etc/passwd"}).status, 126);
  const Ended stopped = supermachine({"stop", "web"});
  EXPECT_EQ(stopped.out, "web\n");
  EXPECT_EQ(stopped.status, 0);
  EXPECT_EQ(supermachine({"ps", "-q"}).out, "");
  EXPECT_THAT(supermachine({"ps", "-a"}).out, HasSubstr("Exited (9) "));
  EXPECT_EQ(supermachine({"logs", "web"}).out, "ready\nbye\n");
  EXPECT_EQ(supermachine({"wait", "web"}).out, "9\n");
  EXPECT_THAT(supermachine({"exec", "web", "true"}),
              AllOf(::testing::Field(&Ended::status, 125),
                    ::testing::Field(&Ended::err, HasSubstr("is not running"))));
  EXPECT_EQ(supermachine({"rm", "web"}).out, "web\n");
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(Detached, PublishesPorts) {
  const Ended started = supermachine(
      {"run", "-d", "--rm", "--engine", "kvm", "--name", "web", "-p", "80", test_image("nginx")});
  ASSERT_EQ(started.status, 0) << started.err;
  const Ended port = supermachine({"port", "web"});
  ASSERT_THAT(port.out, StartsWith("80/tcp -> 127.0.0.1:"));
  const auto number = static_cast<std::uint16_t>(std::stoi(port.out.substr(20)));

  std::string answer;
  wait_until("nginx answers", [&] { return !(answer = http_get(number)).empty(); });
  EXPECT_THAT(answer, HasSubstr("Welcome to nginx!"));
  EXPECT_THAT(supermachine({"ps"}).out,
              HasSubstr("127.0.0.1:" + std::to_string(number) + "->80/tcp"));
  const Ended second = supermachine(
      {"run", "-d", "--engine", "kvm", "-p", std::to_string(number) + ":80", test_image("nginx")});
  EXPECT_EQ(second.status, 125);
  EXPECT_THAT(second.err, HasSubstr("is taken by another program"));
  EXPECT_EQ(supermachine({"stop", "web"}).status, 0);
  EXPECT_FALSE(connect_to(number));
  EXPECT_THAT(entries(), IsEmpty());  // --rm
}

TEST_F(Detached, RunsACommandInTheBackground) {
  const std::string id = run({"--name", "web"}, kServe);
  const Ended ended =
      supermachine({"exec", "-d", "web", "sh", "-c",
                    "until [ -e /tmp/go ]; do sleep 0.1; done; yes | head -c 300000; "
                    "echo done > /tmp/done"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.out + ended.err, "");
  EXPECT_EQ(supermachine({"exec", "web", "touch", "/tmp/go"}).status, 0);
  wait_until("it has done its work", [&] {
    return supermachine({"exec", "web", "cat", "/tmp/done"}).out == "done\n";
  });

  const Ended missing = supermachine({"exec", "-d", "web", "nosuch"});
  EXPECT_EQ(missing.status, 127);
  EXPECT_THAT(missing.err, HasSubstr("nosuch"));
  EXPECT_EQ(supermachine({"exec", "-d", "web", "/etc/passwd"}).status, 126);
  // One that has started may end before we look or after it.
  for (const char* script : {"exit 1", "echo no >&2; exit 127", "sleep 0.3; exit 1"}) {
    const Ended started = supermachine({"exec", "-d", "web", "sh", "-c", script});
    EXPECT_EQ(started.status, 0) << script;
    EXPECT_EQ(started.out + started.err, "") << script;
  }
  EXPECT_EQ(supermachine({"exec", "-d", "web", "sleep", "1000"}).status, 0);
  EXPECT_EQ(supermachine({"stop", "web"}).status, 0);  // which ends what is in the background
}

TEST_F(Detached, GivesATerminal) {
  const std::string id = run({}, kServe);
  Launch shell = launch({"exec", "-it", id, "sh"});
  shell.terminal = true;
  Program program(shell);
  program.wait_for("#");
  program.write("stty size\r");
  program.wait_for("33 77\r\n");
  program.write("exit 5\r");

  EXPECT_EQ(program.wait(), 5);
  EXPECT_TRUE(program.terminal_is_cooked());
}

TEST_F(Detached, TellsWhatItWrites) {
  const std::string id = run({"--name", "log"},
                             "echo one; echo two >&2; while :; do sleep 0.1; "
                             "if [ -e /tmp/go ]; then echo three; rm /tmp/go; fi; done");
  Program follower(launch({"logs", "-f", "log"}));
  follower.wait_for("one\n");
  EXPECT_EQ(supermachine({"exec", "log", "touch", "/tmp/go"}).status, 0);
  follower.wait_for("three\n");
  EXPECT_EQ(supermachine({"kill", "log"}).status, 0);  // a shell may say something about SIGTERM

  EXPECT_EQ(follower.wait(), 0);
  EXPECT_EQ(follower.out, "one\nthree\n");
  EXPECT_EQ(follower.err, "two\n");
  EXPECT_EQ(supermachine({"logs", "--tail", "1", "log"}).out, "three\n");
  EXPECT_EQ(supermachine({"logs", "--tail", "0", "log"}).out, "");
  EXPECT_THAT(supermachine({"logs", "-t", "log"}).out,
              MatchesRegex("2[0-9T:.-]+Z one\n2[0-9T:.-]+Z three\n"));
  EXPECT_EQ(supermachine({"logs", "--since", "2200-01-01T00:00:00Z", "log"}).out, "");
}

TEST_F(Detached, EndsWithItsCommand) {
  const std::string id = run({}, "exit 7");
  EXPECT_EQ(supermachine({"wait", id}).out, "7\n");
  EXPECT_THAT(supermachine({"ps", "-a"}).out, HasSubstr("Exited (7) "));

  const std::string removed = run({"--rm"}, "exit 7");
  wait_until("it is gone", [&] { return ps_entry(removed).is_null(); });
}

TEST_F(Detached, TellsItsEndThoughItIsRemovedThen) {
  const std::string id =
      run({"--rm"}, "echo ready; while [ ! -e /tmp/go ]; do sleep 0.1; done; exit 7");
  wait_for_log(id, "ready\n");
  Program first(launch({"wait", id}));
  Program second(launch({"wait", id}));
  wait_until("both wait", [&] { return waits(first) && waits(second); });
  // Which may not come to its own end before the VM does.
  static_cast<void>(supermachine({"exec", id, "touch", "/tmp/go"}));

  for (Program* waiting : {&first, &second}) {
    EXPECT_EQ(waiting->wait(), 0) << waiting->err;
    EXPECT_EQ(waiting->out, "7\n");
  }
  EXPECT_THAT(entries(), IsEmpty());

  const std::string killed = run({"--rm"}, kServe);
  Program waiting(launch({"wait", killed}));
  wait_until("it waits", [&] { return waits(waiting); });
  EXPECT_EQ(supermachine({"kill", killed}).status, 0);
  EXPECT_EQ(waiting.wait(), 0) << waiting.err;
  EXPECT_EQ(waiting.out, "137\n");
}

TEST_F(Detached, IsEndedWhenItDoesNotListen) {
  const std::string id = run({}, "trap '' TERM; echo ready; while :; do sleep 0.1; done");
  wait_for_log(id, "ready\n");
  EXPECT_EQ(supermachine({"stop", "-t", "1", id}).out, id + "\n");
  EXPECT_THAT(supermachine({"ps", "-a"}).out, HasSubstr("Exited (137) "));

  const std::string other = run({}, kServe);
  EXPECT_EQ(supermachine({"kill", other}).status, 0);
  EXPECT_EQ(supermachine({"wait", other}).out, "137\n");

  const std::string signalled =
      run({}, "trap 'exit 4' USR1; echo ready; while :; do sleep 0.1; done");
  wait_for_log(signalled, "ready\n");
  EXPECT_EQ(supermachine({"kill", "-s", "USR1", signalled}).status, 0);
  EXPECT_EQ(supermachine({"wait", signalled}).out, "4\n");
}

TEST_F(Detached, IsAskedToEndAsTheImageSays) {
  const std::string reference = write_busybox_image(
      dir_.path(), {{"Env", {"PATH=/bin"}},
                    {"Cmd",
                     {"sh", "-c",
                      "for s in TERM QUIT USR1; do trap \"echo $s; exit 3\" $s; done; "
                      "echo ready; while :; do busybox sleep 0.1; done"}},
                    {"StopSignal", "SIGQUIT"}});
  const auto said = [&](std::vector<std::string> run, std::vector<std::string> stop) {
    run.insert(run.begin(), {"run", "-d", "--engine", "kvm", "--name", "web"});
    run.push_back(reference);
    Launch start = launch(run);
    start.env["SUPERMACHINE_CACHE"] = dir_.path() + "/cache";
    start.env["SUPERMACHINE_SNAPSHOTS_DIR"] = dir_.path() + "/bakes";
    const Ended started = run_program(start);
    EXPECT_EQ(started.status, 0) << started.err;
    wait_for_log("web", "ready\n");
    stop.insert(stop.begin(), "stop");
    stop.emplace_back("web");
    EXPECT_EQ(supermachine(stop).status, 0);
    const std::string log = supermachine({"logs", "web"}).out;
    EXPECT_EQ(supermachine({"rm", "web"}).status, 0);
    return log;
  };

  EXPECT_EQ(said({"--no-bake"}, {}), "ready\nQUIT\n");
  EXPECT_EQ(said({}, {}), "ready\nQUIT\n");  // from the bake's snapshot
  EXPECT_EQ(said({"--stop-signal", "USR1"}, {}), "ready\nUSR1\n");
  EXPECT_EQ(said({}, {"-s", "TERM"}), "ready\nTERM\n");
}

TEST_F(Detached, IsKnownToHaveEndedWhenItsProcessWasKilled) {
  const std::string id = run({"--name", "web"}, kServe);
  wait_for_log(id, "ready\n");
  const auto pid = number_member(ps_entry(id), "pid");
  ASSERT_TRUE(pid.has_value());
  ASSERT_EQ(::kill(static_cast<pid_t>(*pid), SIGKILL), 0);
  wait_until("ps notices", [&] { return supermachine({"ps", "-q"}).out.empty(); });

  EXPECT_THAT(supermachine({"ps", "-a"}).out, HasSubstr("Exited (137) "));
  EXPECT_EQ(string_member(ps_entry(id), "error"), "its process was killed");
  EXPECT_EQ(supermachine({"logs", "web"}).out, "ready\n");
  EXPECT_EQ(supermachine({"rm", "web"}).status, 0);
}

TEST_F(Detached, HasANameOfItsOwn) {
  const std::string web = run({"--name", "web"}, kServe);
  const std::string other = run({}, kServe);
  const Ended conflict = supermachine(
      {"run", "-d", "--engine", "kvm", "--name", "web", test_image("busybox"), "--", "true"});

  EXPECT_EQ(conflict.status, 125);
  EXPECT_THAT(conflict.err, HasSubstr("the name 'web' is taken by the VM " + web.substr(0, 12)));
  EXPECT_EQ(supermachine({"ps", "-q"}).out, other.substr(0, 12) + "\n" + web.substr(0, 12) + "\n");
  EXPECT_EQ(supermachine({"stop", "web", other}).out, "web\n" + other + "\n");
}

TEST_F(Detached, RefusesWhatIsNotThere) {
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"exec", "nosuch", "true"},
                                             {"logs", "nosuch"},
                                             {"stop", "nosuch"},
                                             {"kill", "nosuch"},
                                             {"wait", "nosuch"},
                                             {"port", "nosuch"},
                                             {"rm", "nosuch"}}) {
    const Ended ended = supermachine(args);
    EXPECT_EQ(ended.status, 125) << args[0];
    EXPECT_THAT(ended.err, AllOf(StartsWith("supermachine: "), HasSubstr("no VM 'nosuch'")))
        << args[0];
  }
  EXPECT_EQ(supermachine({"rm", "-f", "nosuch"}).status, 0);
}

TEST_F(Detached, LeavesNothingOfWhatDidNotStart) {
  const auto start = [&](const std::vector<std::string>& command) {
    std::vector<std::string> args{"run", "-d", "--engine", "kvm", test_image("busybox"), "--"};
    args.insert(args.end(), command.begin(), command.end());
    return supermachine(args);
  };
  const Ended missing = start({"nosuch"});
  const Ended not_executable = start({"/etc/passwd"});

  EXPECT_EQ(missing.status, 127);
  EXPECT_EQ(missing.out, "");
  EXPECT_THAT(missing.err, HasSubstr("nosuch"));
  EXPECT_EQ(not_executable.status, 126);
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(Detached, LeavesNothingWhenItsStarterIsKilled) {
  for (const auto after : {50ms, 300ms, 700ms}) {
    Program starter(
        launch({"run", "-d", "--engine", "kvm", test_image("busybox"), "--", "sleep", "100"}));
    std::this_thread::sleep_for(after);
    starter.signal(SIGKILL);
    starter.wait();
    if (!starter.out.empty()) break;  // it was as good as done: the VM may stay
    wait_until("its process gives up", [] { return vm_processes().empty(); });
    EXPECT_EQ(supermachine({"ps", "-aq"}).out, "") << after.count();
    EXPECT_THAT(entries(), IsEmpty());
  }
}

TEST_F(Detached, IsRefusedAloneWhereItsStateIsDamaged) {
  const std::string bad = run({}, "true");
  const std::string good = run({"--name", "good"}, kServe);
  EXPECT_EQ(supermachine({"wait", bad}).status, 0);
  std::ofstream(dir_.path() + "/runtime/vms/" + bad.substr(0, 12) + "/state.json") << "{\"id\": 1";

  const Ended all = supermachine({"ps", "-a"});
  EXPECT_EQ(all.status, 0);
  EXPECT_THAT(all.out, AllOf(HasSubstr("Damaged"), HasSubstr("good")));
  EXPECT_THAT(all.err, HasSubstr("state.json is damaged"));
  EXPECT_EQ(supermachine({"exec", "good", "true"}).status, 0);
}

TEST_F(Detached, WorksInADirectoryWithALongName) {
  Launch start =
      launch({"run", "-d", "--engine", "kvm", test_image("busybox"), "--", "sleep", "100"});
  const std::string long_path = dir_.path() + "/" + std::string(150, 'x');
  start.env["SUPERMACHINE_RUNTIME"] = long_path;
  const Ended started = run_program(start);
  ASSERT_EQ(started.status, 0) << started.err;
  Launch next = start;
  next.args = {"exec", started.out.substr(0, 64), "echo", "hello"};
  EXPECT_EQ(run_program(next).out, "hello\n");
  next.args = {"rm", "-f", started.out.substr(0, 64)};
  EXPECT_EQ(run_program(next).status, 0);
}

}  // namespace
}  // namespace supermachine
