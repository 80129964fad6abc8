// SPDX-License-Identifier: Apache-2.0
// The example in Python, through ctypes and the shared library.
#include "base/run_program.h"
#include "snapshot_guest.h"

namespace supermachine {
namespace {

class Python : public SnapshotDirTest {};

TEST_F(Python, UsesTheSharedLibrary) {
  SM_ASSERT_OK_AND_ASSIGN(
      const ProgramOutput ran,
      run_program({"env", "SUPERMACHINE_LIBRARY=" SM_SHARED_LIBRARY, "PYTHONDONTWRITEBYTECODE=1",
                   "sh", "-c", "exec \"$@\" 2>&1", "sh", "/usr/bin/python3", SM_PYTHON_EXAMPLE,
                   "oci-archive:" + test_images_dir() + "/busybox.tar", dir_->path()},
                  "", 1 << 20, deadline_in(std::chrono::minutes(5))));

  EXPECT_EQ(ran.out,
            "hello from the host\n"
            "status 3 b'vm: a line\\n'\n"
            "not found\n"
            "through a port\n"
            "['worker-7', 'hello from the host', '']\n"
            "b'task'\n"
            "b'hello from the host\\n'\n"
            "b'hello from the host\\n'\n"
            "stages boot capture warmup\n"
            "b'trained'\n"
            "no bake: not found\n");
  EXPECT_EQ(ran.status, 0);
}

}  // namespace
}  // namespace supermachine
