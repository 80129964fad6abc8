# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where, and find_package(supermachine-kernel) finds. Components: `kernel` is what programs run
# with, `dev` what they are built with.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(made ${CMAKE_CURRENT_BINARY_DIR}/supermachine_kernel_x86_64)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/supermachine-kernel)
install(TARGETS supermachine_kernel supermachine_kernel_x86_64 supermachine_kernel_x86_64_shared
  EXPORT supermachine-kernel
  LIBRARY COMPONENT kernel NAMELINK_COMPONENT dev
  ARCHIVE COMPONENT dev
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT supermachine-kernel DESTINATION ${config_dir} NAMESPACE supermachine:: FILE supermachine-kernelConfig.cmake
  COMPONENT dev)
write_basic_package_version_file(${made}/supermachine-kernelConfigVersion.cmake VERSION ${version} COMPATIBILITY ExactVersion)
install(FILES ${made}/supermachine-kernelConfigVersion.cmake DESTINATION ${config_dir} COMPONENT dev)
install(DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/include/ ${made}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
install(FILES ${payloads}/NOTICE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/supermachine-kernel COMPONENT kernel)
