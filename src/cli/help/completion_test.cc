// SPDX-License-Identifier: Apache-2.0
// The shells themselves complete, with a program that has two VMs, a bake and an image.
#include "cli/help/completion.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/vms/ps_table.h"
#include "shell_command.h"

namespace supermachine::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::UnorderedElementsAre;

class Completion : public ::testing::Test {
 protected:
  Completion() {
    std::filesystem::create_directories(dir_ + "/bin");
    std::filesystem::create_directories(dir_ + "/here/data");
    write("here/data.tar", "");
    write("bash", bash_completion());
    write("zsh", zsh_completion());
    write("fish", fish_completion());
    write("one.json", ps_json({vm("web")}, now()));
    write("both.json", ps_json({vm("web"), vm("worker")}, now()));
    write("bin/supermachine", R"(#!/bin/sh
echo 'a complaint' >&2
case "$*" in
  'ps --json') cat ")" + dir_ + R"(/one.json" ;;
  'ps -a --json') cat ")" + dir_ + R"(/both.json" ;;
  'images -q') printf '%s\n' nginx-1 nginx:1.27 ;;
  'images --json') printf '{"bakes": [\n  {"name": "nginx-1", "reference": "nginx:1.27"}],\n'
    printf ' "pulled": [\n  {"reference": "nginx:1.27", "bytes": 1}]}\n' ;;
esac
)");
    std::filesystem::permissions(dir_ + "/bin/supermachine", std::filesystem::perms::owner_all);
  }
  ~Completion() override { std::filesystem::remove_all(dir_); }

  static VmEntry vm(const std::string& name) {
    VmEntry entry;
    entry.state.id = std::string(64, 'a');
    entry.state.name = name;
    entry.state.command = {"sh", "-c", R"("name": "nobody")"};
    return entry;
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_ + "/" + name) << text;
  }
  // The lines that a script of that shell prints.
  [[nodiscard]] std::vector<std::string> run(const std::string& interpreter,
                                             const std::string& script) const {
    write("script", script);
    const std::string command = "cd " + dir_ + "/here && PATH=" + dir_ + "/bin:$PATH HOME=" + dir_ +
                                " timeout 20 " + interpreter + " " + dir_ + "/script";
    const ShellOutcome outcome = shell(command);
    std::string all = outcome.text;
    EXPECT_EQ(outcome.status, 0) << all;
    std::vector<std::string> lines;
    for (std::size_t end = 0; (end = all.find('\n')) != std::string::npos; all.erase(0, end + 1)) {
      lines.push_back(all.substr(0, end));
    }
    return lines;
  }
  // What COMPREPLY holds; `words` as bash breaks them, the last one being completed.
  [[nodiscard]] std::vector<std::string> bash(const std::string& words) const {
    return run("bash", "set -u; source " + dir_ + "/bash; COMP_WORDS=(supermachine " + words +
                           "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _supermachine\n"
                           "for one in \"${COMPREPLY[@]}\"; do echo \"$one\"; done\n");
  }
  [[nodiscard]] std::vector<std::string> fish(const std::string& line) const {
    auto lines = run("fish", "source " + dir_ + "/fish; complete -C 'supermachine " + line + "'\n");
    for (std::string& one : lines) one.resize(std::min(one.find('\t'), one.size()));
    return lines;
  }
  // What TAB makes of each line, in a shell with a terminal.
  [[nodiscard]] std::vector<std::string> zsh(const std::vector<std::string>& lines) const {
    std::string script = R"(zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "autoload -Uz compinit && compinit -u -D; source )" +
                         dir_ + R"(/zsh"
zpty -w shell 'show() { print -r -- "<${:-line}:$BUFFER>"; BUFFER=; }; zle -N show; bindkey "^T" show'
try() {
  zpty -n -w shell "supermachine $1"$'\t\C-t'
  zpty -r -m shell out $'*<line:*>*'
  print -r -- "${${out##*<line:supermachine }%%>*}"
}
)";
    for (const std::string& line : lines) script += "try '" + line + "'\n";
    return run("zsh -f", script + "zpty -d shell\n");
  }

  const std::string dir_ = ::testing::TempDir() + "sm_completion_" + std::to_string(::getpid());
};

TEST_F(Completion, OfBashKnowsVerbsAndOptions) {
  EXPECT_THAT(bash("r"), ElementsAre("run", "rm"));
  EXPECT_THAT(bash("--v"), ElementsAre("--version"));
  EXPECT_THAT(bash("run --me"), ElementsAre("--memory"));
  EXPECT_THAT(bash("run nginx --me"), ElementsAre("--memory"));
  EXPECT_THAT(bash("run nginx ls --me"), IsEmpty());
  EXPECT_THAT(bash("run nginx -- --me"), IsEmpty());
  EXPECT_THAT(bash("images -"), UnorderedElementsAre("-q", "--quiet", "--json", "-h", "--help"));
  EXPECT_THAT(bash("nothing -"), IsEmpty());
}

