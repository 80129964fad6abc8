// SPDX-License-Identifier: Apache-2.0
// What somebody gets who installs supermachine: its packages in a fresh Debian, programs built
// there against them, the symbols of the library, what including its headers costs. Needs root, apt
// and a built tree.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "shell_command.h"

namespace supermachine {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kBuild = SM_BUILD_DIR;
const std::string kSource = SM_SOURCE_DIR;
const std::string kVersion = SM_VERSION;
// As sonames have it: major and minor.
const std::string kSoversion = kVersion.substr(0, kVersion.rfind('.'));
const std::string kPackages = kBuild + "/packages";
const std::string kInRoot = kSource + "/tests/package/in-root ";

constexpr double kMiB = 1 << 20;

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

double number(const std::string& script) {
  const ShellOutcome outcome = shell(script);
  EXPECT_EQ(outcome.status, 0) << script << ": " << outcome.text;
  return std::strtod(outcome.text.c_str(), nullptr);
}

// In the lab where this machine's KVM cannot run Linux.
ShellOutcome with_kvm(const std::string& command) {
  return shell("export SUPERMACHINE_LAB_BIN=" + kBuild + "/bin\n" + "if " + kBuild +
               "/bin/supermachine doctor | tail -n 1 | grep -q 'on KVM'; then " + command +
               "; else " + kSource + "/lab/run --timeout 300 " + command + "; fi");
}

class PackageTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_EQ(::getuid(), 0U) << "these tests make a Debian of their own: run them as root";
    // A commit while this runs would change it.
    const ShellOutcome time = shell("git -C " + kSource + " log -1 --format=%ct 2> /dev/null");
    const std::string digits = time.text.substr(0, time.text.find_first_not_of("0123456789"));
    ASSERT_EQ(::setenv("SOURCE_DATE_EPOCH", digits.empty() ? "0" : digits.c_str(), 0), 0);
    const ShellOutcome made = shell("cd " + kBuild + " && rm -rf packages && cpack -G DEB");
    ASSERT_EQ(made.status, 0) << made.text;
  }

  // A Debian with `names` from Debian and from us.
  static std::string make_root(const std::string& name, const std::string& names) {
    const std::string root = kBuild + "/package-test/" + name;
    const ShellOutcome made =
        shell("mkdir -p " + kBuild + "/package-test; " + kSource + "/tests/package/make-root " +
              kPackages + " " + root + " " + names);
    EXPECT_EQ(made.status, 0) << made.text;
    return root;
  }
};

TEST_F(PackageTest, InstallCleanlyInAFreshDebian) {
  const std::string root = make_root("fresh", "supermachine");

  const ShellOutcome version = shell(kInRoot + root + " supermachine --version");
  EXPECT_EQ(version.text, "supermachine " SM_VERSION "\n");
  // The kernel and the agent are those of the package, with no file beside the program.
  const ShellOutcome assets = shell(kInRoot + root + " supermachine assets");
  EXPECT_EQ(assets.status, 0) << assets.text;
  EXPECT_THAT(assets.text, HasSubstr("inside the program"));
  EXPECT_EQ(shell("test -s " + root + "/usr/share/man/man1/supermachine-run.1.gz || test -s " +
                  root + "/usr/share/man/man1/supermachine-run.1")
                .status,
            0);
  const ShellOutcome doctor = with_kvm(kInRoot + root + " supermachine doctor");
  EXPECT_EQ(doctor.status, 0) << doctor.text;
  EXPECT_THAT(doctor.text, HasSubstr("on KVM"));
}

