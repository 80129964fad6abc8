// SPDX-License-Identifier: Apache-2.0
#include "base/run_program.h"

#include <gtest/gtest.h>

#include "result_matchers.h"

namespace supermachine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RunProgram, GivesWhatItSaysAndHowItEnds) {
  SM_ASSERT_OK_AND_ASSIGN(const ProgramOutput output,
                          run_program({"sh", "-c", "cat; echo lost >&2; exit 3"}, "question", 100,
                                      deadline_in(seconds(10))));

  EXPECT_EQ(output.out, "question");
  EXPECT_EQ(output.status, 3);
}

TEST(RunProgram, SaysThatThereIsNone) {
  EXPECT_THAT(run_program({"supermachine-no-such-program"}, "", 100, deadline_in(seconds(10))),
              FailsSaying(Errc::kNotFound, "supermachine-no-such-program"));
}

TEST(RunProgram, EndsWhatHangsOrNeverEnds) {
  EXPECT_THAT(run_program({"sleep", "100"}, "", 100, deadline_in(milliseconds(50))),
              Fails(Errc::kTimeout));
  EXPECT_THAT(
      run_program({"sh", "-c", "exec >&-; sleep 100"}, "", 100, deadline_in(milliseconds(50))),
      Fails(Errc::kTimeout));
  EXPECT_THAT(run_program({"yes"}, "", 10'000, deadline_in(seconds(10))), Fails(Errc::kExhausted));
}

}  // namespace
}  // namespace supermachine
