// SPDX-License-Identifier: Apache-2.0
#include "base/file_or_bytes.h"

#include <fcntl.h>

#include "base/sys.h"

namespace supermachine {

Result<FileOrBytes::Opened> FileOrBytes::open() const {
  if (bytes_) return Opened(*bytes_);
  const UniqueFd file = SM_TRY(sys::open(name_, O_RDONLY));
  auto mapping = Mapping::of_file(file.get());
  if (!mapping.ok()) return std::move(mapping).error().with(name_);
  return Opened(std::move(mapping).value());
}

}  // namespace supermachine
