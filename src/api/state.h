// What stands behind the opaque classes of the public API.
#pragma once

#include <memory>
#include <string>

#include "bake/import.h"
#include "base/files.h"
#include "client/exec.h"
#include "instance/instance.h"
#include "supermachine/exec.h"
#include "supermachine/image.h"
#include "supermachine/vm.h"

namespace supermachine {

struct Image::State {
  bake::ImportedImage imported;
  ImageConfig config;
  std::string digest;
};

struct Vm::State {
  Image image;
  std::optional<TempDir> socket_dir = {};  // before the instance, whose socket lies in it
  std::string vsock_path = {};
  std::unique_ptr<Instance> instance = {};
  StartTimings timings = {};
};

struct ExecBuilder::State {
  client::Connector connect;
  rpc::ExecRequest request;
  std::string input;
};

struct ExecChild::State {
  client::ExecSession session;
};

}  // namespace supermachine
