// SPDX-License-Identifier: Apache-2.0
// How fast a command's standard output reaches the host: `dd` through our exec, beside the same
// agent and the same exec under QEMU with vhost-vsock. Both machines stay up; the runs alternate.
// Arguments: pairs, MiB, the image, a directory.
#include <linux/vm_sockets.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>

#include "base/files.h"
#include "base/sys.h"
#include "client/control.h"
#include "client/exec.h"
#include "rootfs/initramfs.h"
#include "supermachine/image.h"
#include "supermachine/vm.h"
#include "support/process.h"
#include "support/qemu.h"
#include "support/series.h"

namespace supermachine::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 120s;
constexpr std::uint32_t kGuestCid = 42;

sockaddr_vm vsock_address(std::uint32_t cid, std::uint32_t port) {
  sockaddr_vm address{};
  address.svm_family = AF_VSOCK;
  address.svm_cid = cid;
  address.svm_port = port;
  return address;
}

Result<UniqueFd> vsock_connect(std::uint32_t port) {
  UniqueFd socket(::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return Error::from_errno("socket");
  const sockaddr_vm address = vsock_address(kGuestCid, port);
  // reinterpret_cast: sockaddr is the common form of all addresses
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Error::from_errno("connect to QEMU's guest");
  return socket;
}

Result<UniqueFd> vsock_listen(std::uint32_t port) {
  UniqueFd socket(::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return Error::from_errno("socket");
  const sockaddr_vm address = vsock_address(VMADDR_CID_ANY, port);
  // reinterpret_cast: sockaddr is the common form of all addresses
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.get(), 1) != 0)
    return Error::from_errno("listen for QEMU's guest");
  return socket;
}

// QEMU with our agent in it.
struct QemuVm {
  Program program;
  client::ControlConnection control;
};

Result<QemuVm> start_qemu(const QemuGuest& guest) {
  const UniqueFd listener = SM_TRY(vsock_listen(rpc::kControlPort));
  Program program = SM_TRY(Program::start(qemu_command(guest)));
  if (!SM_TRY(sys::wait_ready(listener.get(), POLLIN, deadline_in(kPatience))))
    return Error(Errc::kTimeout, "QEMU's guest did not ring");
  auto stream = SM_TRY(sys::accept(listener.get()));
  if (!stream) return Error(Errc::kGuestFault, "QEMU's guest rang and ran");
  auto control =
      SM_TRY(client::ControlConnection::create(*std::move(stream), deadline_in(kPatience)));
  return QemuVm{std::move(program), std::move(control)};
}

double mib_per_second(std::size_t mib, Clock::time_point start) {
  return static_cast<double>(mib) / std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<std::string> dd(std::size_t mib) {
  return {"dd", "if=/dev/zero", "bs=64k", "count=" + std::to_string(mib * 16)};
}

Status check_end(std::size_t got, std::size_t mib, bool success) {
  if (success && got == mib << 20) return {};
  return Error(Errc::kGuestFault, "dd gave " + std::to_string(got) + " bytes");
}

Status measure_ours(Vm& vm, std::size_t mib, Series& series) {
  const auto start = Clock::now();
  ExecChild child = SM_TRY(vm.exec(dd(mib)));
  for (std::size_t got = 0;;) {
    const ExecEvent event = SM_TRY(child.next(kPatience));
    if (const auto* out = std::get_if<ExecStdout>(&event)) got += out->data.size();
    if (const auto* end = std::get_if<ExecOutcome>(&event)) {
      series.add(mib_per_second(mib, start));
      return check_end(got, mib, end->success());
    }
  }
}

Status measure_qemu(std::size_t mib, Series& series) {
  const client::Connector connect = [](Deadline) { return vsock_connect(rpc::kAgentPort); };
  const auto start = Clock::now();
  rpc::ExecRequest request;
  request.argv = dd(mib);
  auto session = SM_TRY(client::ExecSession::start(connect, request, deadline_in(kPatience)));
  for (std::size_t got = 0;;) {
    const auto event = SM_TRY(session.next_event(deadline_in(kPatience)));
    if (const auto* out = std::get_if<client::ExecSession::Stdout>(&event)) got += out->data.size();
    if (const auto* end = std::get_if<rpc::ExitStatus>(&event)) {
      series.add(mib_per_second(mib, start));
      return check_end(got, mib, end->code == 0 && end->signal == 0);
    }
  }
}

Status measure(int pairs, std::size_t mib, const std::string& reference,
               const std::string& directory) {
  const Image image = SM_TRY(Image::from_oci(reference));
  const AssetPaths assets = SM_TRY(AssetPaths::discover());
  const std::string agent = SM_TRY(read_file(assets.agent, 16 << 20));
  const rootfs::InitramfsFile file{.path = "init", .bytes = std::as_bytes(std::span(agent))};
  const auto archive = SM_TRY(rootfs::make_initramfs(std::span(&file, 1)));
  const std::string initramfs = directory + "/agent.cpio";
  AtomicFile out = SM_TRY(AtomicFile::create(initramfs));
  SM_TRY(write_all(out.fd(), archive));
  SM_TRY(out.commit());

  const QemuVm qemu = SM_TRY(start_qemu({.kernel = assets.kernel,
                                         .initramfs = initramfs,
                                         .root_image = image.rootfs_path(),
                                         .kernel_args = "sm.root=/dev/vda sm.hostname=qemu",
                                         .guest_cid = kGuestCid}));
  Vm vm = SM_TRY(image.start());
  Series ours, theirs;
  for (int i = 0; i < pairs; ++i) {
    SM_TRY(measure_ours(vm, mib, ours));
    SM_TRY(measure_qemu(mib, theirs));
  }
  print_header("MiB/s");
  print_line("QEMU with vhost-vsock", theirs, theirs);
  print_line("ours", ours, theirs);
  return {};
}

}  // namespace
}  // namespace supermachine::bench

int main(int argc, char** argv) {
  using namespace supermachine;
  if (argc != 5) return 2;
  const Status done =
      bench::measure(std::atoi(argv[1]), std::strtoul(argv[2], nullptr, 10), argv[3], argv[4]);
  if (!done.ok()) std::fprintf(stderr, "output_bench: %s\n", done.error().message().c_str());
  return done.ok() ? 0 : 1;
}