TEST_F(PackageTest, BuildProgramsThatBootAnImage) {
  const std::string root = make_root("development",
                                     "supermachine libsupermachine-dev g++ cmake make pkg-config "
                                     "libfmt-dev libsquashfs-dev libssl-dev "
                                     "zlib1g-dev libzstd-dev");
  const std::string work = root + "/root/consumers";
  ASSERT_EQ(
      shell("cp -r " + kSource + "/tests/package/consumers " + work + " && cp --reflink=auto $(" +
            kSource + "/tools/make-test-images busybox | awk '{print $2}') " + work)
          .status,
      0);
  const ShellOutcome built =
      shell(kInRoot + root +
            " bash -euc 'cd /root/consumers; cmake -B build -DCMAKE_BUILD_TYPE=Release; cmake "
            "--build build;"
            " gcc -std=c99 -pedantic -Wall -Werror -o build/c-pkg-config consumer.c"
            " $(pkg-config --cflags --libs supermachine);"
            " gcc -std=c99 -o build/c-pkg-config-static consumer.c"
            " $(pkg-config --cflags --libs supermachine-static);"
            " cmake -S c-only -B build/c-only; cmake --build build/c-only;"
            " cp build/c-only/c-static build;"
            " g++ -std=c++20 -o build/cxx-pkg-config consumer.cc $(pkg-config --cflags --libs "
            "supermachine)'");
  ASSERT_EQ(built.status, 0) << built.text;
  for (const std::string program : {"c-static", "c-pkg-config-static", "cxx-static"}) {
    const ShellOutcome headers = shell("objdump -p " + work + "/build/" + program);
    EXPECT_THAT(headers.text, AllOf(HasSubstr("libc.so"), Not(HasSubstr("libsupermachine"))))
        << program << " takes something of ours from outside";
  }

  const ShellOutcome ran =
      with_kvm(kInRoot + root +
               " sh -c 'cd /root/consumers; for program in c-shared "
               "c-pkg-config c-static c-pkg-config-static cxx-shared cxx-pkg-config cxx-static;"
               " do build/$program oci-archive:busybox.tar; done'");
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.text, HasSubstr("hello from C\nhello from C\nhello from C\nhello from C\nhello "
                                  "from C++\nhello from C++\nhello from C++\n"));
}

// docs/benchmarks.md has the figures.
TEST_F(PackageTest, AreSmall) {
  const std::string lib = kBuild + "/package-test/size";
  ASSERT_EQ(shell("rm -rf " + lib + "; mkdir -p " + lib + "; for package in " + kPackages +
                  "/*.deb; do case $package in *-dev_*) ;; *) dpkg-deb -x $package " + lib +
                  " ;; esac; done")
                .status,
            0);
  const double all = number("du -sb --apparent-size " + lib + " | cut -f1");
  const double kernel = number("stat -c %s " + kBuild + "/assets/unpacked/kernel");
  const double library = number("stat -Lc %s " + lib + "/usr/lib/libsupermachine.so." + kSoversion);
  const double payload = number("stat -c %s " + kBuild + "/assets/payloads/kernel.xz");
  std::printf("installed without the kernel %.2f MiB, library %.2f, kernel packed %.2f\n",
              (all - kernel) / kMiB, library / kMiB, payload / kMiB);
  EXPECT_LE(all - kernel, 6 * kMiB);
  EXPECT_LE(library, 3 * kMiB);
  EXPECT_LE(payload, 4 * kMiB);
}

TEST_F(PackageTest, HaveTheLicencesThatTheyName) {
  for (const std::string package : {"supermachine-kernel", "libsupermachine-dev"}) {
    const std::string dir = kBuild + "/package-test/" + package;
    const std::string doc = dir + "/usr/share/doc/" + package;
    ASSERT_EQ(shell("rm -rf " + dir + "; mkdir -p " + dir + "; dpkg-deb -x " + kPackages + "/" +
                    package + "_*.deb " + dir)
                  .status,
              0);
    const ShellOutcome named =
        shell("cd " + doc + "; for file in $(grep -hoE 'LICENSE[-A-Z0-9.]*[A-Z0-9]|\\bkernel/" +
              "[a-z.]*[a-z]' NOTICE copyright | sort -u); do echo $file; test -s $file; done");
    EXPECT_EQ(named.status, 0) << package << " lacks the last of\n" << named.text;
    EXPECT_THAT(named.text,
                AllOf(HasSubstr("LICENSE-GPL-2.0\n"), HasSubstr("LICENSE-LGPL-2.1\n"),
                      HasSubstr("LICENSE-GCC-RUNTIME\n"), HasSubstr("kernel/config\n")));
    EXPECT_THAT(text_of(doc + "/copyright"),
                AllOf(HasSubstr("\nLicense: GPL-2\n"), HasSubstr("\nLicense: LGPL-2.1+\n")));
  }
}

TEST_F(PackageTest, ComeOutTheSameAgain) {
  const std::string sums = "cd " + kPackages + " && sha256sum *.deb";
  const std::string first = shell(sums).text;
  ASSERT_EQ(shell("sleep 2; cd " + kBuild + " && rm -rf packages && cpack -G DEB").status, 0);
  EXPECT_EQ(shell(sums).text, first);
  EXPECT_THAT(first, HasSubstr(".deb"));
}

