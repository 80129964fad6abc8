// SPDX-License-Identifier: Apache-2.0
// `supermachine run` with real guests: streams, statuses, settings, ends.
#include <elf.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <random>

#include "base/files.h"
#include "busybox_image.h"
#include "program.h"

namespace supermachine {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

// The arguments of `run` in a busybox guest, options first.
Launch busybox(std::vector<std::string> args) {
  args.insert(args.begin(), {"run", "--engine", "kvm", test_image("busybox")});
  return {.args = std::move(args)};
}

Launch busybox_sh(const std::string& script) { return busybox({"--", "sh", "-c", script}); }

TEST(Run, PrintsWhatPythonCalculates) {
  const Ended ended = run_program({.args = {"run", "--engine", "kvm", test_image("python"), "--",
                                            "python3", "-c", "print(6*7)"}});

  EXPECT_EQ(ended.out, "42\n");
  EXPECT_EQ(ended.err, "");
  EXPECT_EQ(ended.status, 0);
}

TEST(Run, GivesTheMachineAndTheCommandWhatIsAsked) {
  const Ended ended = run_program(
      {.args = {"run", "--engine", "kvm", test_layout("busybox"), "--memory", "192", "--vcpus", "2",
                "--env", "A=b", "--workdir", "/srv/deep", "--hostname", "web-1", "--", "sh", "-c",
                "nproc; hostname; pwd; echo $A; awk '/MemTotal/{print $2}' /proc/meminfo"}});

  const std::string expected = "2\nweb-1\n/srv/deep\nb\n";
  ASSERT_THAT(ended.out, StartsWith(expected)) << ended.err;
  const long kib = std::strtol(ended.out.c_str() + expected.size(), nullptr, 10);
  EXPECT_GT(kib, 130 * 1024);
  EXPECT_LT(kib, 192 * 1024);
}

TEST(Run, CarriesStandardInput) {
  EXPECT_EQ(run_program(busybox({"-i", "--", "cat"}), "hello\n").out, "hello\n");
}

TEST(Run, KeepsStandardInputToItselfUnlessAsked) {
  const Ended ended = run_program(busybox({"--", "cat"}), "hello\n");

  EXPECT_EQ(ended.out, "");
  EXPECT_EQ(ended.status, 0);
}

TEST(Run, KeepsStreamsApartAndEveryByteAsItIs) {
  std::string bytes(3 << 20, '\0');
  std::mt19937 random(1);
  for (char& byte : bytes) byte = static_cast<char>(random());
  const Ended ended = run_program(
      busybox({"-i", "--", "sh", "-c", "tee /tmp/copy; head -c 100000 /tmp/copy >&2"}), bytes);

  EXPECT_TRUE(ended.out == bytes) << ended.out.size() << " bytes";
  EXPECT_TRUE(ended.err == bytes.substr(0, 100000)) << ended.err.size() << " bytes";
}

TEST(Run, TakesWhatTheImageSays) {
  const TempDir dir = TempDir::create().value();
  const std::string reference =
      write_busybox_image(dir.path(), {{"Env", {"PATH=/bin", "A=image"}},
                                       {"Entrypoint", {"/bin/busybox", "sh", "-c"}},
                                       {"Cmd", {"busybox id -u; busybox pwd; echo $A $B"}},
                                       {"WorkingDir", "/home/work"},
                                       {"User", "app"}});
  OciImage::write(dir.path() + "/vars", "A=file\nB=file\n");
  const auto run = [&](std::vector<std::string> args) {
    args.insert(args.begin(), {"run", "--engine", "kvm", reference});
    return run_program({.args = args, .env = {{"SUPERMACHINE_CACHE", dir.path()}}});
  };

  EXPECT_EQ(run({}).out, "1234\n/home/work\nimage\n");
  EXPECT_EQ(run({"busybox id -g"}).out, "99\n");  // replaces cmd, the entrypoint stays
  EXPECT_EQ(
      run({"-u", "0", "-w", "/tmp", "--env-file", dir.path() + "/vars", "-e", "B=option"}).out,
      "0\n/tmp\nfile option\n");
  EXPECT_EQ(run({"--entrypoint", "busybox", "echo", "$A"}).out, "$A\n");
}

TEST(Run, EndsWithTheStatusOfTheCommand) {
  EXPECT_EQ(run_program(busybox_sh("exit 7")).status, 7);
  EXPECT_EQ(run_program(busybox_sh("kill -TERM $$")).status, 128 + SIGTERM);
}

TEST(Run, TellsACommandThatIsNotThereFromOneThatCannotRun) {
  const Ended missing = run_program(busybox({"--", "nosuch"}));
  const Ended not_executable = run_program(busybox({"--", "/etc/passwd"}));

  EXPECT_EQ(missing.status, 127);
  EXPECT_THAT(missing.err, HasSubstr("nosuch"));
  EXPECT_EQ(not_executable.status, 126);
  EXPECT_THAT(not_executable.err, HasSubstr("/etc/passwd"));
}

TEST(Run, NamesAUserWhoIsUnknown) {
  const Ended ended = run_program(busybox({"-u", "nobody-here", "--", "true"}));

  EXPECT_EQ(ended.status, 125);
  EXPECT_THAT(ended.err, HasSubstr("nobody-here"));
}

TEST(Run, PassesSignalsOn) {
  for (const auto& [number, name] : std::vector<std::pair<int, std::string>>{
           {SIGINT, "INT"}, {SIGTERM, "TERM"}, {SIGUSR1, "USR1"}}) {
    Program program(busybox_sh("trap 'echo got; exit 33' " + name +
                               "; echo ready; while :; do sleep 0.1; done"));
    program.wait_for("ready\n");
    program.signal(number);

    EXPECT_EQ(program.wait(), 33) << name;
    EXPECT_EQ(program.out, "ready\ngot\n");
  }
}

TEST(Run, EndsTheMachineAtTheSecondInterrupt) {
  Program program(busybox_sh("trap 'echo once' INT; echo ready; while :; do sleep 0.1; done"));
  program.wait_for("ready\n");
  program.signal(SIGINT);
  program.wait_for("once\n");
  program.signal(SIGINT);

  EXPECT_EQ(program.wait(), 130);
}

TEST(Run, EndsAtASignalThatComesDuringTheStart) {
  Program program(busybox({"--console", "--", "sleep", "60"}));
  ::usleep(200'000);
  program.signal(SIGTERM);

  EXPECT_EQ(program.wait(), 128 + SIGTERM);
}

TEST(Run, EndsWhenNobodyReadsItsOutput) {
  Program program(busybox({"--", "yes"}));
  program.wait_for("y\ny\n");
  program.stop_reading();

  EXPECT_EQ(program.wait(), 128 + SIGPIPE);
}

TEST(Run, PassesSignalsOnWhileNobodyReads) {
  Program program(busybox_sh("trap 'exit 0' PIPE; echo ready; yes"));
  program.wait_for("ready\n");
  ::usleep(300'000);  // the pipe is full by then
  program.signal(SIGTERM);

  EXPECT_EQ(program.wait(), 128 + SIGTERM);
}

TEST(Run, KillsWhatTakesTooLong) {
  const Ended ended = run_program(busybox({"--timeout", "0.5", "--", "sleep", "60"}));

  EXPECT_EQ(ended.status, 124);
  EXPECT_THAT(ended.err, HasSubstr("--timeout"));
}

TEST(Run, ShowsTheConsoleWhereItIsAsked) {
  const TempDir dir = TempDir::create().value();
  const std::string log = dir.path() + "/log";
  const Ended both =
      run_program(busybox({"--console", "--console-log", log, "--", "echo", "hello"}));
  const std::string logged = read_file(log, 1 << 20).value();

  EXPECT_EQ(both.out, "hello\n");
  EXPECT_THAT(both.err, HasSubstr("Linux version 6.12"));
  EXPECT_EQ(logged, both.err);
}

TEST(Run, TellsWhenEachStageWasReached) {
  const Ended ended = run_program(busybox({"--timing", "--no-bake", "--", "true"}));

  std::string number = " +[0-9]+\\.[0-9][0-9][0-9] ms\n";
  EXPECT_THAT(ended.err,
              MatchesRegex("timing: image ready" + number + "timing: VM created" + number +
                           "timing: kernel entered" + number + "timing: agent up" + number +
                           "timing: exec done" + number + "timing: gone" + number));
}

TEST(Run, SaysThatTheGuestEndedItself) {
  const Ended ended = run_program(busybox({"--", "reboot", "-f"}));

  EXPECT_EQ(ended.status, 125);
  EXPECT_THAT(ended.err, HasSubstr("the VM ended before the command did"));
}

// Guests that do not come up: the agent is another program, which claims to be of our version.
class OtherAgent : public ::testing::Test {
 protected:
  static std::string silent() { return read_file(SM_SILENT_AGENT, 16 << 20).value(); }
  Ended run_with(const std::string& agent, std::vector<std::string> args) const {
    const Ended doctor = run_program({.args = {"doctor"}});
    const std::size_t begin = doctor.out.find("assets:     ok       ") + 21;
    const std::string kernel = doctor.out.substr(begin, doctor.out.find(',', begin) - begin);
    fs::create_symlink(fs::canonical(kernel), dir_.path() + "/kernel");
    OciImage::write(dir_.path() + "/supermachine-agent", agent);
    args.insert(args.end(), {"--", "true"});
    Launch launch = busybox(std::move(args));
    launch.env["SUPERMACHINE_ASSETS_DIR"] = dir_.path();
    return run_program(launch);
  }
  const TempDir dir_ = TempDir::create().value();
};

TEST_F(OtherAgent, ThatCannotRunIsAPanicWithItsLastLines) {
  std::string agent = silent();
  agent[offsetof(Elf64_Ehdr, e_machine)] = EM_NONE;  // so of no processor
  const Ended ended = run_with(agent, {});

  EXPECT_EQ(ended.status, 125);
  EXPECT_THAT(ended.err, AllOf(StartsWith("supermachine: "), HasSubstr("Kernel panic")));
}

TEST_F(OtherAgent, ThatNeverAnswersIsNotWaitedForLonger) {
  const Ended ended = run_with(silent(), {"--boot-timeout", "4"});

  EXPECT_EQ(ended.status, 125);
  EXPECT_THAT(ended.err, HasSubstr("did not answer in time"));
}

TEST(Doctor, FindsAHostThatRunsVms) {
  const Ended ended = run_program({.args = {"doctor"}});

  EXPECT_THAT(ended.out, EndsWith("\nthis host runs VMs on KVM\n"));
  EXPECT_EQ(ended.status, 0);
}

}  // namespace
}  // namespace supermachine
