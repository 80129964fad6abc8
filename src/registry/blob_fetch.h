// SPDX-License-Identifier: Apache-2.0
// One blob from the registry into the store: resumed where an earlier attempt ended, checked on the
// way, and there only when it is whole and right.
#pragma once

#include <functional>

#include "base/progress_report.h"
#include "registry/image_store.h"
#include "registry/repository_client.h"

namespace supermachine::registry {

struct BlobFetch {
  const ImageStore& store;
  RepositoryClient& client;
  const std::function<bool()>& cancelled;
  Deadline deadline;  // for another process that downloads the same to end
  // A blob of the right size is read before it counts as here: small ones, which others are found
  // by.
  bool checks_content = false;
};

// `step` counts the bytes and is finished when the blob is here. Of two processes that want the
// same blob, one downloads it while the other waits.
Status fetch_blob(const BlobFetch& how, const oci::Descriptor& descriptor,
                  RepositoryClient::Connections& connections, ProgressReport::Step& step);

}  // namespace supermachine::registry
