// SPDX-License-Identifier: Apache-2.0
#include "cli/help/text.h"

#include <gmock/gmock.h>

#include "cli/help/shell.h"

namespace supermachine::cli {
namespace {

using ::testing::ElementsAre;

constexpr const char* kUsage[] = {"do IT", "do --all"};
constexpr Definition kWords[] = {{"one", "the first of two words that need an explanation in full"},
                                 {"twenty", "the other"}};
constexpr Block kDescription[] = {
    {"Does what is asked for, and what is asked for is written in a line that has to be wrapped."},
    {"IT is one of", kWords},
    {"A sentence before a list.", kWords},
};
constexpr Option kOptions[] = {
    {.names = "-a, --all", .text = "one\ntwo", .also = "--everything"},
    {.names = "--number", .argument = "N", .text = "short; default 1"},
    {.names = "--wait", .argument = "[=SECONDS]", .text = "perhaps"},
    {.names = "-p, --publish",
     .argument = "[[IP:]HOSTPORT:]GUESTPORT",
     .text = "a label that leaves little room for what is to be said of it, which goes on below"},
};
constexpr OptionGroup kGroups[] = {{"The options", kOptions}};
constexpr Block kNotes[] = {{"A note."}};
constexpr const char* kExamples[] = {"supermachine do it"};
constexpr VerbHelp kHelp{.usage = kUsage,
                         .description = kDescription,
                         .groups = kGroups,
                         .notes = kNotes,
                         .exit_status = "0.",
                         .examples = kExamples};

TEST(HelpText, IsLaidOut) {
  EXPECT_EQ(help_text(kHelp), R"(usage: supermachine do IT
       supermachine do --all

Does what is asked for, and what is asked for is written in a line that has to
be wrapped.

IT is one of
  one     the first of two words that need an explanation in full
  twenty  the other

A sentence before a list.

  one     the first of two words that need an explanation in full
  twenty  the other

The options
  -a, --all                one
                           two
      --number N           short; default 1
      --wait[=SECONDS]     perhaps
  -p, --publish [[IP:]HOSTPORT:]GUESTPORT  a label that leaves little room for
                           what is to be said of it, which goes on below

A note.

Exit status: 0.

Examples
  supermachine do it
)");
}

TEST(Wrapping, KeepsLineBreaksAndLongWords) {
  EXPECT_THAT(wrapped("a bb cc", 4), ElementsAre("a bb", "cc"));
  EXPECT_THAT(wrapped("a\nb c", 9), ElementsAre("a", "b c"));
  EXPECT_THAT(wrapped("a longer b", 4), ElementsAre("a", "longer", "b"));
  EXPECT_THAT(wrapped("", 4), ElementsAre(""));
}

TEST(OptionNames, AreShownOrNot) {
  EXPECT_THAT(option_names(kOptions[0]), ElementsAre("-a", "--all", "--everything"));
  EXPECT_THAT(option_names(kOptions[0], false), ElementsAre("-a", "--all"));
  EXPECT_EQ(option_label(kOptions[1]), "--number N");
}

TEST(ShortText, IsTheFirstClause) {
  EXPECT_EQ(short_text(kOptions[0]), "one, two");
  EXPECT_EQ(short_text(kOptions[1]), "short");
}

}  // namespace
}  // namespace supermachine::cli