// As docs/guide/install.md has it for systems without packages.
TEST(Installation, IsWholeAndWithoutDebuggingInformation) {
  const std::string prefix = kBuild + "/package-test/prefix";
  const ShellOutcome made =
      shell("rm -rf " + prefix + "; cmake --install " + kBuild + " --prefix " + prefix);
  ASSERT_EQ(made.status, 0) << made.text;
  const std::string library = prefix + "/lib/libsupermachine.so." + kSoversion;
  for (const std::string file :
       {"include/supermachine/supermachine.h", "lib/libsupermachine.a",
        "lib/libsupermachine-kernel-x86_64.a", "lib/pkgconfig/supermachine.pc",
        "lib/pkgconfig/supermachine-static.pc", "lib/cmake/supermachine/supermachine-config.cmake",
        "share/man/man1/supermachine-run.1", "share/bash-completion/completions/supermachine",
        "share/doc/supermachine-kernel/NOTICE", "share/doc/supermachine-kernel/LICENSE-GPL-2.0"}) {
    EXPECT_NE(text_of(prefix + "/" + file), "") << file;
  }
  for (const std::string& program : {library, prefix + "/bin/supermachine"}) {
    EXPECT_LE(number("stat -c %s " + program), 3 * kMiB);
    EXPECT_THAT(shell("readelf -SW " + program).text,
                AllOf(HasSubstr(".text"), Not(HasSubstr(".debug_info"))));
  }
  const ShellOutcome assets =
      shell("env -u LD_LIBRARY_PATH " + prefix + "/bin/supermachine assets");
  EXPECT_EQ(assets.status, 0) << assets.text;
  EXPECT_THAT(assets.text, HasSubstr("inside the program"));
}

TEST(Library, ExportsWhatIsListed) {
  const ShellOutcome symbols =
      shell("nm -DC --defined-only " + kBuild +
            "/lib/libsupermachine.so | cut -c18- | sed 's/^[A-Z] //; s/@@.*//' | LC_ALL=C sort -u");
  EXPECT_EQ(symbols.text, text_of(kSource + "/packaging/libsupermachine.symbols"))
      << "if this is meant, run tools/update-symbols";
}

// A mixed pair neither links nor loads.
TEST(Library, RefusesAssetsOfAnotherVersion) {
  const std::string dir = kBuild + "/package-test/mixed";
  const std::string soname = "libsupermachine-kernel-x86_64.so." + kSoversion;
  const ShellOutcome made = shell("rm -rf " + dir + "; mkdir -p " + dir + "; cd " + dir +
                                  "; echo 'void nothing(void) {}' | gcc -shared -Wl,-soname," +
                                  soname + " -o " + soname + " -x c -");
  ASSERT_EQ(made.status, 0) << made.text;
  const ShellOutcome run = shell("env -u LD_BIND_NOW LD_LIBRARY_PATH=" + dir + ":" + kBuild +
                                 "/lib " + kBuild + "/installed/supermachine --version");
  EXPECT_EQ(run.status, 127);
  EXPECT_THAT(run.text, HasSubstr("undefined symbol"));
  std::string version = "v" + kVersion;
  std::ranges::replace(version, '.', '_');
  EXPECT_THAT(run.text, HasSubstr(version));
}

// tests/guest/python_test.cc has what takes a guest.
TEST(Library, GetsAnAnswerFromEveryWarmupInPython) {
  const ShellOutcome ran =
      shell("SUPERMACHINE_LIBRARY=" + kBuild + "/lib/libsupermachine.so" +
            " PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=" + kSource + "/examples/ctypes python3 " +
            kSource + "/tests/package/warmup_test.py");
  EXPECT_EQ(ran.status, 0) << ran.text;
  EXPECT_THAT(ran.text, HasSubstr("Ran 6 tests"));
}

// Headers that would double the compile time of a program that includes ours (decision 0083).
TEST(Headers, AreLight) {
  const ShellOutcome needed =
      shell("echo '#include <supermachine/supermachine.hpp>' | g++ -std=c++20 -M -x c++ -I " +
            kSource + "/include - | tr -s ' \\\\' '\\n'");
  ASSERT_EQ(needed.status, 0);
  EXPECT_THAT(needed.text, HasSubstr("c++/12/string\n"));
  for (const char* heavy :
       {"chrono", "memory", "functional", "map", "iostream", "sstream", "filesystem", "thread"}) {
    EXPECT_THAT(needed.text, Not(HasSubstr(std::string("/c++/12/") + heavy + "\n")));
  }
}

}  // namespace
}  // namespace supermachine
