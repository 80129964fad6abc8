// SPDX-License-Identifier: Apache-2.0
// What is behind the handles. A getter gives pointers into its handle, so what the C++ API gives by
// value is kept beside it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "supermachine/assets.h"
#include "supermachine/exec.h"
#include "supermachine/host.h"
#include "supermachine/image.h"
#include "supermachine/image_builder.h"
#include "supermachine/pool.h"
#include "supermachine/ports.h"
#include "supermachine/progress.h"
#include "supermachine/remote_vm.h"
#include "supermachine/result.h"
#include "supermachine/snapshot.h"
#include "supermachine/store.h"
#include "supermachine/supermachine.h"
#include "supermachine/vm.h"
#include "supermachine/vm_config.h"

struct supermachine_error {
  supermachine::Error error;
};

struct supermachine_string_list {
  std::vector<std::string> strings;
};

struct supermachine_bytes {
  std::string bytes;
};

struct supermachine_host_report {
  explicit supermachine_host_report(supermachine::HostReport made)
      : report(std::move(made)), problems{report.problems} {}
  supermachine::HostReport report;
  supermachine_string_list problems;
};

struct supermachine_assets {
  supermachine::AssetPaths paths;
};

struct supermachine_config {
  supermachine::VmConfig config;
};

struct supermachine_progress {
  const supermachine::Progress& progress;  // the callback's argument
};

struct supermachine_import_options {
  supermachine::ImportOptions options;
};

struct supermachine_image_config {
  explicit supermachine_image_config(supermachine::ImageConfig of);
  supermachine::ImageConfig config;
  supermachine_string_list env;
  supermachine_string_list entrypoint;
  supermachine_string_list cmd;
  supermachine_string_list exposed_ports;
  supermachine_string_list label_names;
};

struct supermachine_image {
  explicit supermachine_image(supermachine::Image opened)
      : image(std::move(opened)),
        config(image.config()),
        snapshot_directory(image.snapshot_directory()) {}
  supermachine::Image image;
  supermachine_image_config config;
  std::string snapshot_directory;
};

struct supermachine_builder {
  supermachine::OciImageBuilder builder;
};

struct supermachine_vm {
  // The last one is lent to a warm-up, by who owns it.
  std::variant<supermachine::Vm, supermachine::PooledVm, supermachine::Vm*> vm;

  supermachine::Vm& get();
  const supermachine::Vm& get() const { return const_cast<supermachine_vm*>(this)->get(); }
};

struct supermachine_remote_vm {
  supermachine::RemoteVm vm;
};

struct supermachine_exit {
  supermachine::VmExit exit;
};

struct supermachine_exec {
  supermachine::ExecBuilder builder;
};

struct supermachine_child {
  supermachine::ExecChild child;
};

struct supermachine_outcome {
  supermachine::ExecOutcome outcome;
};

struct supermachine_event {
  explicit supermachine_event(supermachine::ExecEvent event);
  supermachine_event_kind kind;
  std::string data;
  std::optional<supermachine_outcome> outcome;
};

struct supermachine_listener {
  supermachine::Listener listener;
};

struct supermachine_listener_list {
  explicit supermachine_listener_list(std::vector<supermachine::Listener> found);
  std::vector<supermachine_listener> listeners;
};

struct supermachine_forward {
  supermachine::TcpForward forward;
};

struct supermachine_snapshot_options {
  supermachine::SnapshotOptions options;
};

struct supermachine_snapshot_info {
  explicit supermachine_snapshot_info(supermachine::SnapshotInfo read)
      : info(std::move(read)), config(info.config), problems{info.problems} {}
  supermachine::SnapshotInfo info;
  supermachine_image_config config;
  supermachine_string_list problems;
};

struct supermachine_pool_builder {
  supermachine::PoolBuilder builder;
};

struct supermachine_pool {
  supermachine::Pool pool;
};

struct supermachine_pool_stats {
  supermachine::PoolStats stats;
};

struct supermachine_places {
  supermachine::StorePlaces places;
};

struct supermachine_bake {
  supermachine::BakeInfo info;
};

struct supermachine_bake_list {
  explicit supermachine_bake_list(std::vector<supermachine::BakeInfo> found);
  std::vector<supermachine_bake> bakes;
};

struct supermachine_pulled_image {
  supermachine::PulledImage image;
};

struct supermachine_pulled_image_list {
  explicit supermachine_pulled_image_list(std::vector<supermachine::PulledImage> found);
  std::vector<supermachine_pulled_image> images;
};

struct supermachine_prune_options {
  supermachine::PruneOptions options;
};

struct supermachine_prune_report {
  explicit supermachine_prune_report(supermachine::PruneReport made)
      : report(std::move(made)), bakes{report.bakes} {}
  supermachine::PruneReport report;
  supermachine_string_list bakes;
};

namespace supermachine::capi {

// The callback as C++ has it; none for NULL.
ProgressCallback to_callback(supermachine_progress_fn function, void* user);

// nullopt for a number that is none.
std::optional<PullPolicy> to_pull_policy(supermachine_pull_policy policy);

}  // namespace supermachine::capi
