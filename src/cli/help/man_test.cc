// SPDX-License-Identifier: Apache-2.0
#include "cli/help/man.h"

#include <gmock/gmock.h>

#include "cli/help/text.h"

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
                                roff(verb.summary)));
  }
  EXPECT_THAT(page, Not(HasSubstr("\n.\n")));
}

}  // namespace
}  // namespace supermachine::cli
