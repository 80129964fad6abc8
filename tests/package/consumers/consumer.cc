// SPDX-License-Identifier: Apache-2.0
// consumer IMAGE: boots it, runs one command, prints what that wrote.
#include <iostream>
#include <supermachine/supermachine.hpp>

namespace {

supermachine::Result<int> run(const char* reference) {
  const auto image = SM_TRY(supermachine::Image::from_oci(reference));
  auto vm = SM_TRY(image.start());
  const auto outcome = SM_TRY(vm.exec_builder().argv({"echo", "hello from C++"}).output());
  std::cout << outcome.stdout;
  return outcome.status;
}

}  // namespace

int main(int argc, char** argv) {
  const auto status = run(argc > 1 ? argv[1] : "");
  if (status.ok()) return status.value();
  std::cerr << "consumer: " << status.error().message() << '\n';
  return 1;
}