TEST_F(Completion, OfBashKnowsValues) {
  EXPECT_THAT(bash("run --engine ''"), ElementsAre("auto", "kvm", "lab"));
  EXPECT_THAT(bash("run --engine = k"), ElementsAre("kvm"));
  EXPECT_THAT(bash("pull --policy ne"), ElementsAre("never"));
  EXPECT_THAT(bash("pull --pull ne"), ElementsAre("never"));
  EXPECT_THAT(bash("kill -s ST"), ElementsAre("STOP"));
  EXPECT_THAT(bash("run --memory ''"), IsEmpty());
  EXPECT_THAT(bash("run --env-file d"), UnorderedElementsAre("data", "data.tar"));
  EXPECT_THAT(bash("completion ''"), ElementsAre("bash", "zsh", "fish"));
}

TEST_F(Completion, OfBashKnowsNamesThatAreQuoted) {
  write("here/my file", "");
  std::filesystem::create_directories(dir_ + "/here/it's \"mine\"");
  EXPECT_THAT(bash(R"(run --env-file 'my\ f')"), ElementsAre("my file"));
  EXPECT_THAT(bash(R"(run --env-file '"my f')"), ElementsAre("my file"));
  EXPECT_THAT(bash(R"(run --env-file "'my ")"), ElementsAre("my file"));
  EXPECT_THAT(bash(R"(run oci-archive : 'my\ ')"), ElementsAre("my file"));
  EXPECT_THAT(bash(R"(inspect "it\\'s\\ ")"), ElementsAre("it's \"mine\""));
  EXPECT_THAT(bash(R"(inspect '"it'"'"'s \"m')"), ElementsAre("it's \"mine\""));
  EXPECT_THAT(bash(R"(inspect '$(echo data)')"), IsEmpty());
}

TEST_F(Completion, OfBashAsksForNames) {
  EXPECT_THAT(bash("stop ''"), ElementsAre("web"));
  EXPECT_THAT(bash("logs w"), ElementsAre("web", "worker"));
  EXPECT_THAT(bash("logs web ''"), IsEmpty());
  EXPECT_THAT(bash("stop web -t 1 w"), ElementsAre("web"));
  EXPECT_THAT(bash("rm ''"), ElementsAre("web", "worker", "nginx-1", "nginx:1.27"));
  EXPECT_THAT(bash("pull ''"), ElementsAre("nginx:1.27"));
  EXPECT_THAT(bash("run -m 512 ng"), ElementsAre("nginx-1", "nginx:1.27"));
  EXPECT_THAT(bash("run nginx : 1"), ElementsAre("1.27"));  // as bash has the rest already
  EXPECT_THAT(bash("run oci-archive : da"), UnorderedElementsAre("data", "data.tar"));
  EXPECT_THAT(bash("inspect ''"), UnorderedElementsAre("data", "nginx-1"));
  EXPECT_THAT(bash("exec web da"), UnorderedElementsAre("data", "data.tar"));
}

TEST_F(Completion, OfFish) {
  EXPECT_THAT(fish("r"), UnorderedElementsAre("run", "rm"));
  EXPECT_THAT(fish("run nginx --me"), ElementsAre("--memory"));
  EXPECT_THAT(fish("run nginx ls --me"), IsEmpty());
  EXPECT_THAT(fish("run --engine "), UnorderedElementsAre("auto", "kvm", "lab"));
  EXPECT_THAT(fish("stop "), ElementsAre("web"));
  EXPECT_THAT(fish("logs -n 5 w"), UnorderedElementsAre("web", "worker"));
  EXPECT_THAT(fish("run -m 512 "), IsSupersetOf({"nginx-1", "nginx:1.27", "oci-archive:"}));
  EXPECT_THAT(fish("images "), IsEmpty());
  EXPECT_THAT(fish("snapshot nginx d"), ElementsAre("data/"));
}

TEST_F(Completion, OfZsh) {
  EXPECT_THAT(
      zsh({"sna", "run --hostn", "run --engine=l", "pull --policy ne", "stop ", "logs wo",
           "run -m 512 nginx-", "run oci-archive:data.", "snapshot x dat", "run x ls data.",
           "stop web --ti", "bogus x"}),
      ElementsAre("snapshot ", "run --hostname=", "run --engine=lab ", "pull --policy never ",
                  "stop web ", "logs worker ", "run -m 512 nginx-1 ", "run oci-archive:data.tar ",
                  "snapshot x data/", "run x ls data.tar ", "stop web --time=", "bogus x"));
}

}  // namespace
}  // namespace supermachine::cli
