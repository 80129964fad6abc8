// SPDX-License-Identifier: Apache-2.0
// How long until a guest does something: our run of /bin/true by stages, beside QEMU's microvm with
// the same kernel up to the first word of the smallest init. Pairs, one after the other, since the
// host's speed drifts. Arguments: pairs, the stages program, the init, the image, a directory.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>

#include "base/files.h"
#include "base/sys.h"
#include "rootfs/initramfs.h"
#include "supermachine/image.h"
#include "support/process.h"
#include "support/qemu.h"
#include "support/series.h"

namespace supermachine::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 60s;
constexpr std::size_t kMaxInit = 8 << 20;
constexpr const char* kStages[] = {"main",     "image ready", "VM created", "kernel entered",
                                   "agent up", "exec done",   "gone"};

double ms_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

struct Inputs {
  int pairs = 10;
  std::string stages_program;
  std::string init;
  std::string image;
  std::string directory;
};

Status measure_ours(const Inputs& in, std::map<std::string, Series>& stages) {
  Program program = SM_TRY(Program::start({in.stages_program, in.image}));
  SM_TRY(program.wait_for_end(deadline_in(kPatience)));
  std::istringstream lines(program.text());
  for (std::string line; std::getline(lines, line);) {
    const std::size_t space = line.rfind(' ');
    const std::chrono::nanoseconds when(
        std::strtoll(line.c_str() + space + 1, nullptr, 10));  // NOLINT: our own program's number
    stages[line.substr(0, space)].add(ms_between(program.started(), Clock::time_point(when)));
  }
  return {};
}

Status measure_qemu(const QemuGuest& guest, Series& word, Series& end) {
  Program qemu = SM_TRY(Program::start(qemu_command(guest)));
  word.add(ms_between(qemu.started(), SM_TRY(qemu.wait_for("first-word", deadline_in(kPatience)))));
  end.add(ms_between(qemu.started(), SM_TRY(qemu.wait_for_end(deadline_in(kPatience)))));
  return {};
}

Result<QemuGuest> prepare_qemu(const Inputs& in) {
  const std::string init = SM_TRY(read_file(in.init, kMaxInit));
  const rootfs::InitramfsFile file{.path = "init", .bytes = std::as_bytes(std::span(init))};
  const auto archive = SM_TRY(rootfs::make_initramfs(std::span(&file, 1)));
  QemuGuest guest;
  guest.initramfs = in.directory + "/first-word.cpio";
  AtomicFile out = SM_TRY(AtomicFile::create(guest.initramfs));
  SM_TRY(write_all(out.fd(), archive));
  SM_TRY(out.commit());
  guest.kernel = SM_TRY(AssetPaths::discover()).kernel;
  guest.root_image = SM_TRY(Image::from_oci(in.image)).rootfs_path();
  return guest;
}

Status measure(const Inputs& in) {
  const QemuGuest guest = SM_TRY(prepare_qemu(in));
  std::map<std::string, Series> ours;
  std::map<std::string, Series> warm_up;  // file caches
  Series word, end, ignored;
  SM_TRY(measure_ours(in, warm_up));
  SM_TRY(measure_qemu(guest, ignored, ignored));
  for (int i = 0; i < in.pairs; ++i) {
    SM_TRY(measure_ours(in, ours));
    SM_TRY(measure_qemu(guest, word, end));
  }
  print_header("ms");
  print_line("QEMU: init's first word", word, word);
  print_line("QEMU: gone", end, word);
  for (const char* stage : kStages) print_line(std::string("ours: ") + stage, ours[stage], word);
  return {};
}

}  // namespace
}  // namespace supermachine::bench

int main(int argc, char** argv) {
  using namespace supermachine;
  if (argc != 6) return 2;
  const Status done = bench::measure({std::atoi(argv[1]), argv[2], argv[3], argv[4], argv[5]});
  if (!done.ok()) std::fprintf(stderr, "boot_bench: %s\n", done.error().message().c_str());
  return done.ok() ? 0 : 1;
}
