# SPDX-License-Identifier: Apache-2.0
# Debian packages, in packages/ of the build tree: target `packages`.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR "supermachine")
set(CPACK_PACKAGE_CONTACT "supermachine maintainers <root@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_OUTPUT_FILE_PREFIX ${PROJECT_BINARY_DIR}/packages)
set(CPACK_STRIP_FILES ON)
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_LIST_DIR}/cpack-config.cmake)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_COMPONENTS_ALL runtime kernel dev cli)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/lib ${PROJECT_BINARY_DIR}/assets)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME libsupermachine${soversion})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "supermachine-kernel (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_RECOMMENDS "libcurl4, ca-certificates")
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "runs container images as microVMs - library
libsupermachine starts container images as virtual machines on Linux/KVM,
inside the caller's process, from snapshots in milliseconds.")

set(CPACK_DEBIAN_KERNEL_PACKAGE_NAME supermachine-kernel)
set(CPACK_DEBIAN_KERNEL_PACKAGE_SECTION kernel)
set(CPACK_COMPONENT_KERNEL_DESCRIPTION "kernel, agent and busybox for supermachine's guests
What every microVM of libsupermachine boots, as a library.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libsupermachine-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libsupermachine${soversion} (= ${PROJECT_VERSION}), supermachine-kernel (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "libfmt-dev, libsquashfs-dev, libssl-dev, zlib1g-dev, libzstd-dev")
set(CPACK_COMPONENT_DEV_DESCRIPTION "runs container images as microVMs - headers and static library
For programs in C, C++ and whatever binds to C. Static linking needs what is
suggested.")

set(CPACK_DEBIAN_CLI_PACKAGE_NAME supermachine)
set(CPACK_DEBIAN_CLI_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_CLI_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_CLI_PACKAGE_DEPENDS "libsupermachine${soversion} (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_CLI_DESCRIPTION "runs container images as microVMs - program
Like docker run, but each container is a virtual machine with a kernel of its
 own, restored from a snapshot in milliseconds.")
include(CPack)

add_custom_target(packages
  COMMAND ${CMAKE_COMMAND} -E rm -rf packages
  COMMAND ${CMAKE_CPACK_COMMAND} -G DEB
  DEPENDS supermachine_shared supermachine_static supermachine_installed docs
  WORKING_DIRECTORY ${PROJECT_BINARY_DIR} COMMENT "Making Debian packages" USES_TERMINAL VERBATIM)
