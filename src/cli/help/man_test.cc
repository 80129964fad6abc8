// SPDX-License-Identifier: Apache-2.0
#include "cli/help/man.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "cli/help/text.h"
#include "shell_command.h"

namespace supermachine::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Roff, IsEscaped) {
  EXPECT_EQ(roff("a-b --c"), "a\\-b \\-\\-c");
  EXPECT_EQ(roff(".so /etc/passwd"), "\\&.so /etc/passwd");
  EXPECT_EQ(roff("'x'"), "\\&\\(aqx\\(aq");
  EXPECT_EQ(roff("C:\\n"), "C:\\en");
  EXPECT_EQ(roff("\"~^`"), "\\(dq\\(ti\\(ha\\(ga");
}

TEST(ManPage, HasEachOptionOfTheTable) {
  for (const Verb& verb : kVerbs) {
    const std::string page = verb_page(verb, "1.2.3");

    EXPECT_THAT(page, AllOf(HasSubstr(".TH \"SUPERMACHINE-"), HasSubstr("supermachine 1.2.3"),
                            HasSubstr(".SH \"NAME\""), HasSubstr(".SH \"OPTIONS\"")));
    for (const OptionGroup& group : verb.help.groups) {
      for (const Option& option : group.options) {
        for (const std::string& name : option_names(option, false)) {
          EXPECT_THAT(page, HasSubstr("\\fB" + roff(name) + "\\fR")) << verb.name;
        }
      }
    }
    for (const char* example : verb.help.examples) EXPECT_THAT(page, HasSubstr(roff(example)));
  }
}

TEST(ManPage, IsTheSameEachTime) {
  EXPECT_EQ(verb_page(kVerbs[0], "1"), verb_page(kVerbs[0], "1"));
  EXPECT_THAT(verb_page(kVerbs[0], "1"), HasSubstr("\"1\" \"2026-11-21\" \"supermachine 1\""));
}

TEST(ManPage, OfTheProgramNamesTheVerbs) {
  const std::string page = program_page("1.2.3");
  for (const Verb& verb : kVerbs) {
    EXPECT_THAT(page, HasSubstr("\\fBsupermachine\\-" + std::string(verb.name) + "\\fR(1)\n" +
                                roff(wrapped(verb.summary, 64)[0]) + "\n"));
  }
  EXPECT_THAT(page, Not(HasSubstr("\n.\n")));
}

// What a program says of a page, and whether it is content.
std::string filtered(const std::string& page, const std::string& command) {
  const std::string path = ::testing::TempDir() + "sm_man_" + std::to_string(::getpid()) + ".1";
  std::ofstream(path) << page;
  const ShellOutcome outcome = shell(command + " " + path);
  EXPECT_EQ(outcome.status, 0) << outcome.text;
  std::filesystem::remove(path);
  return outcome.text;
}

TEST(ManPage, PleasesGroffAndMandoc) {
  std::vector<std::string> pages{program_page("1.2.3")};
  for (const Verb& verb : kVerbs) pages.push_back(verb_page(verb, "1.2.3"));
  for (const std::string& page : pages) {
    EXPECT_EQ(filtered(page, "mandoc -T lint -W warning"), "");
    EXPECT_EQ(filtered(page, "groff -man -ww -z"), "");
  }
}

TEST(ManPage, IsReadAsItIsMeant) {
  const auto* const run = std::ranges::find(kVerbs, std::string_view("run"), &Verb::name);
  const std::string text =
      filtered(verb_page(*run, "1.2.3"), "groff -man -Tascii -P-c -P-b -P-u -rLL=100n");

  EXPECT_THAT(text, HasSubstr("supermachine run [OPTIONS] IMAGE [OPTIONS] [[--] COMMAND"));
  EXPECT_THAT(text, HasSubstr("-p, --publish [[IP:]HOSTPORT:]GUESTPORT\n"));
  EXPECT_THAT(text,
              HasSubstr("supermachine run oci-archive:python.tar -- python3 -c 'print(6*7)'"));
  EXPECT_THAT(text, HasSubstr("SUPERMACHINE_CACHE\n"));
}

}  // namespace
}  // namespace supermachine::cli
